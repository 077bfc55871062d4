//! sessiond: the one place where a team's sign-in sessions live and die.
//!
//! The binary serves pages for signing in and out and a dashboard on which administrators see and end sessions. As a library
//! it lends another Rocket application its gate and its guards:
//!
//! * [`Sessiond::attach`] adds pages and gate to an application, [`Sessiond::gate`] the gate alone;
//! * [`CurrentSession`] and [`AdminSession`] are what handlers ask for.
//!
//! See `examples/embed.rs`, and `docs/architecture.md` for how the parts hang together.

mod cli;
pub mod config;
pub mod domain;
mod keys;
mod open;
mod plain;
mod private;
pub mod service;
pub mod store;
mod web;

pub use cli::main;
pub use config::Config;
pub use open::{StartError, open};
pub use service::Service;
pub use web::{
    AdminSession, BuildError, CurrentSession, Gate, LaunchError, Listening, Sessiond, build, figment, launch,
};
