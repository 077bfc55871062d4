//! What operators watch: counted where it happens, told at `/metrics`. `docs/operations.md` lists every metric.

mod kinds;
mod labels;

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use self::kinds::{Counts, Gauge, Times, Total};
use self::labels::{Hashed, KeyResolution, Resolution, Tried};
use super::Service;
use super::auth::{Entry, SignInError, SignedIn};
use super::keys::ResolvedKey;
use super::sessions::Resolved;
use super::tokens::VouchError;
use crate::domain::ending::Reason;
use crate::domain::listing::{self, Filter, Status};
use crate::domain::session::Door;
use crate::domain::timestamp::Timestamp;
use crate::store::timed::{Observer, Operation, Reach, Revoked};
use crate::store::{self, StoreError};

/// See the module.
pub struct Metrics {
    registry: Registry,
    sign_ins: Counts<(Door, Tried)>,
    resolves: Counts<(Resolution,)>,
    key_resolves: Counts<(KeyResolution,)>,
    watched: Arc<Watched>,
    hashes: Counts<(Hashed,)>,
    hashes_waiting: Gauge,
    hashes_running: Gauge,
    live: Gauge,
    events: Gauge,
    ready: Gauge,
}

/// What the store's calls are told to.
pub struct Watched {
    calls: Times<(Operation,)>,
    errors: Counts<(Operation,)>,
    revokes: Counts<(Reach, Reason)>,
    revoked_sessions: Counts<(Reach, Reason)>,
    durable: Times<(Reach,)>,
}

impl Observer for Watched {
    fn called(&self, operation: Operation, took: Duration, failed: bool) {
        self.calls.observe((operation,), took);
        if failed {
            self.errors.add((operation,), 1);
        }
    }

    fn revoked(&self, revoked: Revoked) {
        let Revoked { reach, reason, sessions, took } = revoked;
        self.revokes.add((reach, reason), 1);
        self.revoked_sessions.add((reach, reason), sessions);
        self.durable.observe((reach,), took);
    }
}

impl Metrics {
    /// All at zero, on a store of this name, for a process that began at `started`.
    pub(super) fn new(store: &'static str, started: Timestamp) -> Self {
        let watched = Watched {
            calls: Times::new(),
            errors: Counts::new(),
            revokes: Counts::new(),
            revoked_sessions: Counts::new(),
            durable: Times::new(),
        };
        let mut metrics = Self {
            registry: Registry::default(),
            sign_ins: Counts::new(),
            resolves: Counts::new(),
            key_resolves: Counts::new(),
            watched: Arc::new(watched),
            hashes: Counts::new(),
            hashes_waiting: Gauge::new(),
            hashes_running: Gauge::new(),
            live: Gauge::new(),
            events: Gauge::new(),
            ready: Gauge::new(),
        };
        metrics.register(store, started);
        metrics
    }

    fn register(&mut self, store: &'static str, started: Timestamp) {
        let all = &mut self.registry;
        let build = [("version", env!("CARGO_PKG_VERSION")), ("store", store)];
        all.register("sessiond_build", "The program that runs", Info::new(build));
        let started = Duration::from_millis(u64::try_from(started.millis()).unwrap_or(0)).as_secs_f64();
        let help = "When the process began, in seconds since 1970";
        all.register_with_unit("process_start_time", help, Unit::Seconds, ConstGauge::new(started));
        all.register("sessiond_ready", "1 while changes are taken, 0 while not", self.ready.clone());
        all.register("sessiond_live_sessions", "Sessions that are live now", self.live.clone());
        all.register("sessiond_sign_ins", "Tries to sign in", self.sign_ins.clone());
        let help = "Session credentials that were looked up";
        all.register("sessiond_resolves", help, self.resolves.clone());
        let help = "API keys that were looked up";
        all.register("sessiond_key_resolves", help, self.key_resolves.clone());
        let help = "Orders and changes that ended sessions or revoked a key";
        all.register("sessiond_revokes", help, self.watched.revokes.clone());
        let help = "Live sessions that such orders and changes ended";
        all.register("sessiond_revoked_sessions", help, self.watched.revoked_sessions.clone());
        let help = "From the order to end sessions or a key to its being on disk";
        all.register_with_unit("sessiond_revoke_durable", help, Unit::Seconds, self.watched.durable.clone());
        let help = "How long calls to the store took";
        all.register_with_unit("sessiond_store_call", help, Unit::Seconds, self.watched.calls.clone());
        let help = "Calls to the store that failed";
        all.register("sessiond_store_errors", help, self.watched.errors.clone());
        let help = "Passwords that were hashed or compared, or refused since too many were waiting";
        all.register("sessiond_password_hashes", help, self.hashes.clone());
        let help = "Passwords that wait for a hash now";
        all.register("sessiond_password_hashes_waiting", help, self.hashes_waiting.clone());
        let help = "Passwords that are hashed or compared now";
        all.register("sessiond_password_hashes_running", help, self.hashes_running.clone());
        let help = "Events of the audit log since it was begun, those that were swept included";
        all.register("sessiond_audit_events", help, Total(self.events.clone()));
    }

    /// For whoever writes it out.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Whom the store's calls are told to.
    pub(super) fn watched(&self) -> Arc<Watched> {
        Arc::clone(&self.watched)
    }

    /// Somebody has a session now.
    pub(super) fn signed_in(&self, door: Door) {
        self.sign_ins.add((door, Tried::Success), 1);
    }

    /// Somebody has tried to sign in. Who has a session by it is counted where it begins.
    pub(super) fn tried(&self, door: Door, entry: &Result<Entry, SignInError>) {
        match entry {
            Ok(Entry::SignedIn(_)) => {}
            Ok(Entry::MustChoose(_)) => self.sign_ins.add((door, Tried::OneTime), 1),
            Err(error) => self.turned_away(door, error),
        }
    }

    /// Somebody has no session.
    pub(super) fn turned_away(&self, door: Door, error: &SignInError) {
        let tried = match error {
            SignInError::Wrong => Tried::Wrong,
            SignInError::Blocked => Tried::Blocked,
            SignInError::OneTimeOver => Tried::OneTimeOver,
            SignInError::Stale => Tried::Stale,
            SignInError::Later(_) => Tried::Limited,
            SignInError::Busy(_) => Tried::Busy,
            SignInError::Store(_) => Tried::Failed,
        };
        self.sign_ins.add((door, tried), 1);
    }

    /// An application has asked for somebody's session.
    pub(super) fn vouched(&self, vouched: &Result<SignedIn, VouchError>) {
        let tried = match vouched {
            Ok(_) => Tried::Success,
            Err(VouchError::NoUser) => Tried::Wrong,
            Err(VouchError::Blocked | VouchError::Administrator) => Tried::Blocked,
            Err(VouchError::Stale) => Tried::Stale,
            Err(VouchError::Store(_)) => Tried::Failed,
        };
        self.sign_ins.add((Door::Server, tried), 1);
    }

    /// A credential was looked up.
    pub(super) fn resolved(&self, resolved: &store::Result<Resolved>) {
        let verdict = match resolved {
            Ok(Resolved::Live(_)) => Resolution::Live,
            Ok(Resolved::Ended(_)) => Resolution::Ended,
            Ok(Resolved::Expired(_)) => Resolution::Expired,
            Ok(Resolved::Unknown) => Resolution::Unknown,
            Err(_) => Resolution::Error,
        };
        self.resolves.add((verdict,), 1);
    }

    /// An API key was looked up.
    pub(super) fn resolved_key(&self, resolved: &store::Result<ResolvedKey>) {
        let verdict = match resolved {
            Ok(ResolvedKey::Live(_)) => KeyResolution::Live,
            Ok(ResolvedKey::Revoked(_)) => KeyResolution::Revoked,
            Ok(ResolvedKey::Expired(_)) => KeyResolution::Expired,
            Ok(ResolvedKey::Unknown) => KeyResolution::Unknown,
            Err(_) => KeyResolution::Error,
        };
        self.key_resolves.add((verdict,), 1);
    }
}

impl Service {
    /// The metrics as they are now; `ready` says whether changes are taken. What cannot be looked up is left out.
    pub async fn measured(&self, ready: bool) -> &Metrics {
        let metrics = &self.metrics;
        metrics.ready.set(Some(ready.into()));
        let live = self.store.total(&Filter { status: Status::Live, ..Filter::default() }).await;
        metrics.live.set(known("live sessions", live).and_then(|total| match total {
            listing::Total::Exactly(count) => Some(count),
            listing::Total::MoreThan(_) => None,
        }));
        let newest = known("the audit log", self.store.events(None, 1).await);
        metrics.events.set(newest.and_then(|events| events.first().map(|event| event.seq.0)));
        let load = self.hasher.load();
        metrics.hashes.set((Hashed::Done,), load.done);
        metrics.hashes.set((Hashed::Refused,), load.refused);
        metrics.hashes_waiting.set(Some(load.waiting));
        metrics.hashes_running.set(Some(load.running));
        metrics
    }
}

fn known<T>(what: &str, answer: Result<T, StoreError>) -> Option<T> {
    answer.inspect_err(|error| tracing::warn!(%error, "{what} could not be measured")).ok()
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;
    use crate::service::hasher::Busy;

    #[test]
    fn whoever_meets_a_full_queue_or_an_end_of_everything_is_told_apart() {
        let metrics = Metrics::new("memory", Timestamp::from_millis(1_500));
        metrics.turned_away(Door::Pages, &SignInError::Busy(Busy));
        metrics.turned_away(Door::Api, &SignInError::Stale);
        let mut text = String::new();
        encode(&mut text, metrics.registry()).unwrap();
        let counted: Vec<_> =
            text.lines().filter(|line| line.starts_with("sessiond_sign_ins") && line.ends_with(" 1")).collect();
        assert_eq!(
            counted,
            [
                "sessiond_sign_ins_total{door=\"pages\",outcome=\"busy\"} 1",
                "sessiond_sign_ins_total{door=\"api\",outcome=\"stale\"} 1",
            ]
        );
        assert!(text.contains("\nprocess_start_time_seconds 1.5\n"), "{text}");
    }
}
