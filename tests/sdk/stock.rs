//! The stock SDKs of servers, unmodified: one program for each, which goes the main path.

use super::tools::rust_sdk;
use super::{Live, beside_packages, command, python};
use crate::process::Program;

#[test]
fn the_main_path_with_appwrite_of_pypi() {
    let live = Live::start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/stock.py");
    live.run(Program::at(&python(), live.data()).arg(script)).checked(90);
}

#[test]
fn the_main_path_with_node_appwrite_of_npm() {
    let live = Live::start();
    let (folder, script) = beside_packages("tests/sdk/stock.cjs");
    live.run(Program::at(&command("node"), folder.path()).arg(script)).checked(90);
}

#[test]
fn the_main_path_with_the_crate_appwrite() {
    let live = Live::start();
    live.run(Program::at(&rust_sdk(), live.data())).checked(50);
}
