//! Sessions and users as the templates want them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::format::Time;
use super::text;
use crate::domain::client::Device;
use crate::domain::device::DeviceName;
use crate::domain::ending::{Actor, Ended, Note};
use crate::domain::id::{SessionId, UserId};
use crate::domain::lifetime::{Kind, Limits};
use crate::domain::safeguards::NewDevice;
use crate::domain::session::{Standing, Verdict};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Label, User};
use crate::service::sessions::LiveSession;

/// Who is signed in.
pub fn me(user: &User) -> Value {
    json!({ "id": user.id.as_str(), "name": user.name.as_str(), "email": user.email.as_str(), "admin": user.is_administrator(), "second_factor": user.safeguards.second_factor.is_some() })
}

/// Whose page it is.
pub fn user(user: &User) -> Value {
    let labels: Vec<_> = user.labels.iter().map(Label::as_str).collect();
    json!({ "id": user.id.as_str(), "name": user.name.as_str(), "email": user.email.as_str(), "labels": labels })
}

/// Sign-ins in new browsers that the person has not said to have read of, newest first.
pub fn untold(live: &LiveSession, now: Timestamp) -> Vec<Value> {
    let mut untold: Vec<_> = live.session.untold(&live.user).collect();
    untold.sort_by_key(|new| std::cmp::Reverse(new.at));
    let shown = |new: &NewDevice| {
        let address = new.from.map_or_else(|| "–".to_owned(), |ip| ip.to_string());
        json!({
            "session": new.session.to_string(),
            "device": new.device.to_string(),
            "address": address,
            "at": Time::new(new.at, now),
            "until": new.at.millis(),
        })
    };
    untold.into_iter().map(shown).collect()
}

/// For whom a row is shown.
#[derive(Clone, Copy)]
pub struct Viewer<'a> {
    /// The time.
    pub now: Timestamp,
    /// The lifetimes in force.
    pub limits: &'a Limits,
    /// Their own session.
    pub own: SessionId,
    /// For administrators, who may see notes and who ended a session: what those who did are called.
    pub names: Option<&'a BTreeMap<UserId, String>>,
}

impl Viewer<'_> {
    /// One session.
    pub fn row(&self, standing: &Standing, verdict: &Verdict) -> Value {
        let session = &standing.session;
        let time = |at| Time::new(at, self.now);
        let (code, label) = match verdict {
            Verdict::Live => ("live", "Live"),
            Verdict::Ended(_) => ("ended", "Ended"),
            Verdict::Expired(_) => ("expired", "Expired"),
        };
        let ended = if let Verdict::Ended(ended) = verdict { self.ended(ended) } else { Value::Null };
        let user = match &standing.user {
            Some(user) => {
                json!({ "id": user.id.as_str(), "name": user.name.as_str(), "email": user.email.as_str(), "deleted": false })
            }
            // Of somebody who was deleted the id is all that is left.
            None => {
                json!({ "id": session.user().as_str(), "name": session.user().as_str(), "email": "", "deleted": true })
            }
        };
        let client = session.client();
        json!({
            "id": session.id().to_string(),
            "device": client.device.to_string(),
            "name": session.name().map(DeviceName::as_str),
            "icon": icon(&client.device),
            "agent": client.agent,
            "address": client.address.map_or_else(|| "–".to_owned(), |ip| ip.to_string()),
            "user": user,
            "signed_in": time(session.created()),
            "last_active": time(standing.seen),
            "expires": time(standing.deadline(self.limits)),
            "status": { "code": code, "label": label },
            "kind": match session.kind() {
                Kind::Standard => "Standard",
                Kind::Persistent => "Kept signed in",
                Kind::Administrator => "Administrator",
            },
            "current": session.id() == self.own,
            "ended": ended,
        })
    }

    fn ended(&self, ended: &Ended) -> Value {
        let at = Time::new(ended.at, self.now);
        let Some(names) = self.names else {
            return json!({ "at": at, "text": text::to_the_person(ended.reason), "by": "", "note": null });
        };
        let by = match &ended.by {
            Actor::User(id) => names.get(id).cloned().unwrap_or_else(|| id.to_string()),
            Actor::Operator => "the operator".to_owned(),
            Actor::System => "the server".to_owned(),
            Actor::Anonymous => "nobody known".to_owned(),
            Actor::Key(id) => format!("the API key {id}"),
        };
        let note = ended.note.as_ref().map(Note::as_str);
        json!({ "at": at, "text": text::to_administrators(ended.reason), "by": by, "note": note })
    }
}

fn icon(device: &Device) -> &'static str {
    match (device.system.as_deref(), device.browser.as_deref()) {
        (Some("iOS" | "Android"), _) => "phone",
        (Some(_), Some(_)) => "desktop",
        (_, Some(_)) => "terminal",
        _ => "unknown",
    }
}
