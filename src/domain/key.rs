//! API keys: what a program shows in the place of a session. Knows what a key may do, not where it is asked for.

mod credential;
mod scope;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::credential::{KeyCredential, KeyCredentialError};
pub use self::scope::{Scope, ScopeError, Scopes};
use super::credential::SecretDigest;
use super::ending::{Actor, Ended};
use super::id::KeyId;
use super::timestamp::Timestamp;
use super::user::Name;

/// A key as it is stored: everything but its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its public id.
    pub id: KeyId,
    /// What people call it.
    pub name: Name,
    digest: SecretDigest,
    /// What it opens.
    pub scopes: Scopes,
    /// Since when.
    pub created: Timestamp,
    /// Until when, unless it is revoked before.
    pub expires: Option<Timestamp>,
    /// Who created it.
    pub by: Actor,
    /// Set once it is revoked; nothing leads back.
    revoked: Option<Ended>,
}

/// What a key is worth at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyVerdict {
    /// It opens what its scopes say.
    Live,
    /// Somebody revoked it.
    Revoked(Ended),
    /// It ran out at this time.
    Expired(Timestamp),
}

impl KeyVerdict {
    /// Since when it is past, if it is.
    pub const fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Live => None,
            Self::Revoked(ended) => Some(ended.at),
            Self::Expired(at) => Some(*at),
        }
    }
}

/// What is needed to create a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyParticulars {
    /// What people call it.
    pub name: Name,
    /// What it is to open.
    pub scopes: Scopes,
    /// When.
    pub created: Timestamp,
    /// Until when.
    pub expires: Option<Timestamp>,
    /// Who creates it.
    pub by: Actor,
}

impl ApiKey {
    /// Uses are written down at most this often.
    pub const USE_STEP: Duration = Duration::from_mins(1);

    /// The key that `credential` opens.
    pub fn new(credential: &KeyCredential, particulars: KeyParticulars) -> Self {
        let KeyParticulars { name, scopes, created, expires, by } = particulars;
        Self { id: credential.id(), name, digest: credential.digest(), scopes, created, expires, by, revoked: None }
    }

    /// Whether `digest` is that of its secret, in time that does not depend on where they differ.
    pub fn opens_with(&self, digest: &SecretDigest) -> bool {
        self.digest.is(digest)
    }

    /// What it is worth at `now`.
    pub fn verdict(&self, now: Timestamp) -> KeyVerdict {
        match (&self.revoked, self.expires) {
            (Some(ended), _) => KeyVerdict::Revoked(ended.clone()),
            (None, Some(at)) if at <= now => KeyVerdict::Expired(at),
            (None, _) => KeyVerdict::Live,
        }
    }

    /// How it was revoked, if it was.
    pub const fn revoked(&self) -> Option<&Ended> {
        self.revoked.as_ref()
    }

    /// Revokes it; the first time counts.
    pub fn revoke(&mut self, ended: Ended) {
        self.revoked.get_or_insert(ended);
    }
}

/// A key with what is noted of it elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The key.
    pub key: ApiKey,
    /// The last use that was written down.
    pub last_used: Option<Timestamp>,
}

impl StoredKey {
    /// Whether a use at `now` is to be written down.
    pub fn is_use_due(&self, now: Timestamp) -> bool {
        self.last_used.is_none_or(|last| now >= last + ApiKey::USE_STEP)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::OsEntropy;
    use super::super::ending::{Ending, Reason};
    use super::super::id::EventSeq;
    use super::*;

    const AT: Timestamp = Timestamp::from_millis(1_767_323_045_678);

    #[test]
    fn a_key_is_live_until_it_runs_out_or_is_revoked_for_good() {
        let credential = KeyCredential::new(&OsEntropy);
        let expires = Some(AT + Duration::from_secs(10));
        let (name, scopes) = ("backup".parse().unwrap(), "all".parse().unwrap());
        let particulars = KeyParticulars { name, scopes, created: AT, expires, by: Actor::Operator };
        let mut key = ApiKey::new(&credential, particulars);
        assert_eq!(key.verdict(AT + Duration::from_millis(9_999)), KeyVerdict::Live);
        assert_eq!(key.verdict(AT + Duration::from_secs(10)), KeyVerdict::Expired(AT + Duration::from_secs(10)));
        let first = Ending::new(Actor::Operator, Reason::Revoked, None).at(AT, EventSeq(1));
        key.revoke(first.clone());
        key.revoke(Ending::new(Actor::System, Reason::Safety, None).at(AT, EventSeq(2)));
        assert_eq!(key.verdict(AT), KeyVerdict::Revoked(first));
        let other = KeyCredential::new(&OsEntropy);
        assert!(key.opens_with(&credential.digest()) && !key.opens_with(&other.digest()));
        assert!(!format!("{key:?}").contains(&credential.expose()[26..]));
    }
}
