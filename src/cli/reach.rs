//! Where a verb is carried out: in this process on a database that nobody has open, or by the server that has it open.

use std::fs::File;
use std::io::Read;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::Failure;
use crate::config::Config;
use crate::domain::clock::OsEntropy;
use crate::open;
use crate::service::operator::{Command, Operator, Refused};
use crate::store::Store;
use crate::store::sled::Sled;
use crate::web::control::{self, Control};

/// A server on this machine answers sooner, or not at all.
const CONNECT: Duration = Duration::from_secs(2);
/// To a question that needs no database.
const ANSWER: Duration = Duration::from_secs(5);
/// A page of sessions, in bytes, is never longer; findings of a check neither.
const LONGEST: u64 = 64 << 20;

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        if refused.usage { Self::usage(refused.told) } else { Self::failed(refused.told) }
    }
}

/// Either way.
pub enum Reach {
    /// This process has the database open.
    Here(Operator),
    /// A server has.
    There(Remote),
}

impl Reach {
    /// Asks the server of this data folder, or opens the database.
    pub async fn find(config: &Config) -> Result<Self, Failure> {
        match Remote::find(config).await {
            Some(remote) => Ok(Self::There(remote)),
            None => Ok(Self::Here(open::open_in(config, open::system(config)).await?)),
        }
    }

    /// Has it done.
    pub async fn run<C: Command + 'static>(&self, command: C) -> Result<C::Answer, Failure> {
        match self {
            Self::Here(operator) => Ok(command.run(operator).await?),
            Self::There(remote) => remote.run(command).await,
        }
    }

    /// Lets go of the database.
    pub async fn close(self) -> Result<(), Failure> {
        match self {
            Self::Here(operator) => Ok(operator.store.close().await?),
            Self::There(_) => Ok(()),
        }
    }
}

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

    /// Has it done there.
    pub async fn run<C: Command + 'static>(&self, command: C) -> Result<C::Answer, Failure> {
        let text = serde_json::to_string(&command).map_err(Failure::failed)?;
        let remote = self.clone();
        blocking(move || remote.post(&format!("run/{}", C::NAME), text.as_bytes()).and_then(answer)).await
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
