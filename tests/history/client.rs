//! One thread's work: operations by chance, each written down.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::answers::{credential, flash, odd, to_sign_in};
use super::record::{Moment, Operation, Outcome, Server, Session, User, What, now};
use super::wire::{Request, Wire};
use super::world::{Known, World};
use crate::contract::dice::Dice;
use crate::process::{Answer, PASSWORD, form, session_id};

/// Above so many live sessions there are more sweeps and fewer sign-ins: pages would only get longer.
const CROWD: usize = 60;
/// What a server gets that cannot do anything just now.
const RESPITE: Duration = Duration::from_millis(2);

pub struct Client<'a> {
    world: &'a World,
    dice: Dice,
    wire: Option<Wire>,
    /// A cookie of one's own before signing in, and the token of the forms that are bound to it.
    visitor: String,
    token: Option<String>,
    administrator: Option<Arc<Known>>,
    /// No password is checked in less.
    hashing: Moment,
    /// Whether it hangs up now and then before the answer.
    pub impatient: bool,
    pub operations: Vec<Operation>,
}

/// What came of a request.
struct Asked {
    start: Moment,
    end: Moment,
    server: Server,
    answer: io::Result<Answer>,
}

impl Asked {
    /// What it amounts to where `judge` knows.
    fn outcome(&self, judge: impl FnOnce(&Answer) -> Outcome) -> Outcome {
        match &self.answer {
            Err(_) => Outcome::Unanswered,
            Ok(answer) if answer.status == 503 => Outcome::Either,
            Ok(answer) => judge(answer),
        }
    }
}

impl<'a> Client<'a> {
    pub fn new(world: &'a World, seed: u64, hashing: Moment) -> Self {
        let visitor = format!("{seed:032x}");
        let (dice, wire, operations) = (Dice::new(seed), None, Vec::new());
        Self { world, dice, wire, visitor, token: None, administrator: None, hashing, impatient: true, operations }
    }

    /// Until there have been enough operations.
    pub fn work(mut self) -> Vec<Operation> {
        while !self.world.is_over() {
            if self.dice.below(3) == 0
                && let Some(known) = self.world.fresh()
            {
                self.resolve(&known);
                continue;
            }
            self.next();
        }
        self.operations
    }

    fn next(&mut self) -> Option<()> {
        let crowded = self.world.live() > CROWD;
        match self.dice.below(1000) {
            0..=249 if !crowded => {
                let user = User::try_from(self.dice.below(self.world.people.len() - 1) + 1).ok()?;
                self.sign_in(user, true).map(drop)
            }
            250..=299 => {
                let over = self.world.pick(&self.dice)?;
                self.sign_in_over(&over)
            }
            300..=619 => {
                let known = self.world.pick(&self.dice)?;
                self.resolve(&known)
            }
            620..=809 => {
                let known = self.world.pick(&self.dice)?;
                self.end_this(&known)
            }
            810..=879 => {
                let known = self.world.pick(&self.dice)?;
                self.end_by_id(&known)
            }
            880..=949 => {
                let known = self.world.pick(&self.dice)?;
                self.end_others(&known)
            }
            970..=993 => {
                let user = User::try_from(self.dice.below(self.world.people.len())).ok()?;
                self.end_user(user)
            }
            994 if self.dice.below(4) == 0 => self.compact(),
            994..=995 => self.block(),
            996..=999 => self.end_everyone(),
            _ => {
                let known = self.world.pick(&self.dice)?;
                self.end_all(&known)
            }
        }
    }

    fn ask(&mut self, method: &str, path: &str, cookies: &str, body: &str) -> Option<Asked> {
        if self.wire.is_none() {
            self.wire = Some(self.world.connect()?);
        }
        let impatient = self.impatient && self.dice.below(200) == 0;
        let patience = impatient.then(|| Duration::from_micros(1 + self.dice.next() % 2000));
        let wire = self.wire.as_mut()?;
        let (server, start) = (wire.server, now());
        let answer = wire.ask(Request { method, path, cookies, body, patience });
        let end = now();
        match &answer {
            Ok(answer) if answer.status == 503 => {
                self.world.note_unconfirmed();
                thread::sleep(RESPITE);
            }
            Ok(_) => {}
            Err(_) => self.wire = None,
        }
        Some(Asked { start, end, server, answer })
    }

    fn note(&mut self, asked: &Asked, what: What, outcome: Outcome) {
        let Asked { start, end, server, .. } = *asked;
        // Who is told that nothing is known has not tried anything.
        if !matches!(&asked.answer, Ok(answer) if answer.status == 503) {
            self.world.note();
        }
        self.operations.push(Operation { start, end, server, what, outcome });
    }

    fn ask_with(&mut self, known: &Known, method: &str, path: &str, body: &str) -> Option<Asked> {
        self.ask(method, path, &format!("sessiond={}", known.credential), body)
    }

    pub fn resolve(&mut self, known: &Known) -> Option<()> {
        let path = if self.dice.below(8) == 0 { "/account" } else { "/" };
        let asked = self.ask_with(known, "GET", path, "")?;
        self.note_resolve(known, &asked);
        Some(())
    }

    fn note_resolve(&mut self, known: &Known, asked: &Asked) {
        let outcome = asked.outcome(|answer| match answer {
            answer if to_sign_in(answer) => Outcome::Refused,
            answer if answer.is_signed_in() => Outcome::Done,
            answer => odd(answer),
        });
        if outcome == Outcome::Refused {
            self.world.forget(known.number);
        }
        self.note(asked, What::Resolve(known.number), outcome);
    }

    /// The token for this session's forms, from the page that asks whether to sign out.
    fn token(&mut self, known: &Known) -> Option<String> {
        if let Some(token) = known.token.get() {
            return Some(token.clone());
        }
        let asked = self.ask_with(known, "GET", "/logout", "")?;
        self.note_resolve(known, &asked);
        let token = asked.answer.ok()?.form_token()?;
        Some(known.token.get_or_init(|| token).clone())
    }

    /// A new session; `shared` for anybody to use.
    pub fn sign_in(&mut self, user: User, shared: bool) -> Option<Arc<Known>> {
        let visitor = format!("sessiond-visitor={}", self.visitor);
        if self.token.is_none() {
            let page = self.ask("GET", "/login", &visitor, "")?.answer.ok()?;
            if page.location() == "/setup" {
                self.world.finish();
            }
            self.token = page.form_token();
        }
        let token = self.token.clone()?;
        let (asked, known) = self.send_sign_in(user, &visitor, &token, shared)?;
        if known.is_none() && matches!(&asked.answer, Ok(answer) if answer.status == 403) {
            self.token = None;
        }
        known
    }

    fn send_sign_in(
        &mut self,
        user: User,
        cookies: &str,
        token: &str,
        shared: bool,
    ) -> Option<(Asked, Option<Arc<Known>>)> {
        let email = self.world.people[usize::from(user)].email.clone();
        let body = form(token, &[("email", &email), ("password", PASSWORD)]);
        let asked = self.ask("POST", "/login", cookies, &body)?;
        let outcome = asked.outcome(|answer| match answer.status {
            303 if answer.location() == "/account" => Outcome::Done,
            // The session of that browser ended while the form was on its way.
            303 if to_sign_in(answer) => Outcome::Refused,
            401 | 403 => Outcome::Refused,
            _ => odd(answer),
        });
        let known = match &asked.answer {
            Ok(answer) if outcome == Outcome::Done => {
                let credential = credential(answer).unwrap_or_else(|| odd(answer));
                Some(self.world.signed_in(user, credential, shared))
            }
            _ => None,
        };
        let stamped = asked.end.saturating_sub(self.hashing);
        let session = known.as_ref().map(|known| known.number);
        self.note(&asked, What::SignIn { user, session, stamped }, outcome);
        Some((asked, known))
    }

    /// Signs in in a browser that is signed in already: the old session ends.
    fn sign_in_over(&mut self, old: &Arc<Known>) -> Option<()> {
        let token = self.token(old)?;
        let cookies = format!("sessiond={}; sessiond-visitor={}", old.credential, self.visitor);
        let (asked, known) = self.send_sign_in(old.user, &cookies, &token, true)?;
        let outcome = asked.outcome(|_| if known.is_some() { Outcome::Done } else { Outcome::Refused });
        self.ended_one(old, &asked, outcome)
    }

    /// Notes the end of one session, and tries it at once.
    fn ended_one(&mut self, known: &Arc<Known>, asked: &Asked, outcome: Outcome) -> Option<()> {
        self.note(asked, What::End(known.number), outcome);
        if outcome == Outcome::Done {
            self.world.ended(known);
            self.resolve(known)?;
        }
        Some(())
    }

    fn end_this(&mut self, known: &Arc<Known>) -> Option<()> {
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
    fn administrator(&mut self) -> Option<(Arc<Known>, String)> {
        let known = match self.administrator.clone() {
            Some(known) => known,
            None => self.sign_in(0, false)?,
        };
        let token = self.token(&known);
        self.administrator = token.is_some().then(|| Arc::clone(&known));
        Some((known, token?))
    }

    /// What an administrator's order amounts to that leads back to the list.
    fn ordered(&mut self, asked: &Asked, judge: impl FnOnce(&Answer) -> Outcome) -> Outcome {
        let outcome = asked.outcome(|answer| match answer {
            answer if to_sign_in(answer) || answer.status == 403 => Outcome::Refused,
            answer if answer.location() == "/admin/sessions" => judge(answer),
            answer => odd(answer),
        });
        if outcome == Outcome::Refused {
            self.administrator = None;
        }
        outcome
    }

    fn end_by_id(&mut self, known: &Arc<Known>) -> Option<()> {
        let (own, token) = self.administrator()?;
        let id = session_id(&known.credential);
        let asked = self.ask_with(&own, "POST", "/admin/sessions/end", &form(&token, &[("only", &id)]))?;
        let outcome = self.ordered(&asked, |answer| match flash(answer, "ended").as_deref() {
            Some([1, 0, 0] | [0, 1, 0]) => Outcome::Done,
            Some([0, 0, 1]) => Outcome::Refused,
            _ => odd(answer),
        });
        self.ended_one(known, &asked, outcome)
    }

    /// Notes a sweep, and tries one of those that it covers.
    fn swept(&mut self, user: Option<User>, keep: Option<Session>, asked: &Asked, outcome: Outcome) -> Option<()> {
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

    fn end_others(&mut self, known: &Arc<Known>) -> Option<()> {
        let token = self.token(known)?;
        let asked = self.ask_with(known, "POST", "/account/sessions/end", &form(&token, &[("scope", "others")]))?;
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

    fn end_all(&mut self, known: &Arc<Known>) -> Option<()> {
        let token = self.token(known)?;
        let signing_out = self.dice.below(2) == 0;
        let path = if signing_out { "/logout" } else { "/account/sessions/end" };
        let asked = self.ask_with(known, "POST", path, &form(&token, &[("scope", "all")]))?;
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

    fn end_user(&mut self, user: User) -> Option<()> {
        let (own, token) = self.administrator()?;
        let path = format!("/admin/users/{}/end", self.world.people[usize::from(user)].id);
        let asked = self.ask_with(&own, "POST", &path, &form(&token, &[("note", "checked")]))?;
        let outcome = self.ordered(&asked, |answer| match flash(answer, "ended") {
            Some(_) => Outcome::Done,
            None => odd(answer),
        });
        let keep = (user == own.user).then_some(own.number);
        self.swept(Some(user), keep, &asked, outcome)
    }

    /// Blocks somebody, tries to sign in as them, and lets them sign in again.
    fn block(&mut self) -> Option<()> {
        let _only = self.world.blocking()?;
        let user = User::try_from(self.dice.below(self.world.people.len() - 1) + 1).ok()?;
        let (asked, outcome) = self.change(user, "Block")?;
        self.note(&asked, What::Block(user), outcome);
        self.swept(Some(user), None, &asked, outcome)?;
        if outcome == Outcome::Done {
            self.sign_in(user, true);
        }
        while !self.world.is_over() {
            let Some((asked, outcome)) = self.change(user, "Unblock") else {
                thread::sleep(RESPITE);
                continue;
            };
            self.note(&asked, What::Unblock(user), outcome);
            if outcome == Outcome::Done {
                break;
            }
            thread::sleep(RESPITE);
        }
        Some(())
    }

    /// Has the database written anew under everybody.
    fn compact(&self) -> Option<()> {
        let _only = self.world.blocking()?;
        let (_, door) = self.world.operator()?;
        if door.compact() {
            self.world.note_compacted();
        }
        Some(())
    }

    fn change(&self, user: User, change: &str) -> Option<(Asked, Outcome)> {
        let (server, door) = self.world.operator()?;
        let start = now();
        let answer = door.change(&self.world.people[usize::from(user)].id, change);
        let asked = Asked { start, end: now(), server, answer };
        let outcome = asked.outcome(|answer| if answer.status == 200 { Outcome::Done } else { Outcome::Either });
        Some((asked, outcome))
    }

    /// Everyone's but one's own; the administrator goes on with a new session.
    fn end_everyone(&mut self) -> Option<()> {
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

    /// The list's own counts.
    pub fn totals(&mut self) -> Option<super::record::Totals> {
        let (own, _) = self.administrator()?;
        let body = self.ask_with(&own, "GET", "/admin/sessions", "")?.answer.ok()?.body;
        let count = |what: &str| -> Option<u64> {
            let before = body.split(&format!("</b> {what}</li>")).next()?;
            before.rsplit("<b>").next()?.replace(',', "").parse().ok()
        };
        Some(super::record::Totals { live: count("live")?, ended: count("ended")?, expired: count("expired")? })
    }
}
