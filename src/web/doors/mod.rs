//! The ways in.

pub mod afar;
pub mod api;
pub mod events_feed;
pub mod operators;
pub mod pages;
