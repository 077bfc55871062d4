//! The server's own keys, in one file that only the server's user may read. Two are accepted, so that one can be replaced
//! without a form going stale.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::domain::clock::{Clock, Entropy, random};
use crate::domain::timestamp::Timestamp;
use crate::private;

/// The newer key is replaced at the first start after this time.
const AGE: Duration = Duration::from_hours(24 * 90);

/// The file's name in the data folder.
const FILE: &str = "keys";

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    made: Timestamp,
    secret: String,
}

/// Keys for what the server signs and reads back itself.
pub struct Keys {
    /// The first signs; all are accepted.
    secrets: Vec<[u8; 32]>,
}

impl Keys {
    /// Reads the keys in `folder`, or makes a first one, or a new one when the newest is old.
    ///
    /// # Errors
    /// If the file cannot be read or written, or does not hold keys.
    pub fn open(folder: &Path, clock: &dyn Clock, entropy: &dyn Entropy) -> io::Result<Self> {
        let path = folder.join(FILE);
        let mut keys: Vec<Key> = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let told = format!("{} holds no keys ({error}); move it away to have new ones made", path.display());
                io::Error::new(io::ErrorKind::InvalidData, told)
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        if keys.first().is_none_or(|newest| clock.now() > newest.made + AGE) {
            let secret = URL_SAFE_NO_PAD.encode(random::<32>(entropy));
            keys.insert(0, Key { made: clock.now(), secret });
            keys.truncate(2);
            private::replace(folder, FILE, &serde_json::to_vec(&keys)?)?;
        }
        let secrets = keys.iter().map(|key| {
            let mut secret = [0; 32];
            match URL_SAFE_NO_PAD.decode_slice(&key.secret, &mut secret) {
                Ok(32) => Ok(secret),
                _ => Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("{} holds a key of a wrong form; move it away to have new ones made", path.display()),
                )),
            }
        });
        Ok(Self { secrets: secrets.collect::<io::Result<_>>()? })
    }

    /// A tag over `parts` that only this server can make. `purpose` keeps one use from passing for another.
    pub fn sign(&self, purpose: &str, parts: &[&[u8]]) -> String {
        self.secrets
            .first()
            .map(|secret| URL_SAFE_NO_PAD.encode(mac(secret, purpose, parts).finalize().into_bytes()))
            .unwrap_or_default()
    }

    /// Whether `tag` is one of ours for these parts, in constant time.
    pub fn verify(&self, purpose: &str, parts: &[&[u8]], tag: &str) -> bool {
        made_by(&self.secrets, purpose, parts, tag)
    }

    /// Whether it is, and was made by the key that signs now.
    pub fn is_newest(&self, purpose: &str, parts: &[&[u8]], tag: &str) -> bool {
        made_by(&self.secrets[..self.secrets.len().min(1)], purpose, parts, tag)
    }
}

fn made_by(secrets: &[[u8; 32]], purpose: &str, parts: &[&[u8]], tag: &str) -> bool {
    let mut bytes = [0; 32];
    let decoded = URL_SAFE_NO_PAD.decode_slice(tag, &mut bytes);
    decoded == Ok(32) && secrets.iter().any(|secret| mac(secret, purpose, parts).verify_slice(&bytes).is_ok())
}

/// A tag over `parts`; `purpose` keeps one use from passing for another.
pub fn mac(secret: &[u8], purpose: &str, parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(secret).expect("HMAC takes keys of any length");
    for part in [purpose.as_bytes()].iter().chain(parts) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::{ManualClock, OsEntropy};

    #[test]
    fn an_old_key_is_replaced_and_still_accepted_once() {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let open = || Keys::open(folder.path(), &clock, &OsEntropy).unwrap();
        let first = open().sign("form", &[b"a"]);
        assert!(open().verify("form", &[b"a"], &first));
        assert!(!open().verify("flash", &[b"a"], &first));
        assert!(!open().verify("form", &[b"", b"a"], &first));
        clock.advance(AGE + Duration::from_secs(1));
        assert!(open().verify("form", &[b"a"], &first));
        assert!(!open().is_newest("form", &[b"a"], &first));
        assert!(open().is_newest("form", &[b"a"], &open().sign("form", &[b"a"])));
        assert_ne!(open().sign("form", &[b"a"]), first);
        clock.advance(AGE + Duration::from_secs(1));
        assert!(!open().verify("form", &[b"a"], &first));
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        Keys::open(folder.path(), &ManualClock::new(Timestamp::from_millis(0)), &OsEntropy).unwrap();
        let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
