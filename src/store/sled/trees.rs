//! The trees of the database and how their records are read.
//!
//! | tree | key | value |
//! |---|---|---|
//! | `sessions` | user key ‖ session id | [`Session`] |
//! | `seen` | user key ‖ session id | time of the last request written down |
//! | `users` | user key | [`User`] |
//! | `emails` | e-mail address | user key |
//! | `replaced` | an epoch that is no longer the present one | [`Ended`] |
//! | `audit` | sequence number, big endian | [`Event`] |
//! | `meta` | `epoch` | the server's [`Epoch`] |
//! | `meta` | `format` | one byte, [`codec::FORMAT`], outside the record format |
//! | `keys` | key id | [`ApiKey`](crate::domain::key::ApiKey) |
//! | `key-uses` | key id | time of the last use written down |
//! | `delivered` | webhook's name | number of the last event it has dealt with |
//! | `jobs` | job id | [`Job`](crate::domain::job::Job) |

use std::ops::Bound;
use std::sync::Arc;

use sled::transaction::{TransactionError, TransactionResult, TransactionalTree};
use sled::{IVec, Transactional, Tree};

use super::overrides::Overrides;
use super::snapshot::{Before, Snapshot, Snapshots};
use super::view::View;

use crate::domain::audit::Event;
use crate::domain::ending::Ended;
use crate::domain::epoch::{Epoch, Epochs};
use crate::domain::id::{EventSeq, SessionId, UserKey};
use crate::domain::session::{Session, Standing};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Email, User};
use crate::store::codec;
use crate::store::{Result, StoreError};

/// The key of the server's epoch in `meta`.
pub const EPOCH: &[u8] = b"epoch";

/// The key of the database's format in `meta`.
pub const FORMAT: &[u8] = b"format";

/// Which tree a write goes to. The numbers index the trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Sessions = 0,
    Seen = 1,
    Users = 2,
    Emails = 3,
    Replaced = 4,
    Audit = 5,
    Meta = 6,
    Keys = 7,
    KeyUses = 8,
    Delivered = 9,
    Jobs = 10,
}

/// All of them, by their numbers.
pub const PLACES: [Place; 11] = [
    Place::Sessions,
    Place::Seen,
    Place::Users,
    Place::Emails,
    Place::Replaced,
    Place::Audit,
    Place::Meta,
    Place::Keys,
    Place::KeyUses,
    Place::Delivered,
    Place::Jobs,
];

impl Place {
    /// The tree's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Seen => "seen",
            Self::Users => "users",
            Self::Emails => "emails",
            Self::Replaced => "replaced",
            Self::Audit => "audit",
            Self::Meta => "meta",
            Self::Keys => "keys",
            Self::KeyUses => "key-uses",
            Self::Delivered => "delivered",
            Self::Jobs => "jobs",
        }
    }
}

/// A write, not yet made.
#[derive(Clone)]
pub struct Write {
    pub place: Place,
    pub key: Vec<u8>,
    /// `None` removes.
    pub value: Option<Vec<u8>>,
}

/// The open trees.
pub struct Trees {
    pub db: sled::Db,
    all: Vec<Tree>,
    /// What the database does not take any more, and the journal holds.
    held: Overrides,
    /// For each snapshot that somebody still reads, what has been written over since.
    snapshots: Snapshots,
}

/// The key of one user's one session.
pub fn session_key(user: UserKey, id: SessionId) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(user.bytes());
    key[16..].copy_from_slice(id.bytes());
    key
}

impl View for Trees {
    fn bytes(&self, place: Place, key: &[u8]) -> Result<Option<IVec>> {
        let record = || self.tree(place).get(key).map_err(|error| StoreError::unavailable("read", error));
        self.held.in_front(place, key, record)
    }

    fn iter(&self, place: Place) -> impl Iterator<Item = Result<(IVec, IVec)>> {
        let under = self.tree(place).iter().map(|entry| entry.map_err(|error| StoreError::unavailable("scan", error)));
        self.held.over(place, under)
    }
}

impl Trees {
    pub fn open(db: sled::Db) -> sled::Result<Self> {
        let all = PLACES.iter().map(|place| db.open_tree(place.name())).collect::<sled::Result<_>>()?;
        Ok(Self { db, all, held: Overrides::default(), snapshots: Snapshots::default() })
    }

    pub fn tree(&self, place: Place) -> &Tree {
        &self.all[place as usize]
    }

    /// Makes all of these writes or none, in one transaction.
    pub fn write(&self, writes: &[Write]) -> Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
        self.note_what_goes(writes)?;
        let made: TransactionResult<(), ()> = self.all.transaction(|trees: &Vec<TransactionalTree>| {
            for Write { place, key, value } in writes {
                let tree = &trees[*place as usize];
                match value {
                    Some(value) => tree.insert(key.as_slice(), value.as_slice())?,
                    None => tree.remove(key.as_slice())?,
                };
            }
            Ok(())
        });
        match made {
            Ok(()) | Err(TransactionError::Abort(())) => Ok(()),
            Err(TransactionError::Storage(error)) => Err(StoreError::unavailable("write", error)),
        }
    }

    /// Has these writes stand in front of the database, which takes none: whoever reads sees them. They are gone with the
    /// handle.
    pub fn hold(&self, writes: &[Write]) -> Result<()> {
        self.note_what_goes(writes)?;
        self.held.put(
            writes.iter().map(|Write { place, key, value }| {
                (*place, IVec::from(key.as_slice()), value.as_deref().map(IVec::from))
            }),
        );
        Ok(())
    }

    /// When sessions were seen and keys used while the database took nothing, to be written once it does again.
    pub fn touches(&self) -> Vec<Write> {
        let of = |place| {
            let write = move |(key, value): (IVec, Option<IVec>)| {
                Some(Write { place, key: key.to_vec(), value: Some(value?.to_vec()) })
            };
            self.held.of(place).into_iter().filter_map(write)
        };
        of(Place::Seen).chain(of(Place::KeyUses)).collect()
    }

    /// The records as they are now, for as long as somebody holds on to it. Only the committer may ask: between two steps.
    pub fn snapshot(&self) -> Arc<Before> {
        self.snapshots.take()
    }

    /// What stood there when the snapshot was taken.
    pub const fn as_of(&self, before: Arc<Before>) -> Snapshot<'_> {
        Snapshot::new(self, before)
    }

    /// Has whoever reads a snapshot give up.
    pub fn break_snapshots(&self) {
        self.snapshots.break_all();
    }

    /// Notes for each snapshot what these writes are about to write over.
    fn note_what_goes(&self, writes: &[Write]) -> Result<()> {
        self.snapshots.note(|| {
            let before = writes
                .iter()
                .map(|Write { place, key, .. }| Ok((*place, IVec::from(key.as_slice()), self.bytes(*place, key)?)));
            before.collect()
        })
    }

    /// The audit events before `before`, newest first.
    pub fn events(&self, before: Option<EventSeq>) -> impl Iterator<Item = Result<Event>> {
        let before = before.map(|seq| IVec::from(&seq.0.to_be_bytes()));
        let end = before.as_ref().map_or(Bound::Unbounded, |key| Bound::Excluded(key.clone()));
        let under = self.tree(Place::Audit).range((Bound::Unbounded, end)).rev();
        let under = under.map(|entry| entry.map_err(|error| StoreError::unavailable("read", error)));
        self.held.over_falling(Place::Audit, before, under).map(|entry| {
            let (key, bytes) = entry?;
            codec::decode(&key, &bytes)
        })
    }

    pub fn user_by_email(&self, email: &Email) -> Result<Option<User>> {
        match self.get::<UserKey>(Place::Emails, email.as_str().as_bytes())? {
            Some(key) => self.user(key),
            None => Ok(None),
        }
    }

    pub fn event(&self, seq: EventSeq) -> Result<Option<Event>> {
        self.get(Place::Audit, &seq.0.to_be_bytes())
    }

    /// A session with all that decides whether it is live. `server` answers the server's present epoch; it is asked after
    /// the session was read, so that an end-all that came before the call is always seen.
    pub fn standing(&self, user: UserKey, id: SessionId, server: impl Fn() -> Epoch) -> Result<Option<Standing>> {
        let key = session_key(user, id);
        let Some(mut session) = self.get::<Session>(Place::Sessions, &key)? else { return Ok(None) };
        loop {
            let owner = self.user(user)?;
            let server = server();
            let present = owner.as_ref().map(|owner| Epochs { user: owner.epoch, server });
            if present != Some(session.epochs()) {
                // "All others" stamps the kept session and its user together; between two reads it may look ended.
                match self.get::<Session>(Place::Sessions, &key)? {
                    Some(again) if again == session => {}
                    Some(again) => {
                        session = again;
                        continue;
                    }
                    None => return Ok(None),
                }
            }
            return self.standing_of(&key, session, owner, server).map(Some);
        }
    }

    /// The same of a session that was read at `key` with its user, while nobody writes.
    pub fn standing_of(&self, key: &[u8], session: Session, user: Option<User>, server: Epoch) -> Result<Standing> {
        let present = user.as_ref().map(|owner| Epochs { user: owner.epoch, server });
        let seen = self.get::<Timestamp>(Place::Seen, key)?.unwrap_or_else(|| session.created());
        let replaced = self.why_replaced(&session, present)?;
        Ok(Standing { session, seen, user, server, replaced })
    }

    fn why_replaced(&self, session: &Session, present: Option<Epochs>) -> Result<Option<Ended>> {
        let stamped = session.epochs();
        if present == Some(stamped) {
            return Ok(None);
        }
        let user = self.replaced(stamped.user)?;
        let server = self.replaced(stamped.server)?;
        Ok(match (user, server) {
            (Some(user), Some(server)) if (server.at, server.event) < (user.at, user.event) => Some(server),
            (Some(user), _) => Some(user),
            (None, server) => server,
        })
    }
}
