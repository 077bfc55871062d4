//! A session in a list of everybody's: it may be past.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::ending::Note;
use crate::domain::id::SessionId;
use crate::domain::session::{Standing, Verdict};
use crate::web::Core;
use crate::web::doors::api::shapes::{self, SessionShape};

/// A session, and what became of it. Every field is always there.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedSession {
    #[serde(flatten)]
    session: SessionShape,
    status: &'static str,
    ended_at: String,
    ended_by: String,
    ended_reason: &'static str,
    ended_note: String,
}

impl ListedSession {
    /// A row of a listing. `own` is the session that asks.
    pub fn new(core: &Core, standing: &Standing, verdict: &Verdict, own: Option<SessionId>) -> Self {
        let session = shapes::session(core, standing).current(own == Some(standing.session.id()));
        let nothing = String::new;
        match verdict {
            Verdict::Live => Self {
                session,
                status: "live",
                ended_at: nothing(),
                ended_by: nothing(),
                ended_reason: "",
                ended_note: nothing(),
            },
            Verdict::Ended(ended) => Self {
                session,
                status: "ended",
                ended_at: ended.at.iso(),
                ended_by: ended.by.to_string(),
                ended_reason: ended.reason.code(),
                ended_note: ended.note.as_ref().map(Note::as_str).unwrap_or_default().to_owned(),
            },
            Verdict::Expired(at) => Self {
                session,
                status: "expired",
                ended_at: at.iso(),
                ended_by: nothing(),
                ended_reason: "",
                ended_note: nothing(),
            },
        }
    }
}

/// A session's own fields and the further ones in one closed object: two closed schemas joined would admit nothing.
impl PartialSchema for ListedSession {
    fn schema() -> RefOr<Schema> {
        let text = |told: &str| ObjectBuilder::new().schema_type(Type::String).description(Some(told));
        let RefOr::T(Schema::Object(mut object)) = SessionShape::schema() else { return SessionShape::schema() };
        let status = text("What it is worth").enum_values(Some(["live", "ended", "expired"]));
        for (name, field) in [
            ("status", status),
            ("endedAt", text("Since when it is past; empty if it is not")),
            (
                "endedBy",
                text("Who ended it: `user:` and an id, `key:` and an id, `operator` or `system`; empty if nobody did"),
            ),
            ("endedReason", text("Why it ended, as a code; empty if it did not")),
            ("endedNote", text("What whoever ended it wrote")),
        ] {
            object.properties.insert(name.to_owned(), RefOr::T(Schema::Object(field.build())));
            object.required.push(name.to_owned());
        }
        object.description = Some("A session, and what became of it.".to_owned());
        RefOr::T(Schema::Object(object))
    }
}

impl ToSchema for ListedSession {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("ListedSession")
    }
}
