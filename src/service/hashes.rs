//! How users' passwords were hashed, as far as it matters to others: costs that every wrong password has to match, and peppers that
//! hashes name and nobody configured. It is said where the operator looks, and never to whoever signs in.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::Service;
use crate::domain::password::{PasswordHash, PepperId, Recipe};
use crate::domain::timestamp::Timestamp;
use crate::store::Result;

/// The log gets a line about one of them no more often than this.
const PAUSE: Duration = Duration::from_mins(10);

/// When the log was last told of which missing pepper.
#[derive(Default)]
pub struct Told(Mutex<BTreeMap<PepperId, Timestamp>>);

impl Told {
    /// Whether it is time to tell; from then on it has been told.
    fn is_due(&self, id: &PepperId, now: Timestamp) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(id).is_some_and(|last| now.since(*last) < PAUSE) {
            return false;
        }
        told.insert(id.clone(), now);
        true
    }
}

impl Service {
    /// Looks how users' passwords were hashed: so that a wrong one takes as long for all of them, and to warn of peppers that
    /// nobody configured, since those users cannot sign in. For the start.
    pub async fn look_at_hashes(&self) -> Result<()> {
        let mut peppered = BTreeMap::<PepperId, u64>::new();
        let mut elsewhere = 0;
        for (Recipe { cost, pepper }, users) in self.store.recipes().await? {
            if !self.hasher.is_present_cost(&cost) {
                elsewhere += users;
            }
            self.hasher.note_cost(&cost);
            if let Some(pepper) = pepper {
                *peppered.entry(pepper).or_default() += users;
            }
        }
        if elsewhere > 0 {
            tracing::info!(
                users = elsewhere,
                "passwords were hashed at another cost than sessiond.password_hash, and every wrong password costs as much as all \
                 in use together, until their users have signed in and the server was started anew"
            );
        }
        for (id, users) in peppered {
            if self.hasher.is_missing(&id) && self.told.is_due(&id, self.clock.now()) {
                tracing::warn!(
                    pepper = %id,
                    users,
                    "passwords were hashed with a pepper that is not configured, and their users cannot sign in; \
                     name its file in sessiond.password_pepper_previous, or give them new passwords"
                );
            }
        }
        Ok(())
    }

    /// The same when somebody wants to sign in as one of them; once in a while.
    pub(super) fn tell_of_missing_pepper(&self, stored: &PasswordHash) {
        let Some(id) = stored.recipe().pepper.filter(|id| self.hasher.is_missing(id)) else { return };
        if self.told.is_due(&id, self.clock.now()) {
            tracing::error!(
                pepper = %id,
                "a password was not compared: it was hashed with a pepper that is not configured; \
                 name its file in sessiond.password_pepper_previous"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missing_pepper_is_told_once_in_a_while() {
        let (told, start) = (Told::default(), Timestamp::from_millis(0));
        let (one, other) = (PepperId::of(b"one"), PepperId::of(b"other"));
        assert!(told.is_due(&one, start) && told.is_due(&other, start));
        assert!(!told.is_due(&one, start + Duration::from_secs(599)));
        assert!(told.is_due(&one, start + Duration::from_mins(10)));
        assert!(!told.is_due(&one, start + Duration::from_mins(11)));
    }
}
