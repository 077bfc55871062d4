//! The ways in.

pub mod operators;
pub mod pages;
