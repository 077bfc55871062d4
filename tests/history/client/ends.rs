//! Ending sessions, in every scope.

use std::sync::Arc;

use super::super::answers::{credential, flash, odd, to_sign_in};
use super::super::record::{Outcome, Session, User, What};
use super::super::world::Known;
use super::{Asked, Client};
use crate::process::{Answer, PASSWORD, form, session_id};

/// For where the password was last given long ago.
const CONFIRMED: (&str, &str) = ("confirm.password", PASSWORD);

impl Client<'_> {
    /// Notes the end of one session, and tries it at once.
    pub(super) fn ended_one(&mut self, known: &Arc<Known>, asked: &Asked, outcome: Outcome) -> Option<()> {
        self.note(asked, What::End(known.number), outcome);
        if outcome == Outcome::Done {
            self.world.ended(known);
            self.resolve(known)?;
        }
        Some(())
    }

    pub(super) fn end_this(&mut self, known: &Arc<Known>) -> Option<()> {
        let asked = if self.dice.below(2) == 0 {
            self.ask_with(known, "DELETE", "/logout", "")?
        } else {
            let token = self.token(known)?;
            self.ask_with(known, "POST", "/logout", &form(&token, &[("scope", "this")]))?
        };
        // Without a session it is a quiet success.
        let outcome = asked.outcome(|answer| match flash(answer, "out") {
            Some(_) => Outcome::Done,
            None => odd(answer),
        });
        self.ended_one(known, &asked, outcome)
    }

    /// The session from which this thread acts as an administrator, and its token.
    pub(super) fn administrator(&mut self) -> Option<(Arc<Known>, String)> {
        let known = match self.administrator.clone() {
            Some(known) => known,
            None => self.sign_in(0, false)?,
        };
        let token = self.token(&known);
        self.administrator = token.is_some().then(|| Arc::clone(&known));
        Some((known, token?))
    }

    /// What an administrator's order amounts to that leads back to the list.
    pub(super) fn ordered(&mut self, asked: &Asked, judge: impl FnOnce(&Answer) -> Outcome) -> Outcome {
        let outcome = asked.outcome(|answer| match answer {
            answer if to_sign_in(answer) || answer.status == 403 => Outcome::Refused,
            // To the list, or to the page of the user whose sessions were to end.
            answer if answer.location() == "/admin/sessions" || answer.location().starts_with("/admin/users/") => {
                judge(answer)
            }
            answer => odd(answer),
        });
        if outcome == Outcome::Refused {
            self.administrator = None;
        }
        outcome
    }

    pub(super) fn end_by_id(&mut self, known: &Arc<Known>) -> Option<()> {
        let (own, token) = self.administrator()?;
        let id = session_id(&known.credential);
        let asked = self.ask_with(&own, "POST", "/admin/sessions/end", &form(&token, &[("only", &id), CONFIRMED]))?;
        let outcome = self.ordered(&asked, |answer| match flash(answer, "ended").as_deref() {
            Some([1, 0, 0] | [0, 1, 0]) => Outcome::Done,
            Some([0, 0, 1]) => Outcome::Refused,
            _ => odd(answer),
        });
        self.ended_one(known, &asked, outcome)
    }

    /// Notes a sweep, and tries one of those that it covers.
    pub(super) fn swept(
        &mut self,
        user: Option<User>,
        keep: Option<Session>,
        asked: &Asked,
        outcome: Outcome,
    ) -> Option<()> {
        let what = match user {
            Some(user) => What::EndUser { user, keep },
            None => What::EndEveryone { keep },
        };
        self.note(asked, what, outcome);
        if outcome == Outcome::Done
            && let Some(known) = self.world.swept(user, keep)
        {
            self.resolve(&known)?;
        }
        Some(())
    }

    pub(super) fn end_others(&mut self, known: &Arc<Known>) -> Option<()> {
        let token = self.token(known)?;
        let asked =
            self.ask_with(known, "POST", "/account/sessions/end", &form(&token, &[("scope", "others"), CONFIRMED]))?;
        let outcome = asked.outcome(|answer| match flash(answer, "ended").as_deref() {
            // The session that was to be kept had ended.
            Some([0, 1, 0]) => Outcome::Refused,
            Some([_, 0, 0]) => Outcome::Done,
            _ if to_sign_in(answer) || answer.status == 403 => Outcome::Refused,
            _ => odd(answer),
        });
        self.swept(Some(known.user), Some(known.number), &asked, outcome)?;
        // The kept one is still live, unless somebody else has ended it.
        if outcome == Outcome::Done { self.resolve(known) } else { Some(()) }
    }

    pub(super) fn end_all(&mut self, known: &Arc<Known>) -> Option<()> {
        let token = self.token(known)?;
        let signing_out = self.dice.below(2) == 0;
        let path = if signing_out { "/logout" } else { "/account/sessions/end" };
        let asked = self.ask_with(known, "POST", path, &form(&token, &[("scope", "all"), CONFIRMED]))?;
        let mut quiet = false;
        let outcome = asked.outcome(|answer| match flash(answer, "out").as_deref() {
            // Signing out without a session is a success that says nothing of the others.
            Some([0]) if signing_out => {
                quiet = true;
                Outcome::Either
            }
            Some(_) => Outcome::Done,
            None if to_sign_in(answer) || answer.status == 403 => Outcome::Refused,
            None => odd(answer),
        });
        if quiet {
            self.ended_one(known, &asked, Outcome::Done)?;
        }
        self.swept(Some(known.user), None, &asked, outcome)
    }

    pub(super) fn end_user(&mut self, user: User) -> Option<()> {
        let (own, token) = self.administrator()?;
        let path = format!("/admin/users/{}/end", self.world.people[usize::from(user)].id);
        let asked = self.ask_with(&own, "POST", &path, &form(&token, &[("note", "checked"), CONFIRMED]))?;
        let outcome = self.ordered(&asked, |answer| match flash(answer, "ended") {
            Some(_) => Outcome::Done,
            None => odd(answer),
        });
        let keep = (user == own.user).then_some(own.number);
        self.swept(Some(user), keep, &asked, outcome)
    }

    /// Everyone's but one's own; the administrator goes on with a new session.
    pub(super) fn end_everyone(&mut self) -> Option<()> {
        let (own, token) = self.administrator()?;
        let body = form(&token, &[("password", PASSWORD), ("note", "checked")]);
        let asked = self.ask_with(&own, "POST", "/admin/sessions/everyone", &body)?;
        self.administrator = None;
        // Without a new session either its making failed, or the order came from one that had just ended.
        let outcome = self.ordered(&asked, |answer| match credential(answer) {
            Some(_) => Outcome::Done,
            None => Outcome::Either,
        });
        let credential = asked.answer.as_ref().ok().and_then(credential);
        let new = credential.map(|credential| self.world.signed_in(0, credential, false));
        let session = new.as_ref().map(|new| new.number);
        self.note(&asked, What::SignIn { user: 0, session, stamped: asked.end }, outcome);
        self.administrator = new;
        self.swept(None, session, &asked, outcome)
    }
}
