//! Charts as rows of text: a line, a filled line, a sparkline, a bar.
//!
//! Pure functions of numbers. A value that is not there is a blank, never a zero. Each has a form
//! in ASCII.

pub mod bar;
pub mod lane;
pub mod plot;
pub mod scale;
pub mod spark;
