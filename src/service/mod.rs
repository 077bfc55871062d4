//! What people do with sessions: sign in, sign out, look, end. Knows the store's contract and the domain, not HTTP.

pub mod audit;
pub mod auth;
pub mod everyone;
pub mod feed;
pub mod foresight;
pub mod hasher;
pub mod hashes;
pub mod invite;
pub mod jobs;
pub mod keys;
pub mod metrics;
pub(crate) mod operator;
pub mod passwords;
pub mod people;
pub mod proofs;
pub mod reaper;
pub mod second_factors;
pub mod sessions;
pub mod setup;
pub mod sweeper;
pub mod throttle;
pub mod tokens;
pub mod users;
pub mod webhooks;

use std::sync::Arc;

use tokio::sync::Notify;

use self::feed::Streams;
use self::hasher::{Hasher, Hashing};
use self::hashes::Told;
use self::jobs::Desk;
use self::metrics::Metrics;
use self::setup::Setup;
use self::throttle::refusals::Refusals;
use self::throttle::{LoginLimits, Throttle};
use self::webhooks::Board;
use crate::domain::clock::{Clock, Entropy};
use crate::domain::lifetime::Limits;
use crate::domain::password::{Password, PasswordHash};
use crate::store::timed::Timed;
use crate::store::{Environment, Store};

/// What signing in asks for.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// How passwords are hashed.
    pub password_hash: Hashing,
    /// How many wrong passwords are looked at.
    pub login_limits: LoginLimits,
    /// Administrators can do nothing as such before they have a second factor.
    pub second_factor_required: bool,
}

/// The server's core, shared by all doors.
pub struct Service {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    limits: Limits,
    hasher: Hasher,
    told: Told,
    throttle: Throttle,
    second_factor_required: bool,
    refusals: Refusals,
    setup: Setup,
    unreaped: Notify,
    metrics: Metrics,
    streams: Streams,
    board: Board,
    desk: Desk,
}

impl Service {
    /// A service on an open store. `environment` is the one that the store was opened with.
    ///
    /// # Errors
    /// If the cost of a hash is outside what Argon2 allows.
    pub fn new(store: Arc<dyn Store>, environment: Environment, settings: Settings) -> Result<Self, hasher::CostError> {
        let Environment { clock, entropy, limits } = environment;
        let Settings { password_hash, login_limits, second_factor_required } = settings;
        let metrics = Metrics::new(store.name(), clock.now());
        let store: Arc<dyn Store> = Arc::new(Timed::new(store, Arc::clone(&clock), metrics.watched()));
        Ok(Self {
            hasher: Hasher::new(password_hash, Arc::clone(&entropy))?,
            store,
            clock,
            entropy,
            limits,
            told: Told::default(),
            throttle: Throttle::new(login_limits),
            second_factor_required,
            refusals: Refusals::default(),
            setup: Setup::default(),
            unreaped: Notify::new(),
            metrics,
            streams: Streams::default(),
            board: Board::default(),
            desk: Desk::default(),
        })
    }

    /// The store beneath, for what needs no service: health, closing, reading the audit log.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// The limits in force.
    pub const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The time.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Randomness.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Hashes a password at the configured cost.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, hasher::Busy> {
        self.hasher.hash(password).await
    }
}
