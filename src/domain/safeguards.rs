//! What stands between a right password and a session, and what earlier sign-ins have left behind of it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::client::Device;
use super::id::SessionId;
use super::second_factor::{SecondFactor, Spent};
use super::timestamp::Timestamp;
use super::token::{Token, TokenDigest};

/// Wrong passwords in a row, until the right one. No more than 100 are looked at before somebody unlocks the account
/// (NIST SP 800-63B-4, 3.2.2): strangers have most of them, and those who are known, by a session or by a browser in which
/// the user has signed in before, have some of their own, which strangers cannot use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tries {
    strangers: u8,
    known: u8,
}

impl Tries {
    /// As many as strangers have.
    pub const STRANGERS: u8 = 60;
    /// As many as those have who are known.
    pub const KNOWN: u8 = 40;

    /// With one more.
    #[must_use]
    pub const fn and_one(self, known: bool) -> Self {
        if known {
            Self { known: self.known.saturating_add(1), ..self }
        } else {
            Self { strangers: self.strangers.saturating_add(1), ..self }
        }
    }

    /// Whether whoever is known, or not, has none left.
    pub const fn is_locked(self, known: bool) -> bool {
        if known { self.known >= Self::KNOWN } else { self.strangers >= Self::STRANGERS }
    }

    /// Whether anybody has none left.
    pub const fn is_locked_to_anybody(self) -> bool {
        self.is_locked(false) || self.is_locked(true)
    }

    /// How many there were.
    pub fn count(self) -> u32 {
        u32::from(self.strangers) + u32::from(self.known)
    }
}

/// A sign-in in a browser in which the user had never signed in before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewDevice {
    /// The session that began.
    pub session: SessionId,
    /// When.
    pub at: Timestamp,
    /// From where.
    pub from: Option<IpAddr>,
    /// With what.
    pub device: Device,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Safeguards {
    /// The password is good until then, and for nothing but choosing another.
    pub one_time_until: Option<Timestamp>,
    /// What they show besides the password.
    pub second_factor: Option<SecondFactor>,
    /// Wrong passwords in a row.
    pub tries: Tries,
    /// The last sign-ins in new browsers, oldest first: their other sessions tell of them.
    pub new_devices: Vec<NewDevice>,
    /// One-time tokens that are out, oldest first.
    pub tokens: Vec<Token>,
}

/// Somebody has the right password, and the right code if one is asked for, and wants to come in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Admission {
    /// Whether they were known before they gave it: by a session, or by their browser.
    pub known: bool,
    /// The code that they gave.
    pub spent: Option<Spent>,
    /// The one-time token that they gave, in the place of a password.
    pub token: Option<TokenDigest>,
    /// What is to be told to the user's other sessions.
    pub device: Option<NewDevice>,
}

/// Why somebody does not come in with the right password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There were too many wrong ones before.
    Locked,
    /// The code or token was used by somebody else a moment ago.
    Spent,
}

/// What a code is worth beside a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// None is asked for.
    Needless,
    /// It is the one.
    Right(Spent),
    /// It is not.
    Wrong,
}

impl Shown {
    /// Whether it keeps nobody out.
    pub fn is_good(self) -> bool {
        self != Self::Wrong
    }

    /// What is used up by it.
    pub const fn spent(self) -> Option<Spent> {
        if let Self::Right(spent) = self { Some(spent) } else { None }
    }
}

impl Safeguards {
    /// What a code is worth at this moment.
    pub fn look_at(&self, code: &str, now: Timestamp) -> Shown {
        match &self.second_factor {
            None => Shown::Needless,
            Some(factor) => factor.check(code, now).map_or(Shown::Wrong, Shown::Right),
        }
    }

    /// How many sign-ins in new browsers are remembered.
    pub const NEW_DEVICES: usize = 5;
    /// How many one-time tokens are out at most; a further one takes the oldest's place.
    pub const TOKENS: usize = 10;

    /// Whether one of the sign-ins that are remembered was with such a program from this address.
    pub fn has_been_told_of(&self, from: Option<IpAddr>, device: &Device) -> bool {
        self.new_devices.iter().any(|one| one.from == from && one.device == *device)
    }

    /// With one token more, and without those that have run out.
    #[must_use]
    pub fn with_token(&self, token: Token) -> Self {
        let mut after = self.clone();
        after.tokens.retain(|one| token.created() < one.expires());
        let surplus = (after.tokens.len() + 1).saturating_sub(Self::TOKENS);
        after.tokens.drain(..surplus);
        after.tokens.push(token);
        after
    }

    /// What is left after somebody came in: no wrong tries, and no code twice.
    pub fn admit(&self, admission: &Admission) -> Result<Self, Refusal> {
        if self.tries.is_locked(admission.known) {
            return Err(Refusal::Locked);
        }
        let mut after = self.clone();
        after.tries = Tries::default();
        if let Some(spent) = admission.spent {
            after.second_factor =
                Some(self.second_factor.as_ref().and_then(|factor| factor.without(spent)).ok_or(Refusal::Spent)?);
        }
        if let Some(token) = admission.token {
            let at = after.tokens.iter().position(|one| one.digest() == token).ok_or(Refusal::Spent)?;
            after.tokens.remove(at);
        }
        if let Some(device) = &admission.device {
            after.new_devices.push(device.clone());
            let surplus = after.new_devices.len().saturating_sub(Self::NEW_DEVICES);
            after.new_devices.drain(..surplus);
        }
        Ok(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(times: u8, known: bool) -> Safeguards {
        let tries = (0..times).fold(Tries::default(), |tries, _| tries.and_one(known));
        Safeguards { tries, ..Safeguards::default() }
    }

    #[test]
    fn asvs_6_3_1_no_more_than_a_hundred_wrong_passwords_in_a_row() {
        const { assert!(Tries::STRANGERS + Tries::KNOWN <= 100) };
        let known = Admission { known: true, ..Admission::default() };
        let stranger = Admission::default();
        assert!(failed(Tries::STRANGERS - 1, false).admit(&stranger).is_ok());
        let locked = failed(Tries::STRANGERS, false);
        assert_eq!(locked.admit(&stranger), Err(Refusal::Locked));
        assert_eq!(locked.admit(&known), Ok(Safeguards::default()), "strangers do not lock the owner's browser out");
        assert_eq!(failed(Tries::KNOWN, true).admit(&known), Err(Refusal::Locked));
        assert!(failed(255, false).tries.and_one(false).is_locked(false));
    }
}
