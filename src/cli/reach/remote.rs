//! The server on this machine that has the data folder open, by its operator's door.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::{Failure, LONGEST};
use crate::config::Config;
use crate::domain::clock::OsEntropy;
use crate::service::operator::{Command, How, Refused, Upkeep};
use crate::store::sled::Sled;
use crate::web::control::{self, Control};

/// A server on this machine answers sooner, or not at all.
const CONNECT: Duration = Duration::from_secs(2);
/// To a question that needs no database.
const ANSWER: Duration = Duration::from_secs(5);

/// A server with the database open.
#[derive(Clone)]
pub struct Remote {
    agent: Agent,
    control: Control,
}

impl Remote {
    /// The server that has this data folder open, if one answers.
    pub async fn find(config: &Config) -> Option<Self> {
        let control = Control::read(&config.data)?;
        // Nobody holds the folder: whoever listens there now is somebody else.
        if Sled::is_free(&config.data) {
            return None;
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT))
            // A variable that sends requests elsewhere would send the key along.
            .proxy(None)
            .max_redirects(0)
            .build();
        let remote = Self { agent: agent.into(), control };
        let asked = remote.clone();
        let proved = blocking(move || Ok(asked.is_proved())).await.ok()?;
        proved.then_some(remote)
    }

    /// Whether it answers in time, and has the key: before that nothing of value is sent.
    fn is_proved(&self) -> bool {
        let nonce = control::nonce(&OsEntropy);
        let asked = self.agent.get(self.url(&format!("ping?nonce={nonce}"))).config();
        let answer = asked.timeout_global(Some(ANSWER)).build().call();
        let answer =
            answer.ok().and_then(|mut answer| answer.body_mut().with_config().limit(1024).read_to_string().ok());
        answer.is_some_and(|answer| self.control.is_proved(&nonce, &answer))
    }

    /// Has it done there, or told what would become of it.
    pub async fn run<C: Command + 'static>(&self, command: C, how: How) -> Result<C::Answer, Failure> {
        let path = match how {
            How::ForGood => format!("run/{}", C::NAME),
            How::DryRun => format!("dry-run/{}", C::NAME),
        };
        self.send(path, &command).await
    }

    /// Has that done there.
    pub async fn upkeep<U: Upkeep + 'static>(&self, upkeep: U) -> Result<U::Answer, Failure> {
        self.send(format!("run/{}", U::NAME), &upkeep).await
    }

    async fn send<T: DeserializeOwned + Send + 'static>(
        &self,
        path: String,
        command: &impl Serialize,
    ) -> Result<T, Failure> {
        let text = serde_json::to_string(command).map_err(Failure::failed)?;
        let remote = self.clone();
        blocking(move || remote.post(&path, text.as_bytes()).and_then(answer)).await
    }

    /// The backup as it comes; cut short if something goes wrong over there.
    pub fn backup(&self) -> Result<impl Read + use<>, Failure> {
        let answer = self.get("backup")?;
        if answer.status() == 200 { Ok(answer.into_body().into_reader()) } else { Err(Failure::failed("refused")) }
    }

    /// Sends a backup to be put in the place of the database.
    pub fn restore<T: DeserializeOwned>(&self, file: File) -> Result<T, Failure> {
        self.post("restore", file).and_then(answer)
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.control.address)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.control.key)
    }

    fn get(&self, path: &str) -> Result<Response<Body>, Failure> {
        self.agent.get(self.url(path)).header("authorization", self.bearer()).call().map_err(broken)
    }

    fn post(&self, path: &str, body: impl ureq::AsSendBody) -> Result<Response<Body>, Failure> {
        self.agent.post(self.url(path)).header("authorization", self.bearer()).send(body).map_err(broken)
    }
}

fn broken(error: ureq::Error) -> Failure {
    Failure::failed(format!("the running server did not answer ({error}); whether it was done is not known, try again"))
}

fn answer<T: DeserializeOwned>(mut answer: Response<Body>) -> Result<T, Failure> {
    let text = answer.body_mut().with_config().limit(LONGEST).read_to_string().map_err(broken)?;
    let odd = |error| Failure::failed(format!("the running server answered what cannot be read ({error})"));
    if answer.status() == 200 {
        return serde_json::from_str(&text).map_err(odd);
    }
    Err(serde_json::from_str::<Refused>(&text).map_or_else(odd, Failure::from))
}

/// Runs what waits for the network where it holds nobody up.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work).await.map_err(Failure::failed)?
}
