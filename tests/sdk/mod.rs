//! The API as its clients see it: Appwrite's stock SDKs, none of which was written here, and schemathesis, which reads the
//! `OpenAPI` file.
//!
//! Each test starts the real program and a client as processes of their own. `tests/all.sh` installs the clients.

mod live;
mod pages;
mod schemathesis;
mod stock;
mod tools;
mod web;

pub use self::live::Live;
pub use self::pages::{Pages, Place};
pub use self::tools::{beside_packages, command, node_packages, python};
