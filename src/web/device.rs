//! The cookie by which a browser proves who has signed in in it before. It opens nothing: whoever brings it along may guess
//! on a budget of their own, so that a stranger who uses up an account's does not keep its owner out.
//!
//! `device ~ user ~ tag ~ user ~ tag …`, the last user first. Each tag is an HMAC over the device and that user, so nobody
//! can claim to be known to an account that they could not sign in to.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rocket::request::{FromRequest, Outcome, Request};

use super::Core;
use super::cookie::Sent;
use crate::domain::id::UserId;
use crate::keys::Keys;
use crate::service::throttle::Device;

/// As long as a tag is good for: twice the life of a key.
const LIFETIME: Duration = Duration::from_hours(24 * 180);
/// How many people may share a browser before it forgets the first.
const USERS: usize = 5;
const PURPOSE: &str = "device";

/// The browser's proof, if it has one.
pub struct Known(pub Option<Device>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Known {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        let core = request.rocket().state::<Arc<Core>>();
        let sent = core.map(|core| (core, core.names.device.read(request.headers())));
        Outcome::Success(Self(match sent {
            Some((core, Sent::Once(value))) => read(&core.keys, value),
            _ => None,
        }))
    }
}

/// A browser that has no proof.
pub fn fresh(core: &Core) -> Device {
    Device::fresh(core.service.entropy())
}

/// The `Set-Cookie` value for a browser in which this user has just signed in.
pub fn remember(core: &Core, device: Device, user: &UserId) -> String {
    let Device { id, mut users } = device;
    users.retain(|other| other != user);
    users.insert(0, user.clone());
    users.truncate(USERS);
    core.names.set(&core.names.device, &write(&core.keys, &Device { id, users }), Some(LIFETIME))
}

fn write(keys: &Keys, device: &Device) -> String {
    let mut value = URL_SAFE_NO_PAD.encode(device.id);
    for user in &device.users {
        value = format!("{value}~{user}~{}", keys.sign(PURPOSE, &[&device.id, user.as_str().as_bytes()]));
    }
    value
}

/// Those of the users whose tags are right; `None` if there are none.
fn read(keys: &Keys, value: &str) -> Option<Device> {
    let mut parts = value.split('~');
    let mut id = [0; 16];
    if URL_SAFE_NO_PAD.decode_slice(parts.next()?, &mut id) != Ok(id.len()) {
        return None;
    }
    let mut users = Vec::new();
    while let (Some(user), Some(tag)) = (parts.next(), parts.next())
        && users.len() < USERS
    {
        let user: UserId = user.parse().ok()?;
        if !keys.verify(PURPOSE, &[&id, user.as_str().as_bytes()], tag) {
            return None;
        }
        users.push(user);
    }
    (!users.is_empty()).then_some(Device { id, users })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::{ManualClock, OsEntropy};
    use crate::domain::timestamp::Timestamp;

    fn keys() -> Keys {
        let folder = tempfile::tempdir().unwrap();
        Keys::open(folder.path(), &ManualClock::new(Timestamp::from_millis(0)), &OsEntropy).unwrap()
    }

    fn device(users: &[&str]) -> Device {
        Device { id: [7; 16], users: users.iter().map(|user| user.parse().unwrap()).collect() }
    }

    #[test]
    fn what_was_written_is_read_and_nothing_else_is() {
        let keys = keys();
        let both = device(&["ada", "b.o_b-2"]);
        let value = write(&keys, &both);
        assert_eq!(read(&keys, &value), Some(both));
        assert!(value.len() < 512 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"~._-".contains(&b)));
        let other = write(&keys, &Device { id: [8; 16], ..device(&["ada"]) });
        for bad in [
            String::new(),
            "~".to_owned(),
            "BwcHBwcHBwcHBwcHBwcHBw".to_owned(),
            value.replacen("ada", "eve", 1),
            value.replacen('B', "C", 1),
            format!("BwcHBwcHBwcHBwcHBwcHBw~{}", other.split_once('~').unwrap().1),
            write(&super::tests::keys(), &device(&["ada"])),
        ] {
            assert_eq!(read(&keys, &bad), None, "{bad}");
        }
        let form = keys.sign("form", &[&[7; 16], b"ada"]);
        assert_eq!(read(&keys, &format!("BwcHBwcHBwcHBwcHBwcHBw~ada~{form}")), None, "a tag for something else");
    }

    #[test]
    fn of_a_longer_list_than_is_ever_written_the_first_are_read() {
        let keys = keys();
        let many = device(&["a", "b", "c", "d", "e", "f"]);
        assert_eq!(read(&keys, &write(&keys, &many)), Some(device(&["a", "b", "c", "d", "e"])));
    }
}
