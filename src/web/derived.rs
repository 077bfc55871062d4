//! The credential of the door for reverse proxies: made from a session by the server's own key, and no other door takes it.
//!
//! Applications behind the proxy may see it. So it holds no secret of the session, and it has a form that is no credential's.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::id::{SessionId, UserKey};
use crate::keys::Keys;

/// No credential has a dot.
const MARK: &str = "p.";
const PURPOSE: &str = "proxy";
/// Of user key and session id, in base64url.
const NAMES: usize = 43;

/// `p.` and base64url of user key (16 bytes) and session id (16), and of a tag over both.
pub fn write(keys: &Keys, user: UserKey, session: SessionId) -> String {
    let names = URL_SAFE_NO_PAD.encode([*user.bytes(), *session.bytes()].concat());
    format!("{MARK}{names}{}", keys.sign(PURPOSE, &[user.bytes(), session.bytes()]))
}

/// Whose session and which it names, if the tag is one of ours. Nothing is looked up for any other.
pub fn read(keys: &Keys, text: &str) -> Option<(UserKey, SessionId)> {
    let (user, session, tag) = parts(text)?;
    keys.verify(PURPOSE, &[user.bytes(), session.bytes()], tag).then_some((user, session))
}

/// Whether it names this session and was made by the key that signs now.
pub fn is_current(keys: &Keys, text: &str, user: UserKey, session: SessionId) -> bool {
    parts(text).is_some_and(|(named, id, tag)| {
        (named, id) == (user, session) && keys.is_newest(PURPOSE, &[user.bytes(), session.bytes()], tag)
    })
}

fn parts(text: &str) -> Option<(UserKey, SessionId, &str)> {
    let (names, tag) = text.strip_prefix(MARK)?.split_at_checked(NAMES)?;
    let mut bytes = [0; 32];
    let decoded = URL_SAFE_NO_PAD.decode_slice(names, &mut bytes);
    let (user, rest) = bytes.split_first_chunk::<16>()?;
    let session = SessionId::from_bytes(*rest.first_chunk::<16>()?)?;
    (decoded == Ok(32)).then_some((UserKey::from_bytes(*user), session, tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::{ManualClock, OsEntropy};
    use crate::domain::credential::Credential;
    use crate::domain::timestamp::Timestamp;

    #[test]
    fn what_was_derived_names_its_session_and_no_other_text_does() {
        let folder = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let keys = Keys::open(folder.path(), &clock, &OsEntropy).unwrap();
        let user = UserKey::from_bytes([7; 16]);
        let (session, other) = (SessionId::new(Timestamp::from_millis(1), &OsEntropy), [0xff; 16]);
        let text = write(&keys, user, session);
        assert_eq!(text.len(), 88);
        assert_eq!(read(&keys, &text), Some((user, session)));
        assert!(is_current(&keys, &text, user, session));
        assert!(!is_current(&keys, &text, UserKey::from_bytes(other), session));
        // Without its mark it may have a credential's form; its tag is no session's secret.
        assert!(text.parse::<Credential>().is_err());
        for bit in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[bit] = if wrong[bit] == b'A' { b'B' } else { b'A' };
            assert_eq!(read(&keys, &String::from_utf8(wrong).unwrap()), None, "{bit}");
        }
        let credential = Credential::new(user, session, &OsEntropy).expose();
        let elsewhere = keys.sign("form", &[user.bytes(), session.bytes()]);
        for wrong in [
            "",
            "p.",
            &text[1..],
            &text[2..],
            &text[..87],
            &format!("{text}A"),
            &format!("{}{elsewhere}", &text[..45]),
            &credential,
            &format!("p.{credential}"),
            &"é".repeat(44),
        ] {
            assert_eq!(read(&keys, wrong), None, "{wrong}");
        }
    }
}
