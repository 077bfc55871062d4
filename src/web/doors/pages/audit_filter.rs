//! What the audit page is asked, as it stands in the URL and in the form above the log.

use rocket::form::FromForm;
use serde_json::{Value, json};

use super::typed::{choice, sizes, time, url};
use crate::domain::audit::search::{Filter, Query};
use crate::domain::audit::{Action, Outcome, Typed};
use crate::domain::id::UserId;
use crate::domain::listing::Direction;
use crate::web::events;

/// The page that this is about.
pub const PATH: &str = "/admin/audit";

/// The question as it stands in the URL.
#[derive(Debug, Clone, Default, FromForm)]
pub struct Asked {
    #[field(default = "")]
    user: String,
    #[field(default = "")]
    actor: String,
    #[field(default = "")]
    target: String,
    action: Vec<String>,
    #[field(default = "")]
    outcome: String,
    #[field(default = "")]
    from: String,
    #[field(default = "")]
    to: String,
    #[field(default = "")]
    address: String,
    #[field(default = "")]
    session: String,
    #[field(default = "")]
    direction: String,
    #[field(default = "")]
    rows: String,
    #[field(default = "")]
    cursor: String,
}

impl Asked {
    /// The same, apart from the web.
    pub fn typed(&self) -> Typed {
        Typed {
            user: self.user.clone(),
            actor: self.actor.clone(),
            target: self.target.clone(),
            actions: self.action.clone(),
            outcome: self.outcome.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            address: self.address.clone(),
            session: self.session.clone(),
            direction: self.direction.clone(),
            rows: self.rows.clone(),
            cursor: self.cursor.clone(),
        }
    }

    /// Which events, without where and how many.
    fn fields(&self) -> Vec<(&'static str, &str)> {
        let mut fields = vec![("user", &*self.user), ("actor", &self.actor), ("target", &self.target)];
        fields.extend(self.action.iter().map(|code| ("action", &**code)));
        fields.extend([
            ("outcome", &*self.outcome),
            ("from", &self.from),
            ("to", &self.to),
            ("address", &self.address),
            ("session", &self.session),
            ("direction", &self.direction),
        ]);
        fields
    }

    /// This page's address, at another place.
    pub fn url(&self, cursor: &str) -> String {
        let mut fields = self.fields();
        fields.extend([("rows", &*self.rows), ("cursor", cursor)]);
        url(PATH, fields)
    }

    /// Where the same events are to be had as a file.
    pub fn file(&self, kind: &str) -> String {
        url(&format!("{PATH}/export.{kind}"), self.fields())
    }

    /// Which events, in one line, with users by their ids: the log is kept longer than some users are, and tells no address.
    pub fn told(&self, filter: &Filter) -> String {
        let id = |user: &Option<UserId>| user.as_ref().map(ToString::to_string).unwrap_or_default();
        let (user, target) = (id(&filter.user), id(&filter.target));
        let actor = filter.actor.as_ref().map(ToString::to_string).unwrap_or_default();
        let told = url(
            "",
            self.fields().into_iter().map(|(name, typed)| match name {
                "user" => (name, &*user),
                "actor" => (name, &*actor),
                "target" => (name, &*target),
                _ => (name, typed),
            }),
        );
        told.strip_prefix('?').unwrap_or("everything").to_owned()
    }

    /// What the form shows: what was typed, whether it was understood or not.
    pub fn form(&self, query: &Query) -> Value {
        let outcome = Outcome::from_code(self.outcome.trim());
        let direction = self.direction.parse().unwrap_or(query.direction);
        let rows = self.rows.parse().unwrap_or(query.rows);
        let less_used = [&self.actor, &self.target, &self.address, &self.session];
        let chosen = |action: Action| self.action.iter().any(|code| code.trim() == action.code());
        let set = less_used.into_iter().filter(|typed| !typed.trim().is_empty()).count()
            + Action::ALL.into_iter().filter(|action| chosen(*action)).count()
            + usize::from(direction != Direction::default())
            + usize::from(rows != Query::ROWS);
        let outcomes = Outcome::ALL.map(|one| choice(one.code(), events::outcome(one), outcome == Some(one)));
        let outcomes = [&[choice("", "Any", outcome.is_none())], &outcomes[..]].concat();
        json!({
            "user": self.user,
            "actor": self.actor,
            "target": self.target,
            "from": time(&self.from),
            "to": time(&self.to),
            "address": self.address,
            "session": self.session,
            "set": set,
            "outcomes": outcomes,
            "actions": Action::ALL.iter().map(|one| choice(one.code(), events::action(*one), chosen(*one))).collect::<Vec<_>>(),
            "directions": [
                choice(Direction::Descending.code(), "Newest first", direction == Direction::Descending),
                choice(Direction::Ascending.code(), "Oldest first", direction == Direction::Ascending),
            ],
            "sizes": sizes(rows),
        })
    }
}
