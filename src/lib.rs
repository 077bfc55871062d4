//! sessiond: the one place where a team's sign-in sessions live and die.

pub mod domain;
pub mod store;
