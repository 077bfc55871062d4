//! The right to choose a password, carried by a hidden field from the one-time password to the form that asks for another.
//! Good for some minutes, and only as long as the one-time password is.

use std::time::Duration;

use crate::domain::id::hex;
use crate::domain::timestamp::Timestamp;
use crate::keys::Keys;
use crate::service::auth::Ticket;

/// Time enough to think of a password.
const LIFETIME: Duration = Duration::from_mins(15);
const PURPOSE: &str = "choose-password";

/// `user ~ until ~ which ~ tag`.
pub fn write(keys: &Keys, ticket: &Ticket, now: Timestamp) -> String {
    let (user, until, used) = (ticket.user.as_str(), (now + LIFETIME).millis().to_string(), hex(&ticket.used));
    let tag = keys.sign(PURPOSE, &[user.as_bytes(), until.as_bytes(), used.as_bytes()]);
    format!("{user}~{until}~{used}~{tag}")
}

/// `None` if it is none of ours, or too old.
pub fn read(keys: &Keys, text: &str, now: Timestamp) -> Option<Ticket> {
    let mut parts = text.splitn(4, '~');
    let (user, until, used, tag) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if !keys.verify(PURPOSE, &[user.as_bytes(), until.as_bytes(), used.as_bytes()], tag) {
        return None;
    }
    let until = Timestamp::from_millis(until.parse().ok()?);
    let used = u128::from_str_radix(used, 16).ok()?.to_be_bytes();
    let ticket = Ticket { user: user.parse().ok()?, used };
    (now < until).then_some(ticket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::{ManualClock, OsEntropy};

    #[test]
    fn what_was_written_is_read_for_a_while_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::from_millis(1_767_323_045_678);
        let keys = Keys::open(folder.path(), &ManualClock::new(now), &OsEntropy).unwrap();
        let ticket = Ticket { user: "ada".parse().unwrap(), used: [7; 16] };
        let text = write(&keys, &ticket, now);
        assert_eq!(read(&keys, &text, now + LIFETIME - Duration::from_millis(1)), Some(ticket));
        assert_eq!(read(&keys, &text, now + LIFETIME), None);
        for bad in [text.replacen("ada", "eve", 1), text.replacen("07", "08", 1), String::new(), "~~~".to_owned()] {
            assert_eq!(read(&keys, &bad, now), None, "{bad}");
        }
    }
}
