//! Requests that were refused for a right or for where they came from: the audit log gets one event for a burst of them, so
//! that a flood cannot fill it.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::bucket::Bucket;
use super::rate::Rate;
use super::table::Table;
use super::{Service, digest, network};
use crate::domain::audit::{Action, Detail, Draft, Outcome};
use crate::domain::ending::Actor;
use crate::domain::timestamp::Timestamp;

/// Of one user or network, and for one reason.
const EACH: Rate = Rate::new(1, Duration::from_mins(10));
/// Of all strangers together, and of all who are known together: strangers must not be able to use up what the others have.
const ALL: Rate = Rate::new(60, Duration::from_hours(1));
/// A path is told so far.
const LONGEST: usize = 200;

/// Grounds a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grounds {
    /// It is for administrators.
    Rights,
    /// It comes from another site.
    Foreign,
    /// Nobody knows from where it comes, and it holds no token.
    Unsure,
    /// Its API key lacks the scope.
    Scope,
    /// Its API key is revoked or has run out.
    PastKey,
}

impl Grounds {
    const fn told(self) -> &'static str {
        match self {
            Self::Rights => "for administrators only",
            Self::Foreign => "sent by another site",
            Self::Unsure => "without a sign of where it comes from",
            Self::Scope => "with an API key that lacks the scope",
            Self::PastKey => "with an API key that is revoked or has run out",
        }
    }
}

/// A request that was refused.
#[derive(Debug, Clone, Copy)]
pub struct Refused<'a> {
    /// Grounds.
    pub why: Grounds,
    /// Its method.
    pub method: &'a str,
    /// What it asked for; what follows a `?` is left out.
    pub path: &'a str,
}

/// Which refusals have been told of.
#[derive(Default)]
pub struct Refusals(Mutex<Told>);

#[derive(Default)]
struct Told {
    each: Table,
    strangers: Bucket,
    known: Bucket,
}

impl Refusals {
    /// Whether this one is to be told of: the first of its kind for a while.
    fn tells(&self, by: &Actor, from: Option<IpAddr>, why: Grounds, now: Timestamp) -> bool {
        let whose = match by {
            Actor::User(id) => digest(&[b"user", why.told().as_bytes(), id.as_str().as_bytes()]),
            Actor::Key(id) => digest(&[b"key", why.told().as_bytes(), id.bytes()]),
            _ => digest(&[b"network", why.told().as_bytes(), &network(from)]),
        };
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Told { each, strangers, known } = &mut *told;
        let all = if matches!(by, Actor::User(_) | Actor::Key(_)) { known } else { strangers };
        let free = each.find(whose).is_none_or(|bucket| bucket.wait(EACH, now).is_none());
        let tells = free && all.wait(ALL, now).is_none();
        if tells {
            each.make(whose, now).take(EACH, now);
            all.take(ALL, now);
        }
        tells
    }
}

impl Service {
    /// Writes down that a request was refused, unless one like it was a little while ago.
    pub async fn note_refused(&self, refused: Refused<'_>, by: Actor, from: Option<IpAddr>) {
        let Refused { why, method, path } = refused;
        if !self.refusals.tells(&by, from, why, self.clock.now()) {
            return;
        }
        let path: String = path.split('?').next().unwrap_or_default().chars().take(LONGEST).collect();
        let detail = format!("{method} {path}: {}; further ones are not told of for a while", why.told());
        tracing::warn!(
            %by,
            from = from.map(tracing::field::display),
            method,
            path,
            "a request was refused: {}",
            why.told()
        );
        let draft = Draft::new(by, Action::Request, Outcome::Denied);
        let recorded = self.store.record(Draft { from, detail: Some(Detail::new(detail)), ..draft }).await;
        if let Err(error) = recorded {
            // Refused it is all the same.
            tracing::error!(%error, "a refusal could not be written into the audit log");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_767_323_045_678);

    #[test]
    fn a_burst_of_one_kind_is_told_once_and_told_again_later() {
        let refusals = Refusals::default();
        let ada = Actor::User("ada".parse().unwrap());
        let from = Some(IpAddr::from([192, 0, 2, 7]));
        let times = |by: &Actor, why, now| (0..1_000).filter(|_| refusals.tells(by, from, why, now)).count();
        assert_eq!(times(&ada, Grounds::Rights, START), 1);
        assert_eq!(times(&ada, Grounds::Foreign, START), 1);
        assert_eq!(times(&Actor::Anonymous, Grounds::Foreign, START), 1);
        assert_eq!(times(&ada, Grounds::Rights, START + Duration::from_mins(9)), 0);
        assert_eq!(times(&ada, Grounds::Rights, START + Duration::from_mins(10)), 1);
    }

    #[test]
    fn a_flood_from_everywhere_is_told_an_hour_s_worth_at_most() {
        let refusals = Refusals::default();
        let told = (0..100_000_u32).filter(|n| {
            refusals.tells(&Actor::Anonymous, Some(IpAddr::from(n.to_be_bytes())), Grounds::Foreign, START)
        });
        assert_eq!(told.count(), 60);
        let ada = Actor::User("ada".parse().unwrap());
        assert!(
            refusals.tells(&ada, None, Grounds::Rights, START),
            "nor does it hide what somebody who is known tries"
        );
    }
}
