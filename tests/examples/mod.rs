//! The examples as they stand, each as a process of its own against a live server: what people know as signing out ends the
//! session, and whom an administrator turns away is gone at the next request.

mod appwrite_web;
mod express;
mod flask;
mod streamlit;

use crate::process::{Client, Program, Server};
use crate::sdk::Live;

/// Whose browser it is.
const USER: &str = "grace";
const EMAIL: &str = "grace@example.com";
const PASSWORD: &str = "a few words in a row";

/// A file of an example.
fn file(path: &str) -> String {
    format!("{}/examples/{path}", env!("CARGO_MANIFEST_DIR"))
}

/// How many sessions the user has that would be accepted now.
fn sessions(live: &Live) -> u64 {
    live.done("GET", &format!("/users/{USER}/sessions"), &serde_json::json!({}))["total"].as_u64().expect("a number")
}

/// Starts an application, which says where it listens in a line that has `text` in it, on either of its outputs.
fn application(live: &Live, command: &std::path::Path, words: &[&str], text: &str) -> Server {
    let program = Program::at("/bin/sh".as_ref(), live.data()).args(["-c", "exec \"$0\" \"$@\" 2>&1"]).arg(command);
    let program = program.args(words.iter().copied()).env("SESSIOND_URL", &live.origin());
    let program = program.env("SECRET_KEY", "only for this test").env("PYTHONUNBUFFERED", "1");
    program
        .env("SESSIOND_KEY", &live.key_for("sessions.write"))
        .env("HOME", &live.data().display().to_string())
        .listen_saying(text)
}
