//! How records look on disk: format version, checksum, payload.
//!
//! `version (1 byte) ‖ CRC-32 (4 bytes, little endian) ‖ postcard payload`. The checksum covers the version, the key and
//! the payload, so a record that turns up under another key is as damaged as one with a flipped bit.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;
use crate::domain::audit::Event;
use crate::domain::ending::Ended;
use crate::domain::epoch::Epoch;
use crate::domain::id::{EventSeq, UserKey};
use crate::domain::job::Job;
use crate::domain::key::ApiKey;
use crate::domain::session::Session;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;

/// The format of a database as a whole: raised with any record's version, so that an older program refuses to open it.
pub const FORMAT: u8 = 5;

/// Something that is stored. The payload is positional: fields and variants are added at the end and with a new version,
/// and `read` goes on reading the old ones.
pub trait Record: Serialize + DeserializeOwned {
    /// What an error calls it.
    const NAME: &'static str;
    /// The version that this program writes.
    const VERSION: u8 = 1;

    /// Reads a payload of this or an older version.
    fn read(version: u8, payload: &[u8]) -> Option<postcard::Result<Self>> {
        (version == Self::VERSION).then(|| postcard::from_bytes(payload))
    }
}

impl Record for Session {
    const NAME: &'static str = "session";
    const VERSION: u8 = 3;

    fn read(version: u8, payload: &[u8]) -> Option<postcard::Result<Self>> {
        match version {
            // Devices could neither be told apart nor named, and nobody was told of new ones.
            1 => Some(with_zeros(payload, 4)),
            // There was no door but the pages before the third.
            2 | 3 => Some(postcard::from_bytes(payload)),
            _ => None,
        }
    }
}

/// Reads a payload of a time before its last fields were added. As many zeros stand for "none", "never" and "not one".
fn with_zeros<T: DeserializeOwned>(payload: &[u8], zeros: usize) -> postcard::Result<T> {
    postcard::from_bytes(&[payload, &vec![0; zeros]].concat())
}

impl Record for User {
    const NAME: &'static str = "user";
    const VERSION: u8 = 4;

    fn read(version: u8, payload: &[u8]) -> Option<postcard::Result<Self>> {
        match version {
            // Nobody could be blocked then.
            1 => Some(with_zeros(payload, 11)),
            // There were no passwords for one use and no second factors; neither wrong tries nor new devices were counted.
            2 => Some(with_zeros(payload, 10)),
            // There were no one-time tokens, and nothing was known of users but what decides.
            3 => Some(with_zeros(payload, 5)),
            4 => Some(postcard::from_bytes(payload)),
            _ => None,
        }
    }
}

impl Record for Event {
    const NAME: &'static str = "audit event";
    const VERSION: u8 = 4;

    fn read(version: u8, payload: &[u8]) -> Option<postcard::Result<Self>> {
        match version {
            // Nothing was denied at first, no details were told, and neither knew API keys.
            1 | 2 => Some(with_zeros(payload, 2)),
            // The third had fewer actions.
            3 | 4 => Some(postcard::from_bytes(payload)),
            _ => None,
        }
    }
}

impl Record for Ended {
    const NAME: &'static str = "replaced epoch";
    const VERSION: u8 = 2;

    fn read(version: u8, payload: &[u8]) -> Option<postcard::Result<Self>> {
        // No key had ended anything then; the rest is as it was.
        matches!(version, 1 | 2).then(|| postcard::from_bytes(payload))
    }
}

impl Record for ApiKey {
    const NAME: &'static str = "API key";
}

impl Record for Job {
    const NAME: &'static str = "job";
}

impl Record for Epoch {
    const NAME: &'static str = "server epoch";
}

impl Record for Timestamp {
    const NAME: &'static str = "last seen";
}

impl Record for EventSeq {
    const NAME: &'static str = "webhook's place";
}

impl Record for UserKey {
    const NAME: &'static str = "e-mail address";
}

const HEADER: usize = 1 + 4;

/// What is wrong with stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Damage {
    #[error("too short for a record")]
    Short,
    #[error("version {0}, which this program does not read")]
    Version(u8),
    #[error("the checksum does not match")]
    Checksum,
}

/// The bytes of `value` for the record at `key`.
pub fn encode<T: Record>(key: &[u8], value: &T) -> Result<Vec<u8>, StoreError> {
    let bytes = postcard::to_extend(value, vec![T::VERSION, 0, 0, 0, 0]);
    let mut bytes = bytes.map_err(|error| StoreError::corrupt(T::NAME, error))?;
    let sum = checksum(key, bytes[0], &bytes[HEADER..]);
    bytes[1..HEADER].copy_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

/// The value of the record at `key`.
pub fn decode<T: Record>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    let damaged = |damage: Damage| StoreError::corrupt(T::NAME, damage);
    let (&[version, ref sum @ ..], payload) = bytes.split_first_chunk::<HEADER>().ok_or(damaged(Damage::Short))?;
    if u32::from_le_bytes(*sum) != checksum(key, version, payload) {
        return Err(damaged(Damage::Checksum));
    }
    let value = T::read(version, payload).ok_or(damaged(Damage::Version(version)))?;
    value.map_err(|error| StoreError::corrupt(T::NAME, error))
}

fn checksum(key: &[u8], version: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[version]);
    hasher.update(key);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::Debug;
    use std::time::Duration;

    use super::*;
    use crate::domain::audit::{Detail, Draft};
    use crate::domain::client::{Client, Device};
    use crate::domain::clock::Entropy;
    use crate::domain::ending::{Actor, Ending, Note, Reason};
    use crate::domain::epoch::Epochs;
    use crate::domain::id::{EventSeq, UserId, hex};
    use crate::domain::job::{Assignment, JobId, JobState, Progress};
    use crate::domain::key::{KeyCredential, KeyParticulars};
    use crate::domain::lifetime::{Kind, Lifetime};
    use crate::domain::listing::{Filter, Period, Status, Whose};
    use crate::domain::password::PasswordHash;
    use crate::domain::prefs::Prefs;
    use crate::domain::safeguards::{NewDevice, Safeguards, Tries};
    use crate::domain::second_factor::{SecondFactor, TotpSecret, digests, recovery_codes};
    use crate::domain::session::{Door, SessionChange, Start};
    use crate::domain::token::Token;
    use crate::domain::user::{Label, Profile};

    const AT: Timestamp = Timestamp::from_millis(1_767_323_045_678);

    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(7);
        }
    }

    fn ada() -> UserId {
        "ada".parse().unwrap()
    }

    fn ending() -> Ending {
        let note = Note::parse("lost laptop").unwrap();
        Ending { note, ..Ending::new(Actor::User(ada()), Reason::Revoked, Some([192, 0, 2, 7].into())) }
    }

    fn session() -> Session {
        let epoch = Epoch::draw(&Sevens);
        let start = Start {
            user: ada(),
            epochs: Epochs { user: epoch, server: epoch },
            at: AT,
            kind: Kind::Persistent,
            lifetime: Lifetime { idle: Duration::from_mins(1), absolute: Duration::from_mins(10) },
            door: Door::Pages,
            client: Client {
                address: Some([192, 0, 2, 7].into()),
                agent: "curl/8".to_owned(),
                device: Device { browser: Some("curl".to_owned()), system: None },
            },
            device: None,
            name: None,
        };
        Session::start(start, &Sevens).0
    }

    fn user() -> User {
        User {
            id: ada(),
            email: "ada@example.com".parse().unwrap(),
            name: "Ada".parse().unwrap(),
            password: PasswordHash::from_phc("$argon2id$".to_owned()),
            labels: BTreeSet::from([Label::admin()]),
            epoch: Epoch::draw(&Sevens),
            created: AT,
            blocked: false,
            safeguards: Safeguards::default(),
            profile: Profile::default(),
        }
    }

    fn event() -> Event {
        Event { seq: EventSeq(9), at: AT, draft: Draft::ended_user(&ending(), &ada(), 3) }
    }

    fn key() -> ApiKey {
        let (name, scopes) = ("nightly".parse().unwrap(), "sessions.read,users.write".parse().unwrap());
        let particulars = KeyParticulars { name, scopes, created: AT, expires: Some(AT), by: Actor::Operator };
        let mut key = ApiKey::new(&KeyCredential::new(&Sevens), particulars);
        let by = Actor::Key(KeyCredential::new(&Sevens).id());
        key.revoke(Ending::new(by, Reason::Revoked, None).at(AT, EventSeq(9)));
        key
    }

    fn job() -> Job {
        let filter = Filter {
            whose: Whose::Matching("ada".to_owned()),
            status: Status::Live,
            network: "192.0.2.0/24".parse().ok(),
            agent: Some("curl".to_owned()),
            door: Some(Door::Api),
            created: Period { from: Some(AT), to: None },
            seen: Period { from: None, to: Some(AT) },
        };
        let Some(note) = Note::parse("lost laptop").unwrap() else { unreachable!() };
        let (by, from) = (Actor::User(ada()), Some([192, 0, 2, 7].into()));
        let (asked, spared) = (Detail::new("all"), Some(session().id()));
        let assignment = Assignment { filter, asked, by, note, from, spared, accepted: AT };
        let state = JobState::Failed(AT, Detail::new("no"));
        let progress = Progress { examined: 300, ended: 299, state };
        Job { progress, ..Job::new(JobId::new(&Sevens), assignment) }
    }

    fn golden<T: Record + PartialEq + Debug>(value: &T, bytes: &str) {
        let written = encode(b"key", value).unwrap();
        assert_eq!(
            hex(&written),
            bytes,
            "{}: a stored form changed; give it a new version and read the old one",
            T::NAME
        );
        assert_eq!(&decode::<T>(b"key", &written).unwrap(), value);
    }

    #[test]
    fn what_is_stored_keeps_its_form() {
        let mut ended = session();
        ended.end(ending().at(AT, EventSeq(9))).unwrap();
        let mut expired = session();
        expired.expire(AT).unwrap();
        let mut named = session();
        named.change(&SessionChange::Named("Laptop".parse().ok()), AT).unwrap();
        let mut guarded = user();
        let codes = digests(&recovery_codes(&Sevens));
        guarded.safeguards = Safeguards {
            one_time_until: Some(AT),
            second_factor: Some(SecondFactor::new(TotpSecret::draw(&Sevens), 7, codes)),
            tries: Tries::default().and_one(true).and_one(false).and_one(false),
            new_devices: vec![NewDevice {
                session: named.id(),
                at: AT,
                from: None,
                device: Device { browser: None, system: None },
            }],
            tokens: vec![Token::draw(&ada(), named.epochs(), 6, AT, Duration::from_mins(15), &Sevens).0],
        };
        let Ok(prefs) = serde_json::from_str(r#"{"a":1}"#) else { unreachable!() };
        guarded.profile =
            Profile { updated: AT, password_changed: AT, email_verified: true, prefs: Prefs::new(&prefs).unwrap() };
        let mut detailed = event();
        detailed.draft.detail = Some(Detail::new("+admin"));
        golden(
            &session(),
            "03139e6a8a019b7ca98f2e77078707070707070707036164614bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e00707070707070707070707070707070707070707070707070707070707070707dcbccccaef66dcbccccaef66013c00d80400000100c0000207066375726c2f3801046375726c00000000dcbccccaef6600",
        );
        golden(
            &ended,
            "033f78a32c019b7ca98f2e77078707070707070707036164614bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e00707070707070707070707070707070707070707070707070707070707070707dcbccccaef66dcbccccaef66013c00d80400000100c0000207066375726c2f3801046375726c0001dcbccccaef66000361646102010b6c6f7374206c6170746f70090000dcbccccaef6600",
        );
        golden(
            &expired,
            "03d9ef9267019b7ca98f2e77078707070707070707036164614bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e00707070707070707070707070707070707070707070707070707070707070707dcbccccaef66dcbccccaef66013c00d80400000100c0000207066375726c2f3801046375726c0002dcbccccaef660000dcbccccaef6600",
        );
        golden(
            &named,
            "032d46d8af019b7ca98f2e77078707070707070707036164614bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e00707070707070707070707070707070707070707070707070707070707070707dcbccccaef66dcbccccaef66013c00d80400000100c0000207066375726c2f3801046375726c00000001064c6170746f70dcbccccaef6600",
        );
        golden(
            &user(),
            "04012bd0f3036164610f616461406578616d706c652e636f6d034164610a246172676f6e32696424010561646d696e07070707070707070707070707070707dcbccccaef660000000000000000000000",
        );
        golden(
            &guarded,
            "049d853798036164610f616461406578616d706c652e636f6d034164610a246172676f6e32696424010561646d696e07070707070707070707070707070707dcbccccaef660001dcbccccaef66010707070707070707070707070707070707070707070170ebb4313f2f0738da80198e7014c2d3b01bd13380d5bb49d3d5fa022ba96070020101019b7ca98f2e77078707070707070707dcbccccaef660000000107070707070707070707b758918c9e00fa7d6a8e125afb644fef1eaaff887cc7743508618db2fbaee9b40707070707070707070707070707070707070707070707070707070707070707dcbccccaef669cabbacbef66dcbccccaef66dcbccccaef6601077b2261223a317d",
        );
        golden(&ending().at(AT, EventSeq(9)), "0224c90b0bdcbccccaef66000361646102010b6c6f7374206c6170746f7009");
        golden(
            &event(),
            "04006a8b7409dcbccccaef660003616461020103616461000100c0000207000102010b6c6f7374206c6170746f70030000",
        );
        golden(
            &detailed,
            "0482a1e8d009dcbccccaef660003616461020103616461000100c0000207000102010b6c6f7374206c6170746f700301062b61646d696e00",
        );
        golden(&Epoch::draw(&Sevens), "01ee65582107070707070707070707070707070707");
        golden(
            &key(),
            "01f00180940707070707070707076e696768746c794bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e0020003dcbccccaef6601dcbccccaef660101dcbccccaef66040707070707070707020009",
        );
        golden(
            &job(),
            "019a58f58d07070707070707070203616461000100c00002001801046375726c010101dcbccccaef66000001dcbccccaef6603616c6c00036164610b6c6f7374206c6170746f700100c000020701019b7ca98f2e77078707070707070707dcbccccaef66ac02ab0202dcbccccaef66026e6f",
        );
        golden(&AT, "013177da5edcbccccaef66");
        golden(&EventSeq(300), "017df2182fac02");
        golden(&ada().key(), "01e7cab390fdee430d40bd57deeac186cd9790033d");
    }

    #[test]
    fn what_earlier_versions_stored_is_read() {
        const SESSIONS: [&str; 2] = [
            "01d0ebaf60019b7ca98f2e77078707070707070707036164614bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e00707070707070707070707070707070707070707070707070707070707070707dcbccccaef66dcbccccaef66013c00d80400000100c0000207066375726c2f3801046375726c0000",
            "021947853a019b7ca98f2e77078707070707070707036164614bb06f8e4e3a7715d201d573d0aa423762e55dabd61a2c02278fa56cc6d294e00707070707070707070707070707070707070707070707070707070707070707dcbccccaef66dcbccccaef66013c00d80400000100c0000207066375726c2f3801046375726c00000000dcbccccaef6600",
        ];
        const USERS: [&str; 3] = [
            "01c10a6f08036164610f616461406578616d706c652e636f6d034164610a246172676f6e326964240105\
             61646d696e07070707070707070707070707070707dcbccccaef66",
            "0264f0179a036164610f616461406578616d706c652e636f6d034164610a246172676f6e32696424010561646d696e07070707070707070707070707070707dcbccccaef6600",
            "0309067e59036164610f616461406578616d706c652e636f6d034164610a246172676f6e32696424010561646d696e07070707070707070707070707070707dcbccccaef66000000000000",
        ];
        const EVENTS: [&str; 3] = [
            "0190dcb63309dcbccccaef660003616461020103616461000100c0000207000102010b6c6f7374206c61707\
             46f7003",
            "022570ecb309dcbccccaef660003616461020103616461000100c0000207000102010b6c6f7374206c6170746f7003",
            "0314ec9ec409dcbccccaef660003616461020103616461000100c0000207000102010b6c6f7374206c6170746f70030000",
        ];
        const ENDED: &str = "013cecaa4fdcbccccaef66000361646102010b6c6f7374206c6170746f7009";
        let bytes = |hex: &str| -> Vec<u8> {
            (0..hex.len() / 2).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect()
        };
        for old in SESSIONS {
            let mut old = decode::<Session>(b"key", &bytes(old)).unwrap();
            old.change(&SessionChange::Acknowledged(AT), AT).unwrap();
            assert_eq!(old, session());
        }
        for old in USERS {
            assert_eq!(decode::<User>(b"key", &bytes(old)).unwrap(), user());
        }
        for old in EVENTS {
            assert_eq!(decode::<Event>(b"key", &bytes(old)).unwrap(), event());
        }
        assert_eq!(decode::<Ended>(b"key", &bytes(ENDED)).unwrap(), ending().at(AT, EventSeq(9)));
    }

    #[test]
    fn any_flipped_bit_truncation_or_other_key_is_noticed() {
        let bytes = encode(b"key", &AT).unwrap();
        assert_eq!(decode::<Timestamp>(b"key", &bytes).unwrap(), AT);
        assert!(decode::<Timestamp>(b"yek", &bytes).is_err());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode::<Timestamp>(b"key", &damaged).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(decode::<Timestamp>(b"key", &bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
