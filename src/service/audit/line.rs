//! One event as programs read it.

use serde::{Deserialize, Serialize};

use crate::domain::audit::{Detail, Event};
use crate::domain::ending::Note;

/// One event in words and codes. The time is RFC 3339 in UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its number.
    pub number: u64,
    /// When.
    pub at: String,
    /// Who: `user:` and an id, `key:` and an id, `operator`, `system`, `anonymous`.
    pub actor: String,
    /// What, as a code.
    pub action: String,
    /// How it went: `success`, `failure` or `denied`.
    pub outcome: String,
    /// To which user: an id.
    pub user: Option<String>,
    /// To which session: an id.
    pub session: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// Why, as a code.
    pub reason: Option<String>,
    /// What the actor wrote.
    pub note: Option<String>,
    /// How many sessions it ended.
    pub ended: u64,
    /// What changed, in the server's words.
    pub detail: Option<String>,
    /// To which API key: an id.
    pub key: Option<String>,
}

impl Line {
    /// The names of the fields, in their order.
    pub const FIELDS: [&str; 13] = [
        "number", "at", "actor", "action", "outcome", "user", "session", "address", "reason", "note", "ended",
        "detail", "key",
    ];

    /// The fields as text, in the order of [`Line::FIELDS`].
    pub fn cells(&self) -> [String; 13] {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        [
            self.number.to_string(),
            self.at.clone(),
            self.actor.clone(),
            self.action.clone(),
            self.outcome.clone(),
            text(&self.user),
            text(&self.session),
            text(&self.address),
            text(&self.reason),
            text(&self.note),
            self.ended.to_string(),
            text(&self.detail),
            text(&self.key),
        ]
    }
}

impl From<&Event> for Line {
    fn from(event: &Event) -> Self {
        let draft = &event.draft;
        Self {
            number: event.seq.0,
            at: event.at.to_string(),
            actor: draft.actor.to_string(),
            action: draft.action.to_string(),
            outcome: draft.outcome.to_string(),
            user: draft.user.as_ref().map(ToString::to_string),
            session: draft.session.map(|id| id.to_string()),
            address: draft.from.map(|ip| ip.to_string()),
            reason: draft.reason.map(|reason| reason.to_string()),
            note: draft.note.as_ref().map(Note::as_str).map(str::to_owned),
            ended: draft.ended,
            detail: draft.detail.as_ref().map(Detail::as_str).map(str::to_owned),
            key: draft.key.map(|id| id.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Action, Draft, Outcome};
    use crate::domain::ending::Actor;
    use crate::domain::id::EventSeq;
    use crate::domain::timestamp::Timestamp;

    #[test]
    fn the_cells_are_the_fields_in_their_order() {
        let draft = Draft::new(Actor::Operator, Action::Start, Outcome::Success);
        let event = Event { seq: EventSeq(7), at: Timestamp::from_millis(1_767_323_045_678), draft };
        let line = Line::from(&event);
        let object = serde_json::to_string(&line).unwrap();
        let mut rest = object.as_str();
        for (field, cell) in Line::FIELDS.into_iter().zip(line.cells()) {
            let place = rest.find(&format!("\"{field}\":")).unwrap_or_else(|| panic!("{field} comes later: {object}"));
            rest = &rest[place..];
            assert!(cell.is_empty() || rest.contains(&cell), "{field}: {cell}");
        }
    }
}
