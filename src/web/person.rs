//! A user as administrators see them.

use serde_json::{Value, json};

use super::format::Time;
use super::view;
use crate::domain::safeguards::Tries;
use crate::domain::second_factor::SecondFactor;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;

/// All that their page and the list show of them, without their sessions.
pub fn person(user: &User, now: Timestamp) -> Value {
    let mut shown = view::user(user);
    let safeguards = &user.safeguards;
    let tries = safeguards.tries;
    shown["badges"] = json!(badges(user, now));
    shown["created"] = json!(Time::new(user.created, now));
    shown["blocked"] = json!(user.blocked);
    shown["locked"] = json!(tries.is_locked_to_anybody());
    shown["tries"] = json!(tries.count());
    shown["lock"] = json!(lock(tries));
    shown["one_time_until"] = json!(safeguards.one_time_until.map(|until| Time::new(until, now)));
    shown["recovery_left"] = json!(safeguards.second_factor.as_ref().map(SecondFactor::recovery_left));
    shown
}

/// What is out of the ordinary about them, by shape, colour and word.
fn badges(user: &User, now: Timestamp) -> Vec<Value> {
    let badge = |code, label| json!({ "code": code, "label": label });
    let safeguards = &user.safeguards;
    let mut badges = Vec::new();
    if user.blocked {
        badges.push(badge("blocked", "Blocked"));
    }
    if safeguards.tries.is_locked_to_anybody() {
        badges.push(badge("locked", "Locked"));
    }
    match safeguards.one_time_until {
        Some(until) if until <= now => badges.push(badge("one-time", "One-time password ran out")),
        Some(_) => badges.push(badge("one-time", "One-time password")),
        None => {}
    }
    if safeguards.second_factor.is_some() {
        badges.push(badge("factor", "Second factor"));
    }
    badges
}

/// Who gets no further.
const fn lock(tries: Tries) -> &'static str {
    match (tries.is_locked(false), tries.is_locked(true)) {
        (false, false) => "",
        (true, false) => "Locked to browsers that they have not signed in with before",
        (false, true) => "Locked to browsers that they have signed in with before",
        (true, true) => "Locked to everybody",
    }
}
