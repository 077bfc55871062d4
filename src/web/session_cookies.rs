//! The cookies that open a session: the pages' own and, where a domain is configured, the derived one for the door of
//! reverse proxies. They come and go together, and only from here.

use std::time::Duration;

use rocket::http::HeaderMap;

use super::cookie::Sent;
use super::{Core, derived};
use crate::domain::lifetime::Kind;
use crate::domain::session::Session;
use crate::service::auth::SignedIn;
use crate::service::sessions::LiveSession;

/// For whoever has just signed in.
pub fn hand_out(core: &Core, signed_in: &SignedIn) -> Vec<String> {
    let session = &signed_in.session;
    let lifetime = lifetime(core, session);
    let own = core.names.set(&core.names.session, &signed_in.credential.expose(), lifetime);
    [Some(own), proxy(core, session, lifetime)].into_iter().flatten().collect()
}

/// For whoever has no session any more.
pub fn take_away(core: &Core) -> Vec<String> {
    [Some(&core.names.session), core.names.proxy.as_ref()]
        .into_iter()
        .flatten()
        .map(|name| core.names.expire(name))
        .collect()
}

/// The derived one once more, where the browser has none for this session or one by a key that signs no longer.
pub fn renewed(core: &Core, live: &LiveSession, headers: &HeaderMap<'_>) -> Option<String> {
    let session = &live.session;
    let sent = core.names.proxy.as_ref()?.read(headers);
    let current =
        matches!(sent, Sent::Once(text) if derived::is_current(&core.keys, text, session.user_key(), session.id()));
    if current {
        return None;
    }
    let left = lifetime(core, session).map(|whole| (session.created() + whole).since(core.service.clock().now()));
    proxy(core, session, left)
}

fn proxy(core: &Core, session: &Session, lifetime: Option<Duration>) -> Option<String> {
    let name = core.names.proxy.as_ref()?;
    Some(core.names.set(name, &derived::write(&core.keys, session.user_key(), session.id()), lifetime))
}

/// How long the browser is to keep them; without it, until it is closed.
fn lifetime(core: &Core, session: &Session) -> Option<Duration> {
    (session.kind() == Kind::Persistent).then(|| session.lifetime(core.service.limits()).absolute)
}
