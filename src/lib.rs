//! sessiond: the one place where a team's sign-in sessions live and die.

pub mod config;
pub mod domain;
pub mod keys;
pub mod service;
pub mod store;
pub mod web;
