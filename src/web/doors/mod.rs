//! The ways in.

pub mod pages;
