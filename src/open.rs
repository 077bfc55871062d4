//! From settings to a service on its database.

use std::sync::Arc;

use crate::config::Config;
use crate::domain::clock::{OsEntropy, SystemClock};
use crate::service::Service;
use crate::service::hasher::CostError;
use crate::service::operator::Operator;
use crate::store::sled::{OpenError, Sled};
use crate::store::{Environment, Store};

/// Why the service did not open.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// A setting.
    #[error("configuration: sessiond.password_hash: {0}")]
    Cost(#[from] CostError),
}

/// Opens the database of `config` with the machine's clock and randomness.
///
/// # Errors
/// Each says what to do.
pub async fn open(config: &Config) -> Result<Arc<Service>, StartError> {
    let service = open_in(config, system(config)).await?.service;
    if let Err(error) = service.look_at_hashes().await {
        tracing::warn!(%error, "how passwords were hashed could not be found out");
    }
    Ok(service)
}

/// A service with the database under it.
pub struct Opened {
    pub service: Arc<Service>,
    pub store: Arc<Sled>,
}

impl Opened {
    /// Whoever has opened it may do everything.
    pub fn operator(&self) -> Operator {
        Operator::on_the_machine(Arc::clone(&self.service))
    }
}

/// The same in a given environment, for whoever may do everything.
///
/// # Errors
/// Each says what to do.
pub(crate) async fn open_in(config: &Config, environment: Environment) -> Result<Opened, StartError> {
    let store = Arc::new(Sled::open(&config.data, environment.clone()).await?);
    let shared = Arc::clone(&store) as Arc<dyn Store>;
    let service = Service::new(shared, environment, config.sign_in())?;
    Ok(Opened { service: Arc::new(service), store })
}

/// The machine's clock and randomness, and the configured limits.
pub fn system(config: &Config) -> Environment {
    Environment { clock: Arc::new(SystemClock::new()), entropy: Arc::new(OsEntropy), limits: config.limits }
}
