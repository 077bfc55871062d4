//! The operator's door of the server that runs: where blocking is done.

use std::fs;
use std::io;
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::Answer;

/// Longer than any stop of the nemesis.
const PATIENCE: Duration = Duration::from_secs(20);

/// The door, and the key to it.
pub struct Door {
    address: String,
    key: String,
}

impl Door {
    /// What stands in the folder, if something listens there.
    pub fn find(data: &Path) -> Option<Self> {
        let told: Value = serde_json::from_slice(&fs::read(data.join("control")).ok()?).ok()?;
        let text = |name: &str| told[name].as_str().map(str::to_owned);
        let door = Self { address: text("address")?, key: text("key")? };
        TcpStream::connect(&door.address).ok().map(|_| door)
    }

    /// Blocks or unblocks a user.
    pub fn change(&self, user: &str, change: &str) -> io::Result<Answer> {
        self.run("user-change", &json!({"user": user, "change": change, "reason": "checked"}))
    }

    /// Has the database written anew while requests go on. Answers whether that was done.
    pub fn compact(&self) -> bool {
        self.run("compact", &Value::Null).is_ok_and(|answer| answer.status == 200)
    }

    fn run(&self, command: &str, particulars: &Value) -> io::Result<Answer> {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let asked = ureq::Agent::from(config).post(format!("http://{}/run/{command}", self.address));
        let asked = asked.header("authorization", format!("Bearer {}", self.key));
        let mut answer = asked.send(particulars.to_string().as_bytes()).map_err(io::Error::other)?;
        let body = answer.body_mut().read_to_string().map_err(io::Error::other)?;
        Ok(Answer { status: answer.status().as_u16(), headers: Vec::new(), body })
    }
}
