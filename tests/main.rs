//! All integration tests in one binary.

mod contract;
mod harness;
mod layers;
mod sled;
mod web;
