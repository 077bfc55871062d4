//! `sessiond openapi`: what the API is, for programs.

use std::io::Write;

use super::Failure;
use crate::web::openapi;

/// Prints the description, as the server answers it at `/openapi.json`.
pub fn run() -> Result<(), Failure> {
    match std::io::stdout().write_all(openapi().as_bytes()) {
        // Whoever reads on may have seen enough.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(()),
    }
}
