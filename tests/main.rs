//! All integration tests in one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod browser;
mod contract;
mod docs;
mod examples;
mod faults;
mod harness;
mod history;
mod layers;
mod process;
mod protect;
mod sdk;
mod shims;
mod sled;
mod web;
