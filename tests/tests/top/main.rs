//! `hydractl top` as a person has it: the built program in a terminal, a daemon that is killed and
//! comes back, and the terminal as it was afterwards.

mod figures;
mod line;
mod made_up;
mod real;
mod terminal;
mod tmux;
