//! Limits on guessing passwords, asked before a password is hashed.
//!
//! Only wrong passwords count. A permit is taken before the hash and given back where the password was right or nobody
//! looked at it, so that a thousand people may sign in from one address, and a thousand guesses at once get no further than
//! a thousand one after the other.
//!
//! Strangers share three budgets: that of their network, that of the account as it was typed (whether or not there is such a
//! user) and that of everybody. Whoever is known, by a session or by a browser in which the user has signed in before, has
//! one of their own instead: what strangers use up does not keep them out.
//!
//! The budgets are kept in memory: a restart fills them.

mod bucket;
mod rate;
pub mod refusals;
mod table;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use self::bucket::Bucket;
pub use self::rate::{LoginLimits, Rate, RateError};
use self::table::{Key, Table};
use super::Service;
use super::auth::SignInError;
use super::hasher::Busy;
use crate::domain::audit::Draft;
use crate::domain::clock::{Entropy, random};
use crate::domain::id::{SessionId, UserId};
use crate::domain::password::{Password, PasswordHash};
use crate::domain::timestamp::Timestamp;

/// A browser, and the users who have signed in in it. It opens nothing: whoever holds it may only guess on a budget of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Drawn at the first sign-in.
    pub id: [u8; 16],
    /// Those who have proved their password there, the last one first.
    pub users: Vec<UserId>,
}

impl Device {
    /// A browser in which nobody has signed in yet.
    pub fn fresh(entropy: &dyn Entropy) -> Self {
        Self { id: random(entropy), users: Vec::new() }
    }

    /// Whether this user has signed in in it before.
    pub fn knows(&self, user: &UserId) -> bool {
        self.users.contains(user)
    }
}

/// Who types a password.
#[derive(Debug, Clone, Copy)]
pub enum Guesser<'a> {
    /// Nobody knows.
    Stranger {
        /// From where.
        from: Option<IpAddr>,
        /// The address that they want to sign in with, as typed.
        account: &'a str,
    },
    /// Whoever has a browser in which this user has signed in before.
    Device {
        /// The browser.
        id: &'a [u8; 16],
        /// Whom they want to sign in as.
        user: &'a UserId,
    },
    /// Whoever has this live session.
    Session(SessionId),
    /// This user, who wants an address that may be somebody else's: the answer tells who has an account.
    Naming(&'a UserId),
    /// Whoever creates an account for themselves from there: the answer tells who has one, too.
    SigningUp(Option<IpAddr>),
}

/// There were too many wrong passwords; nothing was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many wrong passwords; try again in {} s", after.as_secs())]
pub struct Later {
    /// The next guess is let through after this time, unless somebody else is faster.
    pub after: Duration,
    /// Whether nobody has been told of this for a while: the log gets a line then, and not one for each request.
    first: bool,
    /// How many the limit allows at once.
    pub tries: u32,
    /// Which limit.
    limit: &'static str,
}

/// The right to have one password looked at. It is used up unless it is given back.
#[must_use]
#[derive(Debug)]
pub struct Permit(Vec<Budget>);

/// Whose tries are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Budget {
    Network(Key),
    Account(Key),
    Known(Key),
    SignUps(Key),
    Everybody,
}

impl Budget {
    const fn limit(self) -> &'static str {
        match self {
            Self::Network(_) => "login_limits.per_ip",
            Self::Account(_) => "login_limits.per_account",
            Self::Known(_) => "login_limits.per_account, of one browser or session",
            Self::SignUps(_) => "login_limits.sign_ups",
            Self::Everybody => "login_limits.all",
        }
    }
}

/// See the module.
pub struct Throttle {
    limits: LoginLimits,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    networks: Table,
    accounts: Table,
    known: Table,
    everybody: Bucket,
}

impl Used {
    fn find(&mut self, budget: Budget) -> Option<&mut Bucket> {
        match budget {
            Budget::Network(key) => self.networks.find(key),
            Budget::Account(key) => self.accounts.find(key),
            Budget::Known(key) | Budget::SignUps(key) => self.known.find(key),
            Budget::Everybody => Some(&mut self.everybody),
        }
    }

    fn make(&mut self, budget: Budget, now: Timestamp) -> &mut Bucket {
        match budget {
            Budget::Network(key) => self.networks.make(key, now),
            Budget::Account(key) => self.accounts.make(key, now),
            Budget::Known(key) | Budget::SignUps(key) => self.known.make(key, now),
            Budget::Everybody => &mut self.everybody,
        }
    }
}

impl Throttle {
    /// With full budgets.
    pub fn new(limits: LoginLimits) -> Self {
        Self { limits, used: Mutex::default() }
    }

    /// Takes a try from each budget that the guesser has, or from none.
    ///
    /// # Errors
    /// If one of them is used up.
    pub fn ask(&self, guesser: &Guesser<'_>, now: Timestamp) -> Result<Permit, Later> {
        let budgets = budgets(guesser);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut later: Option<Later> = None;
        for budget in &budgets {
            let Some(bucket) = used.find(*budget) else { continue };
            let rate = self.rate(*budget);
            let Some(after) = bucket.wait(rate, now) else { continue };
            let first = bucket.tell(rate, now) || later.is_some_and(|later| later.first);
            if later.is_none_or(|later| later.after < after) {
                later = Some(Later { after, first, tries: rate.tries(), limit: budget.limit() });
            } else if let Some(later) = &mut later {
                later.first = first;
            }
        }
        if let Some(later) = later {
            return Err(later);
        }
        for budget in &budgets {
            used.make(*budget, now).take(self.rate(*budget), now);
        }
        Ok(Permit(budgets))
    }

    /// The password was right, or nobody looked at it.
    pub fn give_back(&self, permit: Permit) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for budget in permit.0 {
            let rate = self.rate(budget);
            if let Some(bucket) = used.find(budget) {
                bucket.give_back(rate);
            }
        }
    }

    const fn rate(&self, budget: Budget) -> Rate {
        match budget {
            Budget::Network(_) => self.limits.per_ip,
            Budget::Account(_) | Budget::Known(_) => self.limits.per_account,
            Budget::SignUps(_) => self.limits.sign_ups,
            Budget::Everybody => self.limits.all,
        }
    }
}

fn budgets(guesser: &Guesser<'_>) -> Vec<Budget> {
    match guesser {
        Guesser::Stranger { from, account } => {
            let account = account.trim().to_lowercase();
            vec![
                Budget::Network(network(*from)),
                Budget::Account(digest(&[b"account", account.as_bytes()])),
                Budget::Everybody,
            ]
        }
        Guesser::Device { id, user } => {
            vec![Budget::Known(digest(&[b"device", id.as_slice(), user.as_str().as_bytes()]))]
        }
        Guesser::Session(id) => vec![Budget::Known(digest(&[b"session", id.bytes()]))],
        Guesser::SigningUp(from) => vec![Budget::SignUps(digest(&[b"signing up", &network(*from)]))],
        Guesser::Naming(user) => vec![Budget::Known(digest(&[b"naming", user.as_str().as_bytes()]))],
    }
}

/// One address, or what a household gets of the newer kind: 2^64 of them.
fn network(address: Option<IpAddr>) -> Key {
    match address.map(|address| address.to_canonical()) {
        Some(IpAddr::V4(address)) => address.to_ipv6_mapped().octets(),
        Some(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).octets(),
        None => Ipv6Addr::UNSPECIFIED.octets(),
    }
}

/// As long for a long text as for a short one. The parts but the last have a fixed length each.
fn digest(parts: &[&[u8]]) -> Key {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    let mut key = [0; 16];
    key.copy_from_slice(&digest.finalize()[..16]);
    key
}

impl Service {
    /// A permit for one look at a password; `denied` is what the audit log gets where there is none, once in a while.
    pub(super) async fn may_guess(&self, guesser: Guesser<'_>, denied: Draft) -> Result<Permit, SignInError> {
        let later = match self.throttle.ask(&guesser, self.clock.now()) {
            Ok(permit) => return Ok(permit),
            Err(later) => later,
        };
        if later.first {
            tracing::warn!(
                limit = later.limit,
                from = denied.from.map(tracing::field::display),
                user = denied.user.as_ref().map(tracing::field::display),
                "too many wrong passwords; more are refused for now"
            );
            self.store.record(denied).await?;
        }
        Err(SignInError::Later(later))
    }

    /// Whether the password is the one that `stored` was made of, and `also` holds. The permit is gone if not.
    pub(super) async fn look(
        &self,
        permit: Permit,
        password: Password,
        stored: Option<PasswordHash>,
        also: bool,
    ) -> Result<bool, Busy> {
        if let Some(stored) = &stored {
            self.tell_of_missing_pepper(stored);
        }
        let right = self.hasher.verify(password, stored, also).await;
        if !matches!(right, Ok(false)) {
            self.throttle.give_back(permit);
        }
        right
    }
}

#[cfg(test)]
mod tests;
