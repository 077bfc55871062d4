//! Whether a history keeps the promises. A pure function; operations without an answer may count either way.

use std::collections::{BTreeMap, BTreeSet};

use super::clocks::Clocks;
use super::record::{History, How, Life, Moment, Operation, Outcome, Server, Session, User, What};
use super::report::{First, Report};
use super::sweep::Sweep;

/// How soon after an acknowledgement a resolve must start to be worth counting.
const SOON: Moment = 10_000_000;

/// A broken promise, with the operations that show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// Accepted after an end that covers it had been acknowledged at this moment.
    Resurrected(Operation, Moment),
    /// Turned away although it was acknowledged and nothing can have ended it.
    Lost(Operation),
    /// Signed in although an acknowledged block of the user had begun before, and no unblocking until after.
    LetIn(Operation),
    /// Accepted after the same process had turned it away.
    Wavered(Operation),
    /// The list says so many, and between so many and so many there must be.
    Miscounted { what: &'static str, told: u64, least: u64, most: u64 },
    /// A process did not start on what a crash had left.
    Stuck(String),
}

/// A session that was answered.
struct SignedIn {
    user: User,
    server: Server,
    start: Moment,
    end: Moment,
    stamped: Moment,
    /// The earliest acknowledgement of an end by its own name.
    ended: Option<Moment>,
    /// Every end by its own name that may have happened: from, until.
    maybe: Vec<(Moment, Moment)>,
}

struct Checker<'a> {
    lives: &'a [Life],
    lifetime: Moment,
    sessions: BTreeMap<Session, SignedIn>,
    /// By start.
    users: BTreeMap<User, Vec<Sweep>>,
    everyone: Vec<Sweep>,
    /// From the acknowledgement of a block to the first attempt to undo it.
    blocked: Vec<(User, Moment, Moment)>,
}

pub fn check(history: &History) -> Report {
    let mut operations = history.operations.clone();
    operations.sort_by_key(|operation| operation.end);
    let checker = Checker::new(history, &operations);
    let mut report = Report { operations: operations.len(), ..Report::default() };
    let mut turned_away: BTreeMap<(Server, Session), Moment> = BTreeMap::new();
    for (before, operation) in operations.iter().enumerate() {
        report.unanswered += usize::from(operation.outcome == Outcome::Unanswered);
        report.blocks += usize::from(matches!(operation.what, What::Block(_)) && operation.outcome == Outcome::Done);
        if let What::SignIn { user, .. } = operation.what
            && operation.outcome == Outcome::Done
            && checker.is_blocked(user, operation)
        {
            let kills = history.lives.iter().filter(|life| life.death.is_some()).count();
            report.first.get_or_insert(First { operations: before + 1, kills });
            report.violations.push(Violation::LetIn(*operation));
        }
        let What::Resolve(session) = operation.what else { continue };
        let Some(signed_in) = checker.sessions.get(&session) else { continue };
        let dead = checker.dead(session, signed_in);
        report.soon += usize::from(dead.is_some_and(|at| at < operation.start && operation.start - at < SOON));
        let key = (operation.server, session);
        let violation = match operation.outcome {
            Outcome::Done => match (dead, turned_away.get(&key)) {
                (Some(at), _) if at < operation.start => Some(Violation::Resurrected(*operation, at)),
                (_, Some(at)) if *at < operation.start => Some(Violation::Wavered(*operation)),
                _ => None,
            },
            Outcome::Refused => {
                turned_away.entry(key).or_insert(operation.end);
                (!checker.may_be_past(session, signed_in, operation)).then_some(Violation::Lost(*operation))
            }
            Outcome::Either | Outcome::Unanswered => None,
        };
        if let Some(violation) = violation {
            let gone =
                |life: &&Life| life.death.is_some_and(|death| death.gone <= operation.end && death.how != How::Asked);
            let kills = history.lives.iter().filter(gone).count();
            report.first.get_or_insert(First { operations: before + 1, kills });
            report.violations.push(violation);
        }
    }
    report.count_kills(&history.lives, &operations);
    let at_the_end = First { operations: operations.len(), kills: report.kills + report.starts };
    let miscounted = checker.miscounted(history);
    if !miscounted.is_empty() {
        report.first.get_or_insert(at_the_end);
        report.violations.extend(miscounted);
    }
    if let Some(said) = &history.stuck {
        report.first.get_or_insert(at_the_end);
        report.violations.push(Violation::Stuck(said.clone()));
    }
    report.deeds = history.deeds.clone();
    report.signed_out = checker.everyone.iter().filter(|sweep| sweep.by_clock && sweep.done).count();
    report
}

fn blocked(operations: &[Operation]) -> Vec<(User, Moment, Moment)> {
    let attempts = |user, after| {
        let undone = operations.iter().filter(move |other| other.what == What::Unblock(user) && other.start > after);
        undone.map(|other| other.start).min().unwrap_or(Moment::MAX)
    };
    let blocks = operations.iter().filter(|operation| operation.outcome == Outcome::Done);
    let blocks = blocks.filter_map(|operation| match operation.what {
        What::Block(user) => Some((user, operation.end, attempts(user, operation.end))),
        _ => None,
    });
    blocks.collect()
}

impl<'a> Checker<'a> {
    fn new(history: &'a History, operations: &[Operation]) -> Self {
        let mut checker = Self {
            lives: &history.lives,
            lifetime: history.lifetime,
            sessions: BTreeMap::new(),
            users: BTreeMap::new(),
            everyone: Clocks(&history.lives).sweeps(operations),
            blocked: blocked(operations),
        };
        for operation in operations {
            if let What::SignIn { user, session: Some(session), stamped } = operation.what {
                let Operation { start, end, server, .. } = *operation;
                let signed_in = SignedIn { user, server, start, end, stamped, ended: None, maybe: Vec::new() };
                checker.sessions.insert(session, signed_in);
            }
        }
        for operation in operations.iter().filter(|operation| operation.outcome != Outcome::Refused) {
            checker.note_end(operation);
        }
        let by_start = |sweeps: &mut Vec<Sweep>| sweeps.sort_by_key(|sweep| sweep.start);
        checker.users.values_mut().for_each(by_start);
        by_start(&mut checker.everyone);
        checker
    }

    fn note_end(&mut self, operation: &Operation) {
        let Operation { start, end, outcome, .. } = *operation;
        let until = self.until(operation);
        let done = outcome == Outcome::Done;
        let sweep = |keep| Sweep { start, end, until, keep, done, by_clock: false };
        match operation.what {
            What::End(session) => {
                let Some(signed_in) = self.sessions.get_mut(&session) else { return };
                signed_in.maybe.push((start, until));
                if done {
                    signed_in.ended = Some(signed_in.ended.map_or(end, |at| at.min(end)));
                }
            }
            What::EndUser { user, keep } => self.users.entry(user).or_default().push(sweep(keep)),
            What::EndEveryone { keep } => self.everyone.push(sweep(keep)),
            What::SignIn { .. } | What::Resolve(_) | What::Block(_) | What::Unblock(_) => {}
        }
    }

    /// The last moment at which it can take effect.
    fn until(&self, operation: &Operation) -> Moment {
        match operation.outcome {
            Outcome::Unanswered => {
                let death = self.lives.get(operation.server as usize).and_then(|life| life.death);
                death.map_or(Moment::MAX, |death| death.gone)
            }
            _ => operation.end,
        }
    }

    fn sweeps(&self, user: User) -> [&[Sweep]; 2] {
        [self.users.get(&user).map_or(&[], Vec::as_slice), &self.everyone]
    }

    /// Whether nobody could sign in as this user for as long as this operation lasted.
    fn is_blocked(&self, user: User, operation: &Operation) -> bool {
        let within = |(blocked, from, until): &(User, Moment, Moment)| {
            *blocked == user && *from < operation.start && operation.end < *until
        };
        self.blocked.iter().any(within)
    }

    /// From when on it must be turned away.
    fn dead(&self, session: Session, signed_in: &SignedIn) -> Option<Moment> {
        let swept = self.swept(signed_in.user, signed_in.stamped, Some(session));
        signed_in.ended.into_iter().chain(swept).min()
    }

    /// The first acknowledgement of a sweep that started at `from` or later.
    fn swept(&self, user: User, from: Moment, session: Option<Session>) -> Option<Moment> {
        let mut first: Option<Moment> = None;
        for sweeps in self.sweeps(user) {
            let next = sweeps.partition_point(|sweep| sweep.start < from);
            for sweep in &sweeps[next..] {
                // None that starts later can have ended sooner.
                if first.is_some_and(|at| at <= sweep.start) {
                    break;
                }
                if sweep.done && (session.is_none() || sweep.keep != session) {
                    first = Some(first.map_or(sweep.end, |at| at.min(sweep.end)));
                }
            }
        }
        first
    }

    /// Whether it can have run out before this operation was over.
    fn may_have_run_out(&self, signed_in: &SignedIn, operation: &Operation) -> bool {
        let (since, until) = ((signed_in.server, signed_in.end), (operation.server, operation.end));
        Clocks(self.lives).may_have_passed(self.lifetime, since, until)
    }

    /// Whether anything can have ended it before this operation was over.
    fn may_be_past(&self, session: Session, signed_in: &SignedIn, operation: &Operation) -> bool {
        let at = operation.end;
        self.may_have_run_out(signed_in, operation)
            || signed_in.maybe.iter().any(|(from, _)| *from < at)
            || self.sweeps(signed_in.user).into_iter().any(|sweeps| {
                let before = sweeps.partition_point(|sweep| sweep.start < at);
                let mut before = sweeps[..before].iter().rev();
                before.any(|sweep| sweep.until >= signed_in.start && sweep.keep != Some(session))
            })
    }

    fn miscounted(&self, history: &History) -> Vec<Violation> {
        let Some(totals) = history.totals else { return Vec::new() };
        let (mut young, mut accepted) = (BTreeSet::new(), BTreeSet::new());
        let (mut hidden, mut hidden_live) = (0, 0);
        for operation in &history.operations {
            match operation.what {
                What::Resolve(session) if operation.start >= history.last && operation.outcome == Outcome::Done => {
                    accepted.insert(session);
                    let signed_in = self.sessions.get(&session);
                    if signed_in.is_some_and(|signed_in| !self.may_have_run_out(signed_in, operation)) {
                        young.insert(session);
                    }
                }
                What::SignIn { user, session: None, .. }
                    if matches!(operation.outcome, Outcome::Either | Outcome::Unanswered) =>
                {
                    hidden += 1;
                    hidden_live += u64::from(self.swept(user, self.until(operation), None).is_none());
                }
                _ => {}
            }
        }
        let known = self.sessions.len() as u64;
        let within = |what, told, least, most| {
            let wrong = told < least || told > most;
            wrong.then_some(Violation::Miscounted { what, told, least, most })
        };
        let all = totals.live + totals.ended + totals.expired;
        [
            within("live", totals.live, young.len() as u64, accepted.len() as u64 + hidden_live),
            within("all", all, known, known + hidden),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
