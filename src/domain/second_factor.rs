//! The second factor: codes of an authenticator app that change every 30 seconds (RFC 6238, SHA-1, six digits: what the apps
//! can do), and recovery codes for whoever has lost it. No code is good twice.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use totp_rs::{Builder, Secret, Totp};

use super::clock::{Entropy, random};
use super::timestamp::Timestamp;

/// What the app and the server share: 160 bits (RFC 4226, 4).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotpSecret([u8; 20]);

/// How many steps of 30 seconds an app's clock may be ahead or behind.
const SKEW: u16 = 1;

impl TotpSecret {
    /// A fresh one.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    /// From its base32 text, as `base32` gave it.
    pub fn from_base32(text: &str) -> Option<Self> {
        let secret = Secret::try_from_base32(text).ok()?;
        Some(Self(secret.as_ref().try_into().ok()?))
    }

    /// For people who type it into their app, and for the picture that they show it.
    pub fn base32(&self) -> String {
        Secret::from(self.0.to_vec()).to_base32()
    }

    fn totp(&self) -> Totp {
        Builder::new().with_secret(self.0.to_vec()).with_skew(SKEW).build_noncompliant()
    }

    /// The time step that `code` belongs to, if it is one of those that are good now.
    pub fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        self.totp().check(code, seconds(now))
    }

    /// The code of this moment.
    pub fn code(&self, now: Timestamp) -> String {
        self.totp().generate(seconds(now)).to_string()
    }
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.millis() / 1000).unwrap_or(0)
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret")
    }
}

/// SHA-256 of a recovery code: 120 random bits need no salt and no cost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecoveryDigest([u8; 32]);

impl fmt::Debug for RecoveryDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryDigest")
    }
}

/// How many recovery codes there are at a time.
pub const RECOVERY_CODES: usize = 10;
/// Letters of one, five bits each.
const LETTERS: usize = 24;
/// What stands between two hyphens.
const GROUP: usize = 6;
/// Without those that look like others.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A set of recovery codes, for the person alone.
pub fn recovery_codes(entropy: &dyn Entropy) -> Vec<String> {
    let code = || {
        let letters = random::<LETTERS>(entropy).map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
        let groups: Vec<String> = letters.chunks(GROUP).map(|group| group.iter().collect()).collect();
        groups.join("-")
    };
    (0..RECOVERY_CODES).map(|_| code()).collect()
}

/// What is kept of a recovery code, however it was spaced; `None` if it is none.
fn digest(typed: &str) -> Option<RecoveryDigest> {
    let letters: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
    let letters = letters.to_ascii_lowercase();
    let whole = letters.len() == LETTERS && letters.bytes().all(|byte| ALPHABET.contains(&byte));
    whole.then(|| RecoveryDigest(Sha256::digest(letters.as_bytes()).into()))
}

/// What is kept of a set of recovery codes.
pub fn digests(codes: &[String]) -> BTreeSet<RecoveryDigest> {
    codes.iter().filter_map(|code| digest(code)).collect()
}

/// A user's second factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    secret: TotpSecret,
    /// The newest time step whose code was taken.
    last: u64,
    recovery: BTreeSet<RecoveryDigest>,
}

/// A code that was found right and is not good again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// The app's code of this time step.
    Step(u64),
    /// A recovery code.
    Recovery(RecoveryDigest),
}

impl SecondFactor {
    /// As it begins: the person has just shown the app's code of the time step `last`.
    pub const fn new(secret: TotpSecret, last: u64, recovery: BTreeSet<RecoveryDigest>) -> Self {
        Self { secret, last, recovery }
    }

    /// What `typed` is worth at this moment. All of it is looked at, whatever it is.
    pub fn check(&self, typed: &str, now: Timestamp) -> Option<Spent> {
        let digits: String = typed.chars().filter(|c| !c.is_whitespace()).collect();
        let step = self.secret.step_of(&digits, now).filter(|step| *step > self.last);
        let recovery = digest(typed).filter(|digest| self.recovery.contains(digest));
        step.map(Spent::Step).or(recovery.map(Spent::Recovery))
    }

    /// The same without what was spent; `None` if somebody else was faster.
    pub fn without(&self, spent: Spent) -> Option<Self> {
        let mut rest = self.clone();
        let fresh = match spent {
            Spent::Step(step) => step > std::mem::replace(&mut rest.last, step),
            Spent::Recovery(digest) => rest.recovery.remove(&digest),
        };
        fresh.then_some(rest)
    }

    /// The same with other recovery codes.
    #[must_use]
    pub fn with_recovery(&self, recovery: BTreeSet<RecoveryDigest>) -> Self {
        Self { recovery, ..self.clone() }
    }

    /// How many recovery codes are left.
    pub fn recovery_left(&self) -> usize {
        self.recovery.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::OsEntropy;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let secret = TotpSecret(*b"12345678901234567890");
        for (seconds, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(secret.code(at(seconds)), code);
        }
        assert_eq!(TotpSecret::from_base32(&secret.base32()), Some(secret));
        assert_eq!(TotpSecret::from_base32("MFRGG"), None);
    }

    #[test]
    fn asvs_6_5_1_a_code_is_good_for_one_use() {
        let secret = TotpSecret::draw(&OsEntropy);
        let codes = recovery_codes(&OsEntropy);
        let factor = SecondFactor::new(secret.clone(), 0, digests(&codes));
        let now = at(1_767_323_045);
        let spent = factor.check(&secret.code(now), now).unwrap();
        let rest = factor.without(spent).unwrap();
        assert_eq!(rest.check(&secret.code(now), now), None);
        assert_eq!(rest.without(spent), None, "nor where two were checked at once");

        let spent = rest.check(&codes[3].to_uppercase().replace('-', " "), now).unwrap();
        let rest = rest.without(spent).unwrap();
        assert_eq!(rest.check(&codes[3], now), None);
        assert_eq!(rest.without(spent), None);
        assert_eq!(rest.recovery_left(), RECOVERY_CODES - 1);
    }

    #[test]
    fn asvs_6_5_5_a_code_is_good_for_a_step_before_and_after_its_own() {
        let secret = TotpSecret::draw(&OsEntropy);
        let factor = SecondFactor::new(secret.clone(), 0, BTreeSet::new());
        let code = secret.code(at(3_000));
        for (seconds, good) in [(2_969, false), (2_970, true), (3_059, true), (3_060, false)] {
            assert_eq!(factor.check(&code, at(seconds)).is_some(), good, "{seconds}");
        }
        for bad in ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦"] {
            assert_eq!(factor.check(bad, at(3_000)), None, "{bad}");
        }
    }

    #[test]
    fn asvs_6_5_2_recovery_codes_have_120_bits_and_only_digests_are_kept() {
        let codes = recovery_codes(&OsEntropy);
        assert_eq!(codes.len(), RECOVERY_CODES);
        let kept = digests(&codes);
        assert_eq!(kept.len(), RECOVERY_CODES);
        for code in &codes {
            assert_eq!(code.len(), LETTERS + LETTERS / GROUP - 1);
            let factor = SecondFactor::new(TotpSecret::draw(&OsEntropy), 0, kept.clone());
            assert!(
                !format!("{:?}", postcard::to_allocvec(&factor).unwrap()).contains(&format!("{:?}", code.as_bytes()))
            );
        }
    }
}
