//! One thread's work: operations by chance, each written down.

mod ends;
mod operator;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::answers::{credential, odd, to_sign_in};
use super::record::{Moment, Operation, Outcome, Server, User, What, now};
use super::wire::{Request, Wire};
use super::world::{Known, World};
use crate::contract::dice::Dice;
use crate::process::{Answer, PASSWORD, form};

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
