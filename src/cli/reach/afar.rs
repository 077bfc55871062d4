//! A server elsewhere, by its public address and an API key.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::{Address, Failure, LONGEST, blocking};
use crate::domain::key::KeyCredential;
use crate::service::operator::{Command, How, Refused};

/// Where the key stands: not on the command line, which everybody on the machine can read.
const KEY: &str = "SESSIOND_KEY";
/// Across the world.
const CONNECT: Duration = Duration::from_secs(10);
/// A page of sessions over a slow line.
const ANSWER: Duration = Duration::from_mins(2);

/// See the module.
#[derive(Clone)]
pub struct Afar {
    agent: Agent,
    server: Address,
    key: KeyCredential,
}

/// What the server says when it does not let a command in.
#[derive(Deserialize)]
struct Told {
    message: String,
}

impl Afar {
    /// A way to `server` with the key of the environment. Sends nothing yet.
    pub fn new(server: &Address, ca: Option<&Path>, insecure: bool) -> Result<Self, Failure> {
        if !server.is_private() && !insecure {
            return Err(Failure::usage(format!(
                "{server} is plain http to another machine, and everybody on the way could read the key; \
                 use https, or say --insecure-http"
            )));
        }
        let key = std::env::var(KEY).map_err(|_| {
            Failure::usage(format!("--server needs an API key in {KEY}; `sessiond key create` makes one"))
        })?;
        let key = key.trim().parse().map_err(|error| Failure::usage(format!("{KEY}: {error}")))?;
        let roots = ca.map_or(Ok(RootCerts::WebPki), roots)?;
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(ANSWER))
            // A variable or an answer that sends requests elsewhere would send the key along.
            .proxy(None)
            .max_redirects(0)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        Ok(Self { agent: agent.into(), server: server.clone(), key })
    }

    /// Has it done there, or told what would become of it.
    pub async fn run<C: Command + 'static>(&self, command: C, how: How) -> Result<C::Answer, Failure> {
        let text = serde_json::to_string(&command).map_err(Failure::failed)?;
        let path = match how {
            How::ForGood => C::NAME.to_owned(),
            How::DryRun => format!("{}/dry-run", C::NAME),
        };
        let afar = self.clone();
        blocking(move || afar.post(&path, &text).and_then(|answer| afar.answer(answer))).await
    }

    fn post(&self, path: &str, text: &str) -> Result<Response<Body>, Failure> {
        let asked = self.agent.post(self.server.url(path)).content_type("application/json");
        let asked = asked.header("accept", "application/json");
        let sent = asked.header("authorization", format!("Bearer {}", self.key.expose())).send(text);
        sent.map_err(|error| self.broken(&error))
    }

    fn broken(&self, error: &ureq::Error) -> Failure {
        Failure::failed(format!(
            "{} did not answer ({error}); whether it was done is not known, try again",
            self.server
        ))
    }

    fn answer<T: DeserializeOwned>(&self, mut answer: Response<Body>) -> Result<T, Failure> {
        let status = answer.status();
        if status.is_redirection() {
            let there = answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or("elsewhere");
            return Err(Failure::failed(format!(
                "{} answered {status} and points to {there}; the key is not sent there. Give the address of the server itself",
                self.server
            )));
        }
        let text = answer.body_mut().with_config().limit(LONGEST).read_to_string();
        let text = text.map_err(|error| self.broken(&error))?;
        let odd = || Failure::failed(format!("{} answered {status}, and not as a sessiond server does", self.server));
        match status.as_u16() {
            200 => serde_json::from_str(&text).map_err(|_| odd()),
            422 => Err(serde_json::from_str::<Refused>(&text).map_or_else(|_| odd(), Failure::from)),
            _ => {
                let told = serde_json::from_str::<Told>(&text).map_err(|_| odd())?;
                Err(Failure::failed(format!("{} answered {status}: {}", self.server, told.message)))
            }
        }
    }
}

/// The certificates in a file.
fn roots(file: &Path) -> Result<RootCerts, Failure> {
    let unusable = |why: &str| Failure::usage(format!("--ca: {}: {why}", file.display()));
    let bytes = fs::read(file).map_err(|error| unusable(&error.to_string()))?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&bytes)
        .filter_map(|item| if let Ok(PemItem::Certificate(found)) = item { Some(found) } else { None })
        .collect();
    if certificates.is_empty() {
        Err(unusable("holds no certificate"))
    } else {
        Ok(RootCerts::new_with_certs(&certificates))
    }
}
