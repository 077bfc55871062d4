//! What may happen to one user's sessions, each within one step.

use std::net::IpAddr;

use super::super::{Admitted, Change, Created, End, EndUser, Environment, UserChanged, UserDeleted};
use super::partition::{Log, Partition, Server};
use crate::domain::audit::Draft;
use crate::domain::change::{Asked, UserChange};
use crate::domain::ending::{Actor, Ended, Ending, Reason};
use crate::domain::epoch::{Epoch, Epochs};
use crate::domain::id::SessionId;
use crate::domain::safeguards::Admission;
use crate::domain::second_factor::Spent;
use crate::domain::session::{Session, SessionChange, Standing, State, Verdict};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;

/// One user's partition under its lock, and what a step needs besides.
pub(super) struct Step<'a> {
    pub(super) partition: &'a mut Partition,
    pub(super) server: &'a Server,
    pub(super) log: &'a mut Log,
    pub(super) environment: &'a Environment,
    /// The one moment at which the whole step happens.
    pub(super) now: Timestamp,
}

impl Step<'_> {
    pub(super) fn create(&mut self, session: Session, replaces: Option<SessionId>) -> Created {
        let present = Epochs { user: self.partition.user().epoch, server: self.server.epoch() };
        if session.epochs() != present || self.partition.present().is_none() {
            return Created::Stale;
        }
        if self.partition.holds(session.id()) {
            return self.created_before(session.id());
        }
        if let Some(old) = replaces.filter(|old| self.verdict(*old) == Some(Verdict::Live)) {
            let by = Actor::User(session.user().clone());
            self.end_live(old, &Ending::new(by, Reason::Replaced, session.client().address));
        }
        let displaced = self.above_limit();
        for id in &displaced {
            self.end_live(*id, &Ending::new(Actor::System, Reason::Limit, session.client().address));
        }
        self.log.append(self.now, Draft::signed_in(&session));
        self.partition.add(session);
        Created::Done { displaced }
    }

    /// The same session for a second time, after an answer that did not arrive: nothing is written, least of all over
    /// an ending.
    fn created_before(&self, id: SessionId) -> Created {
        match self.verdict(id) {
            Some(Verdict::Live) => Created::Done { displaced: Vec::new() },
            _ => Created::Stale,
        }
    }

    /// Those that must make room for one more, idle longest first.
    fn above_limit(&self) -> Vec<SessionId> {
        let limit = self.environment.limits.sessions_per_user.max(1) as usize;
        if self.partition.len() < limit {
            return Vec::new();
        }
        let mut live: Vec<_> = self.live().map(|standing| (standing.seen, standing.session.id())).collect();
        live.sort_unstable();
        let above = (live.len() + 1).saturating_sub(limit);
        live.into_iter().take(above).map(|(_, id)| id).collect()
    }

    pub(super) fn end(&mut self, id: SessionId, ending: &Ending) -> End {
        match self.verdict(id) {
            None => End::NotFound,
            Some(Verdict::Live) => End::Done(self.end_live(id, ending)),
            Some(past) => {
                if let Verdict::Expired(at) = past {
                    self.partition.change(id, |session| session.expire(at));
                }
                End::AlreadyEnded(past)
            }
        }
    }

    fn end_live(&mut self, id: SessionId, ending: &Ending) -> Ended {
        let event = self.log.append(self.now, Draft::ended_one(ending, &self.partition.user().id, id));
        let ended = ending.at(self.now, event);
        self.partition.change(id, |session| session.end(ended.clone()));
        ended
    }

    pub(super) fn end_user(&mut self, keep: Option<SessionId>, ending: &Ending) -> EndUser {
        if self.partition.present().is_none() {
            return EndUser::NotFound;
        }
        if keep.is_some_and(|keep| self.verdict(keep) != Some(Verdict::Live)) {
            return EndUser::KeeperEnded;
        }
        let count = self.live().filter(|standing| Some(standing.session.id()) != keep).count() as u64;
        let event = self.log.append(self.now, Draft::ended_user(ending, &self.partition.user().id, count));
        let ended = ending.at(self.now, event);
        let epoch = Epoch::draw(&*self.environment.entropy);
        self.partition.redraw(epoch, ended.clone());
        if let Some(keep) = keep {
            self.partition.change(keep, |session| session.restamp(epoch));
        }
        EndUser::Done { count, ended }
    }

    /// The user becomes `after`, their sessions end if they must, and one takes the place of another if that was asked for.
    pub(super) fn change_user(&mut self, after: User, change: &UserChange, ending: &Ending) -> UserChanged {
        let before = self.partition.user();
        let epoch = Epoch::draw(&*self.environment.entropy);
        let mut successor = None;
        if let Some(asked) = change.asked() {
            let unused = !self.partition.holds(asked.successor.id());
            let fits = unused || asked.kept().is_some();
            successor = asked.succeeding(before, self.server.epoch(), epoch).filter(|_| fits);
            if successor.is_none() {
                return UserChanged::Stale;
            }
        }
        let ends = change.ends_sessions(before, &after);
        let keep = change.asked().and_then(Asked::kept);
        let count = if ends { self.live().filter(|one| Some(one.session.id()) != keep).count() as u64 } else { 0 };
        let event = self.log.append(self.now, Draft::user_changed(ending, change, before, count));
        self.partition.replace_user(after);
        if ends {
            self.partition.redraw(epoch, ending.at(self.now, event));
        }
        if let Some(keep) = keep {
            self.partition.change(keep, |session| session.restamp(epoch));
        } else if let Some(session) = successor {
            self.log.append(self.now, Draft::signed_in(&session));
            self.partition.add(session);
        }
        UserChanged::Done { user: Box::new(self.partition.user().clone()), ended: count }
    }

    pub(super) fn delete_user(&mut self, ending: &Ending) -> UserDeleted {
        let count = self.live().count() as u64;
        let event = self.log.append(self.now, Draft::user_deleted(ending, self.partition.user(), count));
        self.partition.delete_user(ending.at(self.now, event));
        UserDeleted::Done { ended: count }
    }

    pub(super) fn note_wrong_proof(&mut self, id: SessionId, from: Option<IpAddr>) {
        if self.verdict(id) != Some(Verdict::Live) {
            return;
        }
        let mut often = false;
        self.partition.change(id, |session| session.note_wrong_proof().map(|enough| often = enough));
        if often {
            self.end_live(id, &Ending::new(Actor::System, Reason::WrongPasswords, from));
        }
    }

    pub(super) fn count_failure(&mut self, known: bool, from: Option<IpAddr>) {
        let mut user = self.partition.user().clone();
        let before = user.safeguards.tries;
        user.safeguards.tries = before.and_one(known);
        if user.safeguards.tries.is_locked(known) && !before.is_locked(known) {
            self.log.append(self.now, Draft::locked(&user.id, known, from));
        }
        self.partition.replace_user(user);
    }

    pub(super) fn admit(&mut self, admission: &Admission, from: Option<IpAddr>) -> Admitted {
        let mut user = self.partition.user().clone();
        user.safeguards = match user.safeguards.admit(admission) {
            Ok(after) => after,
            Err(refusal) => return Admitted::No(refusal),
        };
        if let (Some(Spent::Recovery(_)), Some(factor)) = (admission.spent, &user.safeguards.second_factor) {
            self.log.append(self.now, Draft::recovered(&user, factor.recovery_left(), from));
        }
        self.partition.replace_user(user.clone());
        Admitted::Yes(Box::new(user))
    }

    pub(super) fn change(&mut self, id: SessionId, change: &SessionChange, from: Option<IpAddr>) -> Change {
        match self.verdict(id) {
            None => Change::NotFound,
            Some(Verdict::Live) => {
                let draft = Draft::session_changed(&self.partition.user().id, id, change.action(), from);
                self.log.append(self.now, draft);
                self.partition.change(id, |session| session.change(change, self.now));
                if *change == SessionChange::Renewed {
                    self.partition.note_seen(id, self.now);
                }
                Change::Done
            }
            Some(past) => Change::AlreadyEnded(past),
        }
    }

    pub(super) fn touch(&mut self, id: SessionId) {
        let Some(standing) = self.partition.standing(id, self.server) else { return };
        let step = standing.session.lifetime(&self.environment.limits).touch_step();
        if self.verdict_of(&standing) == Verdict::Live && self.now >= standing.seen + step {
            self.partition.note_seen(id, self.now);
        }
    }

    pub(super) fn sweep(&mut self, before: Timestamp, most: usize) -> usize {
        let old = |standing: &Standing| self.verdict_of(standing).since().is_some_and(|since| since < before);
        let standings = self.partition.standings(self.server);
        let gone: Vec<_> = standings.iter().filter(|standing| old(standing)).take(most).collect();
        for standing in &gone {
            self.partition.remove(standing.session.id());
        }
        gone.len()
    }

    /// What ran out before its epoch was replaced has run out: it is no record to write an ending into.
    pub(super) fn reap(&mut self, most: usize) -> usize {
        let withdrawn = |standing: &Standing| match self.verdict_of(standing) {
            Verdict::Ended(ended) if *standing.session.state() == State::Live => Some((standing.session.id(), ended)),
            _ => None,
        };
        let found: Vec<_> = self.partition.standings(self.server).iter().filter_map(withdrawn).take(most).collect();
        found.into_iter().filter(|(id, ended)| self.partition.change(*id, |session| session.end(ended.clone()))).count()
    }

    /// All that are live now.
    pub(super) fn live(&self) -> impl Iterator<Item = Standing> {
        self.partition.standings(self.server).into_iter().filter(|standing| self.verdict_of(standing) == Verdict::Live)
    }

    pub(super) fn is_live(&self, id: SessionId) -> bool {
        self.verdict(id) == Some(Verdict::Live)
    }

    fn verdict(&self, id: SessionId) -> Option<Verdict> {
        self.partition.standing(id, self.server).map(|standing| self.verdict_of(&standing))
    }

    fn verdict_of(&self, standing: &Standing) -> Verdict {
        standing.verdict(self.now, &self.environment.limits)
    }
}
