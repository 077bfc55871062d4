//! `sessiond serve`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tempfile::TempDir;

use super::{Data, Failure, demo};
use crate::domain::audit::{Action, Detail, Draft, Outcome};
use crate::domain::ending::Actor;
use crate::open;
use crate::web::{self, BuildError, LaunchError};

#[derive(Args, Default)]
pub struct Arguments {
    /// The data folder
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address to listen on
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// The port to listen on; 0 has the system choose one
    #[arg(long)]
    port: Option<u16>,
    /// Fill a throw-away database with 200 users and 1,000 sessions to look at
    #[arg(long, conflicts_with = "data")]
    demo: bool,
}

/// Serves until SIGTERM or Ctrl-C.
pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let folder = arguments.demo.then(TempDir::new).transpose().map_err(Failure::failed)?;
    let data = folder.as_ref().map(|folder| folder.path().to_owned()).or(arguments.data);
    let (mut figment, config) = Data { data }.config()?;
    if let Some(address) = arguments.address {
        figment = figment.merge(("address", address));
    }
    if let Some(port) = arguments.port {
        figment = figment.merge(("port", port));
    }

    let administrator = match &folder {
        Some(_) => Some(demo::fill(&config).await?),
        None => None,
    };
    let opened = open::open_in(&config, open::system(&config)).await?;
    let service = Arc::clone(&opened.service);
    service.look_at_hashes().await?;
    let code = service.offer_setup().await?;
    let started = Draft::new(Actor::System, Action::Start, Outcome::Success);
    let detail = Some(Detail::new(config.in_force()));
    service.store().record(Draft { detail, ..started }).await?;
    let reaper = tokio::spawn(Arc::clone(&service).keep_reaping());
    let worker = tokio::spawn(Arc::clone(&service).keep_working());
    let sweeper = tokio::spawn(Arc::clone(&service).keep_sweeping(config.retention));

    let webhooks = config.webhooks.iter().cloned();
    let delivering: Vec<_> =
        webhooks.map(|webhook| tokio::spawn(Arc::clone(&service).keep_delivering(webhook))).collect();

    let rocket = web::build(figment, Arc::clone(&service)).map_err(|error| match error {
        BuildError::Config(error) => Failure::from(error),
        BuildError::Folder(_) => Failure::failed(error),
    })?;
    let door = web::control::open(opened.operator(), opened.store, &config.data, service.entropy())
        .await
        .map_err(Failure::failed)?;
    let public = config.public_url.map(|url| url.to_string());
    let served = web::launch(rocket, move |listening| {
        let address = public.as_deref().unwrap_or(&listening.address);
        println!("sessiond listens on {address}");
        if let Some(operators) = listening.operators {
            println!("Operators' routes are at http://{operators}");
        }
        if let Some(code) = code {
            println!("Create the first administrator at {address}/setup within 30 minutes; the code is {code}");
        }
        if let Some(demo::Administrator { email, password }) = administrator {
            println!("Demo: sign in as {email} with the password {password}");
        }
    })
    .await;

    door.close().await;
    // Requests may still be served until the launch returns, so the last flush belongs here.
    reaper.abort();
    worker.abort();
    sweeper.abort();
    delivering.iter().for_each(tokio::task::JoinHandle::abort);
    service.store().close().await?;
    tracing::info!("stopped");
    served.map_err(|error| match error {
        LaunchError::Listen { .. } | LaunchError::Operators { .. } => Failure::failed(error),
        LaunchError::Refused(_) => Failure::usage(error),
    })
}
