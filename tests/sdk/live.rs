//! A server with an API key, and the programs that talk to it.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Exited, Program, Server};

/// Signing up is open, guessing is unlimited and hashing cheap: none of them is what the clients are about.
const SETTINGS: &str = r#"sign_up=true,password_hash={memory_kib=64,passes=1},login_limits={per_ip="1000000/1s",per_account="1000000/1s",all="1000000/1s",sign_ups="1000000/1s"}"#;

/// An answer that takes longer hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server under way, and a key with every scope.
pub struct Live {
    pub key: String,
    server: Server,
    settings: String,
    data: TempDir,
    agent: ureq::Agent,
}

/// The same while it is stopped.
pub struct Down {
    key: String,
    port: u16,
    settings: String,
    data: TempDir,
}

/// A new key.
fn key(data: &Path, scopes: &str) -> String {
    let created = Program::verb(data, ["key", "create", "--name", "tests", "--scope", scopes]).run();
    assert_eq!(created.code, Some(0), "{created:?}");
    created.stdout.lines().last().expect("the key").to_owned()
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build().into()
}

/// What became of a client.
pub struct Ended(pub Exited);

impl Live {
    pub fn start() -> Self {
        Self::with("")
    }

    /// With further settings, as `ROCKET_SESSIOND` has them.
    pub fn with(settings: &str) -> Self {
        let data = TempDir::new().unwrap();
        let more = if settings.is_empty() { String::new() } else { format!(",{settings}") };
        let settings = format!("{{{SETTINGS}{more}}}");
        let server = Program::serve(data.path()).env("ROCKET_SESSIOND", &settings).listen();
        let key = key(data.path(), "all");
        Self { key, server, settings, data, agent: agent() }
    }

    /// Stops it, and leaves its port alone.
    pub fn down(self) -> Down {
        let port = self.server.address.port();
        let stopped = self.server.stop();
        assert_eq!(stopped.code, Some(0), "{stopped:?}");
        Down { key: self.key, port, settings: self.settings, data: self.data }
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// A key that has these scopes alone.
    pub fn key_for(&self, scopes: &str) -> String {
        key(self.data.path(), scopes)
    }

    /// Where browsers find it.
    pub fn origin(&self) -> String {
        format!("http://{}", self.server.address)
    }

    /// Where the SDKs find it.
    pub fn endpoint(&self) -> String {
        format!("{}/v1", self.origin())
    }

    /// The program with what it needs to know in its environment.
    pub fn told(&self, program: Program) -> Program {
        program.env("SESSIOND_ENDPOINT", &self.endpoint()).env("SESSIOND_KEY", &self.key)
    }

    /// Runs a client to its end.
    pub fn run(&self, program: Program) -> Ended {
        Ended(self.told(program).run())
    }

    /// One request of an administrator's program: status and body.
    pub fn ask(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.endpoint()));
        let request = request.header("X-Appwrite-Key", &self.key).header("Content-Type", "application/json");
        let request = self
            .agent
            .configure_request(request.body(body.to_string()).expect("a request"))
            .allow_non_standard_methods(true);
        let mut answer = self.agent.run(request.build()).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let text = answer.body_mut().read_to_string().expect("a text");
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// The same where it must be done.
    #[track_caller]
    pub fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, told) = self.ask(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {told}");
        told
    }

    /// A new user with this id.
    pub fn user(&self, id: &str, password: &str) {
        let email = format!("{id}@example.com");
        self.done("POST", "/users", &json!({ "userId": id, "email": email, "password": password, "name": id }));
    }

    /// What an administrator does: every session of the user ends.
    pub fn revoke(&self, id: &str) {
        self.done("DELETE", &format!("/users/{id}/sessions"), &json!({}));
    }
}

impl Down {
    /// Starts it again where it was.
    pub fn up(self) -> Live {
        let Self { key, port, settings, data } = self;
        let server = Program::serve_at(data.path(), port).env("ROCKET_SESSIOND", &settings).listen();
        Live { key, server, settings, data, agent: agent() }
    }
}

impl Ended {
    /// It found everything as it should be, and looked at no less than this.
    #[track_caller]
    pub fn checked(&self, at_least: usize) {
        let Exited { code, stdout, stderr } = &self.0;
        print!("{stdout}");
        assert_eq!(*code, Some(0), "the client found a difference:\n{stdout}{stderr}");
        let checks = stdout.lines().filter(|line| line.starts_with("ok: ")).count();
        assert!(checks >= at_least, "only {checks} of {at_least} checks:\n{stdout}{stderr}");
    }
}
