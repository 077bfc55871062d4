//! The ways in.

pub mod afar;
pub mod api;
pub mod operators;
pub mod pages;
pub mod proxy;
