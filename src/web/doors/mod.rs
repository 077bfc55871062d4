//! The ways in.

pub mod afar;
pub mod events_feed;
pub mod operators;
pub mod pages;
