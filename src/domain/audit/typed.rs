//! A search of the audit log as somebody types it: the parameters of a page's address and the options of a command.

use serde::{Deserialize, Serialize};

use super::search::{Cursor, Filter, Query};
use super::{Action, Outcome};
use crate::domain::ending::Actor;
use crate::domain::id::UserId;
use crate::domain::listing::{Direction, ListingError, filled, parse_network, parse_rows, period};

/// See the module. What is empty was not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed {
    /// Whom it concerns, whether they did it or it was done to them: an e-mail address or a user id.
    pub user: String,
    /// Who did it: the same, or `operator`, `system`, `anonymous`.
    pub actor: String,
    /// To whom it was done: an e-mail address or a user id.
    pub target: String,
    /// The codes of [`Action`]s.
    pub actions: Vec<String>,
    /// The code of an [`Outcome`].
    pub outcome: String,
    /// A time.
    pub from: String,
    /// A time.
    pub to: String,
    /// An address or a network.
    pub address: String,
    /// A session's id.
    pub session: String,
    /// The code of a [`Direction`].
    pub direction: String,
    /// How many rows.
    pub rows: String,
    /// A [`Cursor`].
    pub cursor: String,
}

/// Who was meant by what was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meant {
    /// By [`Typed::user`].
    pub user: Option<UserId>,
    /// By [`Typed::actor`].
    pub actor: Option<Actor>,
    /// By [`Typed::target`].
    pub target: Option<UserId>,
}

/// Part of a search that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// As in any other listing.
    #[error(transparent)]
    Listing(#[from] ListingError),
    /// An action.
    #[error("action: `{0}` is none; one of {codes}", codes = Action::ALL.map(Action::code).join(", "))]
    Action(String),
    /// The outcome.
    #[error("outcome: one of {}", Outcome::ALL.map(Outcome::code).join(", "))]
    Outcome,
    /// The session.
    #[error("session: a session's id, like 0199f2a4-7d3c-7000-8000-00805f9b34fb")]
    Session,
    /// Somebody.
    #[error("{0}: nobody is known by that; give a user's e-mail address or id")]
    User(&'static str),
    /// Whoever did it.
    #[error(
        "actor: nobody is known by that; give a user's e-mail address or id, operator, system, anonymous, or key: and a key's id"
    )]
    Actor,
}

impl Typed {
    /// The question, about those who were meant.
    ///
    /// # Errors
    /// The first parameter that does not parse.
    pub fn query(&self, meant: Meant) -> Result<Query, SearchError> {
        let direction: Option<Direction> = filled(&self.direction).map(str::parse).transpose()?;
        let rows = filled(&self.rows).map_or(Ok(Query::ROWS), parse_rows)?;
        let cursor: Option<Cursor> = filled(&self.cursor).map(str::parse).transpose()?;
        let direction = direction.or(cursor.map(|cursor| cursor.direction)).unwrap_or_default();
        if cursor.is_some_and(|cursor| cursor.direction != direction) {
            return Err(ListingError::Cursor.into());
        }
        Ok(Query { filter: self.filter(meant)?, direction, cursor, rows })
    }

    fn filter(&self, Meant { user, actor, target }: Meant) -> Result<Filter, SearchError> {
        let actions = self.actions.iter().filter_map(|code| filled(code));
        let action = |code: &str| Action::from_code(code).ok_or_else(|| SearchError::Action(code.to_owned()));
        Ok(Filter {
            actor,
            target,
            user,
            actions: actions.map(action).collect::<Result<_, _>>()?,
            outcome: filled(&self.outcome)
                .map(|code| Outcome::from_code(code).ok_or(SearchError::Outcome))
                .transpose()?,
            period: period(("from", &self.from), ("to", &self.to))?,
            network: filled(&self.address).map(parse_network).transpose()?,
            session: filled(&self.session).map(|id| id.parse().map_err(|_| SearchError::Session)).transpose()?,
        })
    }
}

/// Whoever is no user, by the word for them.
pub fn parse_actor(text: &str) -> Option<Actor> {
    if let Some(id) = text.strip_prefix("key:") {
        return id.parse().ok().map(Actor::Key);
    }
    [Actor::Operator, Actor::System, Actor::Anonymous].into_iter().find(|actor| actor.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_parameter_is_named_when_it_does_not_parse() {
        type Set = fn(&mut Typed) -> &mut String;
        let cases: [(Set, &str, &str); 9] = [
            (|typed| &mut typed.outcome, "luck", "outcome: one of success, failure, denied"),
            (|typed| &mut typed.from, "soon", "from: a date"),
            (|typed| &mut typed.to, "soon", "to: a date"),
            (|typed| &mut typed.address, "198.51.100.0/33", "address:"),
            (|typed| &mut typed.session, "x", "session: a session's id"),
            (|typed| &mut typed.direction, "up", "direction:"),
            (|typed| &mut typed.rows, "0", "rows:"),
            (|typed| &mut typed.rows, "101", "rows:"),
            (|typed| &mut typed.cursor, "x", "cursor:"),
        ];
        let told = |typed: &Typed| typed.query(Meant::default()).map_err(|error| error.to_string());
        for (field, text, part) in cases {
            let mut typed = Typed::default();
            text.clone_into(field(&mut typed));
            assert!(told(&typed).is_err_and(|error| error.contains(part)), "{text}: {:?}", told(&typed));
        }
        let typed = Typed { actions: vec!["session.create".into(), "session.dream".into()], ..Typed::default() };
        assert!(told(&typed).is_err_and(|error| error.contains("`session.dream` is none; one of session.create")));
        assert_eq!(told(&Typed::default()), Ok(Query::first(Filter::default())));
    }

    #[test]
    fn a_cursor_of_the_other_direction_is_refused() {
        let typed = Typed { direction: "asc".into(), ..Typed::default() };
        let query = typed.query(Meant::default()).unwrap();
        let cursor = Cursor {
            towards: crate::domain::listing::Towards::Next,
            direction: query.direction,
            at: crate::domain::id::EventSeq(7),
        };
        let typed =
            |direction: &str| Typed { direction: direction.to_owned(), cursor: cursor.to_string(), ..Typed::default() };
        assert_eq!(typed("desc").query(Meant::default()), Err(ListingError::Cursor.into()));
        assert!(typed("").query(Meant::default()).is_ok_and(|query| query.direction == Direction::Ascending));
    }
}
