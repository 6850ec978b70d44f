//! placeholder

pub mod tui;
