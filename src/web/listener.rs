//! A listener of the server's own, beside the one for the public: the operator's door, and operators' routes where they are
//! to be apart.

use std::io;
use std::net::SocketAddr;

use rocket::config::{LogLevel, Shutdown};
use rocket::error::ErrorKind;
use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::{Build, Rocket};
use tokio::sync::oneshot;

/// Its settings: those of nobody but the server, which also says when it stops.
pub fn figment(address: SocketAddr) -> Figment {
    let figment = Figment::from(rocket::Config {
        address: address.ip(),
        port: address.port(),
        log_level: LogLevel::Off,
        shutdown: Shutdown { ctrlc: false, signals: [].into(), ..Shutdown::default() },
        ..rocket::Config::release_default()
    });
    figment.merge(("ip_header", false)).merge(("ident", false))
}

/// One that is open.
pub struct Listener {
    address: SocketAddr,
    shutdown: rocket::Shutdown,
    served: tokio::task::JoinHandle<io::Result<()>>,
}

impl Listener {
    /// Opens it for `rocket`, which was made with [`figment`].
    ///
    /// # Errors
    /// If it cannot listen there.
    pub async fn open(rocket: Rocket<Build>) -> io::Result<Self> {
        let (listening, listens) = oneshot::channel();
        let listening = std::sync::Mutex::new(Some(listening));
        let rocket = rocket.attach(AdHoc::on_liftoff("address", move |rocket| {
            let address = SocketAddr::new(rocket.config().address, rocket.config().port);
            if let Some(listening) = listening.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
                let _ = listening.send(address);
            }
            Box::pin(async {})
        }));
        let rocket = rocket.ignite().await.map_err(|error| io::Error::other(error.kind().to_string()))?;
        let shutdown = rocket.shutdown();
        let served = tokio::spawn(async move {
            let Err(error) = rocket.launch().await else { return Ok(()) };
            match error.kind() {
                ErrorKind::Bind(source) | ErrorKind::Io(source) => {
                    Err(io::Error::new(source.kind(), source.to_string()))
                }
                ErrorKind::Shutdown(_, None) => Ok(()),
                other => Err(io::Error::other(other.to_string())),
            }
        });
        // What would have told the address is gone where there is none.
        let Ok(address) = listens.await else {
            let why = served.await.unwrap_or_else(|error| Err(io::Error::other(error)));
            return Err(why.err().unwrap_or_else(|| io::Error::other("it was stopped before it began")));
        };
        Ok(Self { address, shutdown, served })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets what is under way end, and closes it.
    pub async fn close(self) {
        self.shutdown.notify();
        match self.served.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, address = %self.address, "a listener has failed"),
            Err(error) => tracing::error!(%error, address = %self.address, "a listener has panicked"),
        }
    }
}
