//! The ways in.

pub mod afar;
pub mod operators;
pub mod pages;
pub mod proxy;
