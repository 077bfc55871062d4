//! Which sessions a listing or a count takes in.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Status;
use crate::domain::id::UserKey;
use crate::domain::session::{Door, Standing, Verdict};
use crate::domain::timestamp::Timestamp;

/// Whose sessions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Whose {
    /// Everybody's.
    #[default]
    Everyones,
    /// One user's.
    User(UserKey),
    /// Those of users whose id, e-mail address or name contains this, in lower case.
    Matching(String),
}

/// A span of time: `from` belongs to it, `to` does not; either end may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Period {
    /// The first moment of it.
    pub from: Option<Timestamp>,
    /// The first moment after it.
    pub to: Option<Timestamp>,
}

impl Period {
    /// Whether `at` lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }

    /// Whether it has no end on either side.
    pub const fn is_unbounded(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

/// What a listing or a count takes in: what passes every part of it. Jobs are stored with theirs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Filter {
    /// Whose sessions.
    pub whose: Whose,
    /// In which state.
    pub status: Status,
    /// Signed in from this address or network.
    pub network: Option<IpNet>,
    /// The device ("Firefox on Windows") or what the browser sent contains this, in lower case.
    pub agent: Option<String>,
    /// Signed in through this door.
    pub door: Option<Door>,
    /// Signed in at such a time.
    pub created: Period,
    /// Last active at such a time.
    pub seen: Period,
}

impl Filter {
    /// Whether `standing`, with the verdict it has at this moment, is meant.
    pub fn admits(&self, standing: &Standing, verdict: &Verdict) -> bool {
        let session = &standing.session;
        self.status.admits(verdict)
            && self.created.contains(session.created())
            && self.seen.contains(standing.seen)
            && self.door.is_none_or(|door| session.door() == door)
            && self.network.is_none_or(|net| session.client().address.is_some_and(|ip| net.contains(&ip)))
            && self.admits_owner(standing)
            && self.agent.as_ref().is_none_or(|part| session.client().searched().contains(part))
    }

    /// Whether it narrows by nothing but whose and in which state: such counts are exact.
    pub fn is_plain(&self) -> bool {
        self.network.is_none()
            && self.agent.is_none()
            && self.door.is_none()
            && self.created.is_unbounded()
            && self.seen.is_unbounded()
            && !matches!(self.whose, Whose::Matching(_))
    }

    fn admits_owner(&self, standing: &Standing) -> bool {
        match &self.whose {
            Whose::Everyones => true,
            Whose::User(key) => standing.session.user_key() == *key,
            Whose::Matching(part) => standing.user.as_ref().is_some_and(|user| {
                user.id.as_str().to_lowercase().contains(part)
                    || user.email.as_str().contains(part)
                    || user.name.as_str().to_lowercase().contains(part)
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_its_first_moment_and_not_its_last() {
        let at = Timestamp::from_millis;
        let period = Period { from: Some(at(10)), to: Some(at(20)) };
        assert_eq!([9, 10, 19, 20].map(|millis| period.contains(at(millis))), [false, true, true, false]);
        assert!(Period { from: None, ..period }.contains(Timestamp::MIN));
        assert!(Period { to: None, ..period }.contains(Timestamp::MAX));
        assert!(!Period { from: Some(at(20)), to: Some(at(10)) }.contains(at(15)));
    }
}
