//! How answers are printed.
pub mod text;
