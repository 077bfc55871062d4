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

use sled::transaction::{TransactionError, TransactionResult, TransactionalTree};
use sled::{Transactional, Tree};

use crate::domain::audit::Event;
use crate::domain::ending::Ended;
use crate::domain::epoch::{Epoch, Epochs};
use crate::domain::id::{EventSeq, SessionId, UserKey};
use crate::domain::session::{Session, Standing};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Email, User};
use crate::store::codec::{self, Record};
use crate::store::{Result, StoreError};

/// The key of the server's epoch in `meta`.
pub const EPOCH: &[u8] = b"epoch";

/// The key of the database's format in `meta`.
pub const FORMAT: &[u8] = b"format";

/// Which tree a write goes to. The numbers index the trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Sessions = 0,
    Seen = 1,
    Users = 2,
    Emails = 3,
    Replaced = 4,
    Audit = 5,
    Meta = 6,
}

/// All of them, by their numbers.
pub const PLACES: [Place; 7] =
    [Place::Sessions, Place::Seen, Place::Users, Place::Emails, Place::Replaced, Place::Audit, Place::Meta];

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
        }
    }
}

/// A write, not yet made.
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
}

/// The key of one user's one session.
pub fn session_key(user: UserKey, id: SessionId) -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(user.bytes());
    key[16..].copy_from_slice(id.bytes());
    key
}

impl Trees {
    pub fn open(db: sled::Db) -> sled::Result<Self> {
        let all = PLACES.iter().map(|place| db.open_tree(place.name())).collect::<sled::Result<_>>()?;
        Ok(Self { db, all })
    }

    pub fn tree(&self, place: Place) -> &Tree {
        &self.all[place as usize]
    }

    /// Whether there is a record at `key`, whatever it holds.
    pub fn has(&self, place: Place, key: &[u8]) -> Result<bool> {
        self.tree(place).contains_key(key).map_err(|error| StoreError::unavailable("read", error))
    }

    /// The record at `key`, checked.
    pub fn get<T: Record>(&self, place: Place, key: &[u8]) -> Result<Option<T>> {
        let bytes = self.tree(place).get(key).map_err(|error| StoreError::unavailable("read", error))?;
        bytes.map(|bytes| codec::decode(key, &bytes)).transpose()
    }

    /// Makes all of these writes or none, in one transaction.
    pub fn write(&self, writes: &[Write]) -> sled::Result<()> {
        if writes.is_empty() {
            return Ok(());
        }
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
            Err(TransactionError::Storage(error)) => Err(error),
        }
    }

    /// All records of a tree in the order of their keys.
    pub fn scan<T: Record>(&self, place: Place) -> impl Iterator<Item = Result<(sled::IVec, T)>> {
        self.tree(place).iter().map(move |entry| {
            let (key, bytes) = entry.map_err(|error| StoreError::unavailable("scan", error))?;
            let value = codec::decode(&key, &bytes)?;
            Ok((key, value))
        })
    }

    pub fn user(&self, key: UserKey) -> Result<Option<User>> {
        self.get(Place::Users, key.bytes())
    }

    pub fn user_by_email(&self, email: &Email) -> Result<Option<User>> {
        match self.get::<UserKey>(Place::Emails, email.as_str().as_bytes())? {
            Some(key) => self.user(key),
            None => Ok(None),
        }
    }

    /// How the sessions of a replaced epoch ended.
    pub fn replaced(&self, epoch: Epoch) -> Result<Option<Ended>> {
        self.get(Place::Replaced, epoch.bytes())
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
