//! What other programs are told, and where in the log it stands.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

use super::follower::Heard;
use crate::domain::audit::{Action, Event, Outcome};
use crate::domain::ending::Actor;
use crate::domain::id::EventSeq;
use crate::domain::timestamp::Timestamp;

/// A place in the log: an event's number and, where it is known, its time. Numbers begin anew where a restore puts an older
/// log in place; the two together do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    /// The event's number; zero before the first.
    pub seq: EventSeq,
    /// The event's time.
    pub time: Option<Timestamp>,
}

/// Text that is no place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an event; one looks like 4711-1767323045678")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seq.0)?;
        self.time.map_or(Ok(()), |time| write!(f, "-{}", time.millis()))
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (seq, time) = text.split_once('-').map_or((text, None), |(seq, time)| (seq, Some(time)));
        if !digits(seq) || !time.is_none_or(digits) {
            return Err(CursorError);
        }
        let time = time.map(str::parse).transpose().map_err(|_| CursorError)?;
        let seq = seq.parse().map_err(|_| CursorError)?;
        Ok(Self { seq: EventSeq(seq), time: time.map(Timestamp::from_millis) })
    }
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[schema(as = EventType)]
pub enum Kind {
    /// Somebody signed in.
    #[serde(rename = "session.created")]
    SessionCreated,
    /// One session ended.
    #[serde(rename = "session.ended")]
    SessionEnded,
    /// Sessions of one user ended: all, or all but the one in which it was asked for.
    #[serde(rename = "user.sessions.ended")]
    UserSessionsEnded,
    /// Everyone's sessions ended.
    #[serde(rename = "everyone.sessions.ended")]
    EveryonesSessionsEnded,
    /// An API key was revoked.
    #[serde(rename = "key.revoked")]
    KeyRevoked,
    /// Nobody knows what happened: whoever keeps a list of sessions should fetch it anew.
    #[serde(rename = "gap")]
    Gap,
}

/// Text that names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of event; there are {all}", all = Kind::ALL.map(Kind::code).join(", "))]
pub struct KindError(String);

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::SessionCreated,
        Self::SessionEnded,
        Self::UserSessionsEnded,
        Self::EveryonesSessionsEnded,
        Self::KeyRevoked,
        Self::Gap,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SessionCreated => "session.created",
            Self::SessionEnded => "session.ended",
            Self::UserSessionsEnded => "user.sessions.ended",
            Self::EveryonesSessionsEnded => "everyone.sessions.ended",
            Self::KeyRevoked => "key.revoked",
            Self::Gap => "gap",
        }
    }

    /// What an event of the audit log is to other programs, if it is anything.
    fn of(event: &Event) -> Option<Self> {
        let draft = &event.draft;
        match (draft.action, draft.outcome) {
            (Action::Lost, _) => Some(Self::Gap),
            (Action::SignIn, Outcome::Success) => Some(Self::SessionCreated),
            (Action::EndSession, Outcome::Success) => Some(Self::SessionEnded),
            (Action::EndUserSessions, Outcome::Success) => Some(Self::UserSessionsEnded),
            (Action::EndEveryonesSessions, Outcome::Success) => Some(Self::EveryonesSessionsEnded),
            (Action::RevokeKey, Outcome::Success) => Some(Self::KeyRevoked),
            // Whatever else ended sessions: a block, a new password, other rights, …
            (_, Outcome::Success) if draft.ended > 0 && draft.user.is_some() => Some(Self::UserSessionsEnded),
            _ => None,
        }
    }
}

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        Self::ALL.into_iter().find(|kind| kind.code() == text).ok_or_else(|| KindError(text.to_owned()))
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventActor)]
pub struct Who {
    /// `user`, `key`, `operator`, `system` or `anonymous`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Of a user or key.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

impl From<&Actor> for Who {
    fn from(actor: &Actor) -> Self {
        match actor {
            Actor::User(id) => Self { kind: "user", id: Some(id.to_string()) },
            Actor::Key(id) => Self { kind: "key", id: Some(id.to_string()) },
            Actor::Operator => Self { kind: "operator", id: None },
            Actor::System => Self { kind: "system", id: None },
            Actor::Anonymous => Self { kind: "anonymous", id: None },
        }
    }
}

/// What happened, as it is told. Fields that do not apply are left out; nothing secret is in it, and no addresses, devices
/// or notes, which `GET /v1/audit` has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Event)]
pub struct Told {
    /// Where it stands: the same for one event whenever it is told, and never that of another one.
    pub id: String,
    /// What kind of thing happened.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// When: RFC 3339 in UTC.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who did it. Left out of a gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Who>,
    /// What was done, by the code that the audit log has for it. Left out of a gap.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<&'static str>,
    /// Whose session or sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Which session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Which API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// Why, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// How many live sessions ended by it, where it ends sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<u64>,
    /// Where it stands, as a number.
    #[serde(skip)]
    pub seq: EventSeq,
}

impl Told {
    /// What is told of what was found in the log, if anything is.
    pub(crate) fn of(heard: &Heard) -> Option<Self> {
        let event = match heard {
            Heard::Gap(upto, at) => return Some(Self::gap(*upto, *at)),
            Heard::Event(event) => event,
        };
        let kind = Kind::of(event)?;
        if kind == Kind::Gap {
            return Some(Self::gap(event.seq, event.at));
        }
        let draft = &event.draft;
        let ends = !matches!(kind, Kind::SessionCreated | Kind::KeyRevoked);
        Some(Self {
            id: Cursor::of(event).to_string(),
            kind,
            at: event.at.to_string(),
            actor: Some(Who::from(&draft.actor)),
            action: Some(draft.action.code()),
            user_id: draft.user.as_ref().map(ToString::to_string),
            session_id: draft.session.map(|id| id.to_string()),
            key_id: draft.key.map(|id| id.to_string()),
            reason: draft.reason.map(crate::domain::ending::Reason::code),
            ended: ends.then_some(draft.ended),
            seq: event.seq,
        })
    }

    /// Nobody knows what happened up to this place.
    fn gap(upto: EventSeq, at: Timestamp) -> Self {
        Self {
            id: Cursor { seq: upto, time: None }.to_string(),
            kind: Kind::Gap,
            at: at.to_string(),
            actor: None,
            action: None,
            user_id: None,
            session_id: None,
            key_id: None,
            reason: None,
            ended: None,
            seq: upto,
        }
    }

    /// Itself as JSON, on one line.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::{Detail, Draft};
    use crate::domain::clock::OsEntropy;
    use crate::domain::ending::{Ending, Note, Reason};
    use crate::domain::id::{KeyId, SessionId, UserId};

    const AT: Timestamp = Timestamp::from_millis(1_767_323_045_678);

    fn told(draft: Draft) -> Option<serde_json::Value> {
        let heard = Heard::Event(Event { seq: EventSeq(7), at: AT, draft });
        Told::of(&heard).map(|told| serde_json::from_str(&told.json()).unwrap())
    }

    fn ada() -> UserId {
        "ada".parse().unwrap()
    }

    #[test]
    fn a_place_is_a_number_with_or_without_a_time() {
        for (text, seq, time) in [("0", 0, None), ("4711", 4711, None), ("4711-1767323045678", 4711, Some(AT))] {
            let cursor: Cursor = text.parse().unwrap();
            assert_eq!((cursor.seq.0, cursor.time, cursor.to_string()), (seq, time, text.to_owned()));
        }
        for bad in [
            "",
            "-",
            "x",
            "1-",
            "-1",
            "1-2-3",
            "+1",
            " 1",
            "1 ",
            "1-x",
            "99999999999999999999",
            "1-99999999999999999999",
            "१",
        ] {
            assert_eq!(bad.parse::<Cursor>(), Err(CursorError), "{bad:?}");
        }
    }

    #[test]
    fn an_ending_is_told_without_address_and_note() {
        let id = SessionId::new(AT, &OsEntropy);
        let ending = Ending {
            note: Note::parse("lost laptop").unwrap(),
            ..Ending::new(Actor::Operator, Reason::Revoked, Some([192, 0, 2, 7].into()))
        };
        let expected = serde_json::json!({
            "id": "7-1767323045678", "type": "session.ended", "at": "2026-01-02T03:04:05.678Z",
            "actor": { "type": "operator" }, "action": "session.end", "userId": "ada", "sessionId": id.to_string(),
            "reason": "revoked", "ended": 1,
        });
        assert_eq!(told(Draft::ended_one(&ending, &ada(), id)), Some(expected));
    }

    #[test]
    fn a_revoked_key_is_told_by_its_id_and_by_whom() {
        let (gone, by) = (KeyId::new(&OsEntropy), KeyId::new(&OsEntropy));
        let told = told(Draft::key_revoked(&Ending::new(Actor::Key(by), Reason::Revoked, None), gone)).unwrap();
        assert_eq!(told["type"], "key.revoked");
        assert_eq!(told["keyId"], gone.to_string());
        assert_eq!(told["actor"], serde_json::json!({ "type": "key", "id": by.to_string() }));
        assert!(told.get("ended").is_none() && told.get("userId").is_none());
    }

    #[test]
    fn whatever_ends_sessions_is_told_and_nothing_that_failed() {
        for action in Action::ALL {
            let draft = |outcome, ended| {
                let detail = Some(Detail::new("e-mail secret"));
                Draft { user: Some(ada()), ended, detail, ..Draft::new(Actor::User(ada()), action, outcome) }
            };
            if action == Action::Lost {
                let gap = told(draft(Outcome::Failure, 0)).unwrap();
                assert_eq!(gap, serde_json::json!({ "id": "7", "type": "gap", "at": "2026-01-02T03:04:05.678Z" }));
                continue;
            }
            let told_of = told(draft(Outcome::Success, 3)).unwrap_or_else(|| panic!("{action} is not told"));
            assert!(!told_of.to_string().contains("secret"), "{told_of}");
            for outcome in [Outcome::Failure, Outcome::Denied] {
                assert_eq!(told(draft(outcome, 0)), None, "{action} {outcome}");
            }
        }
        let renamed =
            Draft { user: Some(ada()), ..Draft::new(Actor::User(ada()), Action::ChangeName, Outcome::Success) };
        assert_eq!(told(renamed), None);
    }

    #[test]
    fn kinds_parse_back() {
        for kind in Kind::ALL {
            assert_eq!(kind.code().parse(), Ok(kind));
            assert_eq!(serde_json::json!(kind), kind.code());
        }
        let error = "session".parse::<Kind>().unwrap_err().to_string();
        assert!(error.contains("`session`") && error.contains("everyone.sessions.ended"), "{error}");
    }
}
