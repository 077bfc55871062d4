//! What the index knows of one session.

use std::net::IpAddr;

use super::agents::Agent;
use crate::domain::id::{SessionId, UserKey};
use crate::domain::lifetime::Limits;
use crate::domain::listing::Order;
use crate::domain::session::{Door, Standing};
use crate::domain::timestamp::Timestamp;
use crate::store::sled::shelf::{Class, Position};

/// What is entered of a session.
pub struct Particulars {
    pub id: SessionId,
    pub user: UserKey,
    pub created: Timestamp,
    pub seen: Timestamp,
    pub deadline: Timestamp,
    pub address: Option<IpAddr>,
    /// What a filter by device looks at.
    pub agent: String,
    pub door: Door,
    pub class: Class,
}

impl Particulars {
    pub fn of(standing: &Standing, limits: &Limits, class: Class) -> Self {
        let session = &standing.session;
        Self {
            id: session.id(),
            user: session.user_key(),
            created: session.created(),
            seen: standing.seen,
            deadline: standing.deadline(limits),
            address: session.client().address,
            agent: session.client().searched(),
            door: session.door(),
            class,
        }
    }
}

/// The number of a user's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupId(pub u32);

/// How often all of the user's, and all of the server's, had been ended when an entry was last stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generations {
    pub user: u32,
    pub server: u32,
}

/// See the module. There may be millions of them: every byte counts.
pub struct Entry {
    pub id: SessionId,
    pub created: Timestamp,
    pub seen: Timestamp,
    pub deadline: Timestamp,
    pub address: Option<IpAddr>,
    pub group: GroupId,
    pub agent: Agent,
    pub generations: Generations,
    pub class: Class,
    pub door: Door,
    /// Written, but not yet durable: in no order and no count.
    pub pending: bool,
}

impl Entry {
    /// Where it stands in `order`.
    pub const fn position(&self, order: Order) -> Position {
        match order {
            Order::LastActive => (self.seen, self.id),
            Order::SignedIn => (self.created, self.id),
        }
    }

    /// Where it stands in the order of expiry.
    pub const fn due(&self) -> Position {
        (self.deadline, self.id)
    }
}
