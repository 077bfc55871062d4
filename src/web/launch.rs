//! From settings to a server that listens.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rocket::config::Shutdown;
use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::{Build, Ignite, Orbit, Rocket};

use super::listener::Listener;
use super::{Core, Sessiond, doors};
use crate::config::{Config, ConfigError};
use crate::service::Service;

/// How often to look whether the last request is done.
const DRAIN_PAUSE: Duration = Duration::from_millis(20);

/// The settings of `Rocket.toml` in the working folder and of the environment, over defaults that fit a server of this
/// kind. Flags are merged over it.
pub fn figment() -> Figment {
    Figment::from(rocket::Config {
        log_level: rocket::config::LogLevel::Off,
        shutdown: Shutdown { ctrlc: true, grace: 5, ..Shutdown::default() },
        ..rocket::Config::release_default()
    })
    .merge(rocket::Config::figment().select("default"))
    .join(("log_level", "off"))
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The data folder.
    #[error("the data folder cannot be used: {0}")]
    Folder(#[from] io::Error),
}

/// The whole server as an application: pages, static files and the gate, on a service that is open.
///
/// # Errors
/// If a setting is wrong or the data folder cannot be used.
pub fn build(figment: Figment, service: Arc<Service>) -> Result<Rocket<Build>, BuildError> {
    let config = Config::extract(&figment)?;
    let sessiond = Sessiond::new(service, config)?;
    Ok(sessiond.attach(rocket::custom(figment))?)
}

/// Where the server listens.
#[derive(Debug, Clone)]
pub struct Listening {
    /// The pages and everything else that is public.
    pub address: String,
    /// Operators' routes, where they have an address of their own.
    pub operators: Option<SocketAddr>,
}

/// Why the server stopped.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// It could not listen.
    #[error("cannot listen on {address}: {source}; choose another address with --address or another port with --port")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It could not listen where operators' routes are to be.
    #[error("cannot listen on {address}: {source}; choose another address in sessiond.operators.listen")]
    Operators {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A setting that the framework refuses, or that fits no other.
    #[error("configuration: {0}")]
    Refused(String),
}

/// Serves until the process is told to stop and what is in flight is done. `ready` is told the address. Operators' routes that
/// are to have an address of their own are served by this function alone.
///
/// # Errors
/// If the server cannot start.
pub async fn launch(rocket: Rocket<Build>, ready: impl FnOnce(&Listening) + Send + 'static) -> Result<(), LaunchError> {
    use rocket::error::ErrorKind;
    let ready = std::sync::Mutex::new(Some(ready));
    let operators = Arc::new(OnceLock::new());
    let operators_address = Arc::clone(&operators);
    let rocket = rocket.attach(AdHoc::on_liftoff("address", move |rocket| {
        stop_when_told(rocket);
        let config = rocket.config();
        let address = format!("http://{}", SocketAddr::new(config.address, config.port));
        let listening = Listening { address, operators: operators_address.get().copied() };
        if let Some(ready) = ready.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            ready(&listening);
        }
        Box::pin(async {})
    }));
    let rocket = rocket.ignite().await.map_err(|error| match error.kind() {
        // Its own text names no key; the cause does.
        ErrorKind::Config(cause) => LaunchError::Refused(cause.to_string()),
        other => LaunchError::Refused(other.to_string()),
    })?;
    let address = SocketAddr::new(rocket.config().address, rocket.config().port);
    let apart = open_apart(&rocket, address).await?;
    if let Some(listener) = &apart {
        let _ = operators.set(listener.address());
    }
    let served = serve(rocket, address).await;
    // The last to close: whoever watches sees the server until it is gone.
    if let Some(listener) = apart {
        listener.close().await;
    }
    served
}

/// The listener for operators' routes, where they are to have one.
async fn open_apart(rocket: &Rocket<Ignite>, public: SocketAddr) -> Result<Option<Listener>, LaunchError> {
    let Some(core) = rocket.state::<Arc<Core>>() else { return Ok(None) };
    let operators = core.config.operators;
    if operators.collide_with(public) {
        let told = format!(
            "sessiond.operators.listen: the pages are at {public}; choose another port, or leave it out to have \
             operators' routes among them"
        );
        return Err(LaunchError::Refused(told));
    }
    match doors::operators::open_apart(core).await {
        Ok(listener) => Ok(listener),
        Err(source) => {
            let address = operators.apart().unwrap_or(public);
            Err(LaunchError::Operators { address, source })
        }
    }
}

/// Serves the public.
async fn serve(rocket: Rocket<Ignite>, address: SocketAddr) -> Result<(), LaunchError> {
    use rocket::error::ErrorKind;
    let Err(error) = rocket.launch().await else { return Ok(()) };
    match error.kind() {
        ErrorKind::Bind(source) | ErrorKind::Io(source) => {
            let address = address.to_string();
            Err(LaunchError::Listen { address, source: io::Error::new(source.kind(), source.to_string()) })
        }
        ErrorKind::Shutdown(rocket, None) => {
            drained(rocket).await;
            Ok(())
        }
        other => Err(LaunchError::Refused(other.to_string())),
    }
}

/// The framework listens for signals only after it has said that it is up: until then one would end the process at once.
#[cfg(unix)]
fn stop_when_told(rocket: &Rocket<Orbit>) {
    use rocket::config::Sig;
    use rocket::tokio::signal::unix::{SignalKind, signal};
    if !rocket.config().shutdown.signals.contains(&Sig::Term) {
        return;
    }
    let shutdown = rocket.shutdown();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => drop(tokio::spawn(async move {
            if terminate.recv().await.is_some() {
                shutdown.notify();
            }
        })),
        Err(error) => tracing::warn!(%error, "a signal right after the start ends the process at once"),
    }
}

#[cfg(not(unix))]
fn stop_when_told(_: &Rocket<Orbit>) {}

/// Waits for the requests that are still served. When the accepting side notices first that the server is to stop, the
/// framework gives up at once, with requests under way; each of them holds the application.
async fn drained(rocket: &Arc<Rocket<Orbit>>) {
    let Shutdown { grace, mercy, .. } = rocket.config().shutdown;
    let most = Duration::from_secs(u64::from(grace) + u64::from(mercy) + 1);
    let mut waited = Duration::ZERO;
    while Arc::strong_count(rocket) > 1 && waited < most {
        tokio::time::sleep(DRAIN_PAUSE).await;
        waited += DRAIN_PAUSE;
    }
    if Arc::strong_count(rocket) > 1 {
        tracing::warn!("requests were still under way when the server stopped");
    }
}
