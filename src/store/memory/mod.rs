//! The store that forgets: everything in memory, and nothing faster than it is plain. It is the model that other
//! backends are compared with, and what services are tested on, since it can be told to fail ([`Faults`]).
//!
//! A method takes the server's record, then at most one user's partition, then the log: always in this order, and never
//! two partitions. Addresses and "is there anybody yet" are claims outside the partitions, taken before them; API keys and jobs
//! have places of their own, taken before the log.

mod faults;
mod jobs;
mod keys;
mod listing;
mod outbox;
mod partition;
mod people;
mod sessions;
mod step;
mod users;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use async_trait::async_trait;

use self::faults::Access;
use self::jobs::Desk;
use self::keys::Ring;
use self::partition::{Log, Partition, Server};
use self::step::Step;
use self::users::Claims;
use super::{Environment, Result, Store};
use crate::domain::epoch::Epoch;
use crate::domain::id::{EventSeq, UserKey};
use crate::domain::timestamp::Timestamp;
use crate::domain::webhook::WebhookName;

pub use self::faults::Faults;

/// A store in memory, partitioned by user.
pub struct Memory {
    environment: Environment,
    server: RwLock<Server>,
    partitions: RwLock<BTreeMap<UserKey, Arc<Mutex<Partition>>>>,
    claims: Mutex<Claims>,
    ring: Mutex<Ring>,
    desk: Mutex<Desk>,
    log: Mutex<Log>,
    delivered: Mutex<BTreeMap<WebhookName, EventSeq>>,
    faults: Faults,
}

impl Memory {
    /// An empty store with a fresh server epoch.
    pub fn new(environment: Environment) -> Self {
        let server = Server::new(Epoch::draw(&*environment.entropy));
        Self {
            environment,
            server: RwLock::new(server),
            partitions: RwLock::default(),
            claims: Mutex::default(),
            ring: Mutex::default(),
            desk: Mutex::default(),
            log: Mutex::default(),
            delivered: Mutex::default(),
            faults: Faults::default(),
        }
    }

    /// What this store is to do wrong.
    pub const fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Answers a call that changes nothing.
    async fn read<T>(&self, what: &'static str, step: impl FnOnce() -> T + Send) -> Result<T> {
        self.faults.enter(what, Access::Read).await?;
        Ok(step())
    }

    /// Answers a call that may change something: a fault may keep the answer back after the step.
    async fn write<T: Send>(&self, what: &'static str, step: impl FnOnce() -> T + Send) -> Result<T> {
        self.faults.enter(what, Access::Write).await?;
        let answer = step();
        self.faults.leave(what)?;
        Ok(answer)
    }

    /// One step on one user's partition; `None` if there is no such user.
    fn step<T>(&self, user: UserKey, step: impl FnOnce(&mut Step) -> T) -> Option<T> {
        let server = self.server();
        let partition = self.partition(user)?;
        let mut partition = lock(&partition);
        let mut log = lock(&self.log);
        let now = self.environment.clock.now();
        let environment = &self.environment;
        Some(step(&mut Step { partition: &mut partition, server: &server, log: &mut log, environment, now }))
    }

    fn server(&self) -> RwLockReadGuard<'_, Server> {
        self.server.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn partition(&self, user: UserKey) -> Option<Arc<Mutex<Partition>>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner).get(&user).cloned()
    }

    fn sweep_partitions(&self, before: Timestamp, most: usize) -> usize {
        let mut removed = 0;
        for partition in self.partitions() {
            let user = lock(&partition).user().key();
            removed += self.step(user, |step| step.sweep(before, most - removed)).unwrap_or(0);
        }
        match removed {
            0 => match self.sweep_keys(before, most) + self.sweep_jobs(before, most) {
                0 => lock(&self.log).sweep(before, most),
                swept => swept,
            },
            sessions => sessions,
        }
    }

    /// All partitions there are at this moment, to be locked one after the other.
    fn partitions(&self) -> Vec<Arc<Mutex<Partition>>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

#[async_trait]
impl Store for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    async fn ready(&self) -> Result<()> {
        self.faults.enter("ready", Access::Write).await
    }

    async fn sweep(&self, before: Timestamp, most: usize) -> Result<usize> {
        self.write("sweep", || self.sweep_partitions(before, most)).await
    }

    async fn close(&self) -> Result<()> {
        self.faults.close();
        Ok(())
    }
}

/// No step leaves a record half written where it can panic, so a poisoned lock guards nothing broken.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
