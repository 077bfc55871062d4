//! Histories written by hand: each violation is found, and what only looks like one is not.

use super::check::{Violation, check};
use super::record::{Death, History, How, Life, Moment, Operation, Outcome, Session, Totals, What};
use Outcome::{Done, Either, Refused, Unanswered};

const EVERYONE: What = What::EndEveryone { keep: None };
const USER: What = What::EndUser { user: 1, keep: None };

#[test]
fn a_blocked_user_who_signs_in_is_found() {
    let let_in = |violation: &Violation| matches!(violation, Violation::LetIn(_));
    let blocked = || Told::begun().then(What::Block(1), 10, 20, Done);
    blocked().sign_in(7, 21, 22, 30).is(let_in);
    blocked().sign_in(7, 21, 22, 30).then(What::Unblock(1), 31, 40, Unanswered).is(let_in);
    blocked().then(What::Unblock(1), 25, 40, Unanswered).sign_in(7, 21, 22, 30).holds();
    blocked().then(What::Unblock(2), 25, 40, Done).sign_in(7, 21, 22, 30).is(let_in);
    blocked().sign_in(7, 19, 22, 30).holds();
    Told::begun().then(What::Block(1), 10, 20, Either).sign_in(7, 21, 22, 30).holds();
    Told::begun().then(What::Block(2), 10, 20, Done).sign_in(7, 21, 22, 30).holds();
}

/// A history in the making, on one process that dies at 1000.
struct Told(History);

impl Told {
    /// Session 7 of user 1, asked for at 10, stamped by 12, answered at 20.
    fn signed_in() -> Self {
        Self::begun().sign_in(7, 10, 12, 20)
    }

    fn begun() -> Self {
        let life = Life { begun: 0, listens: Some(0), offset: 0, death: None };
        Self(History { lifetime: 10_000, lives: vec![life], ..History::default() })
    }

    fn on(mut self, server: u32, what: What, start: Moment, end: Moment, outcome: Outcome) -> Self {
        self.0.operations.push(Operation { start, end, server, what, outcome });
        self
    }

    fn then(self, what: What, start: Moment, end: Moment, outcome: Outcome) -> Self {
        self.on(0, what, start, end, outcome)
    }

    fn sign_in(self, session: Session, start: Moment, stamped: Moment, end: Moment) -> Self {
        self.then(What::SignIn { user: 1, session: Some(session), stamped }, start, end, Done)
    }

    fn accepted(self, start: Moment) -> Self {
        self.then(What::Resolve(7), start, start + 5, Done)
    }

    fn turned_away(self, start: Moment) -> Self {
        self.then(What::Resolve(7), start, start + 5, Refused)
    }

    fn killed(mut self) -> Self {
        self.0.lives.last_mut().unwrap().death = Some(Death { sent: 990, gone: 1000, how: How::Killed });
        self.0.lives.push(Life { begun: 1010, listens: Some(1090), offset: 0, death: None });
        self
    }

    /// The newest process began with a clock that is wrong by so many seconds.
    fn with_clock(mut self, seconds: i64) -> Self {
        self.0.lives.last_mut().unwrap().offset = seconds * 1_000_000_000;
        self
    }

    fn totals(mut self, last: Moment, live: u64, ended: u64) -> Self {
        self.0.last = last;
        self.0.totals = Some(Totals { live, ended, expired: 0 });
        self
    }

    #[track_caller]
    fn holds(self) {
        assert_eq!(check(&self.0).violations, []);
    }

    #[track_caller]
    fn is(self, meant: impl Fn(&Violation) -> bool) {
        let violations = check(&self.0).violations;
        assert!(violations.len() == 1 && meant(&violations[0]), "{violations:?}");
    }
}

fn resurrected(violation: &Violation) -> bool {
    matches!(violation, Violation::Resurrected(..))
}

fn lost(violation: &Violation) -> bool {
    matches!(violation, Violation::Lost(_))
}

#[test]
fn accepted_after_an_acknowledged_end_is_found_whatever_ended_it() {
    for end in [What::End(7), USER, EVERYONE, What::EndUser { user: 1, keep: Some(8) }] {
        Told::signed_in().then(end, 30, 40, Done).accepted(41).is(resurrected);
        Told::signed_in().then(end, 30, 40, Done).killed().on(1, What::Resolve(7), 1100, 1105, Done).is(resurrected);
        Told::signed_in().then(end, 30, 40, Done).turned_away(41).holds();
    }
}

#[test]
fn accepted_while_the_end_is_under_way_or_unconfirmed_is_none() {
    for end in [What::End(7), USER, EVERYONE] {
        Told::signed_in().then(end, 30, 40, Done).accepted(39).holds();
        Told::signed_in().then(end, 30, 40, Refused).accepted(41).holds();
        Told::signed_in().then(end, 30, 40, Either).accepted(41).holds();
        Told::signed_in().then(end, 30, 40, Unanswered).accepted(41).holds();
    }
}

#[test]
fn others_and_the_kept_one_are_not_covered() {
    for end in [What::End(8), What::EndUser { user: 2, keep: None }, What::EndUser { user: 1, keep: Some(7) }] {
        Told::signed_in().then(end, 30, 40, Done).accepted(41).holds();
        Told::signed_in().then(end, 30, 40, Done).turned_away(41).is(lost);
    }
    Told::signed_in().then(What::EndEveryone { keep: Some(7) }, 30, 40, Done).accepted(41).holds();
}

#[test]
fn a_sweep_that_begins_once_the_epochs_are_read_covers_a_sign_in_under_way() {
    Told::signed_in().then(USER, 13, 18, Done).accepted(41).is(resurrected);
    // It may have been over before they were read.
    Told::signed_in().then(USER, 11, 18, Done).accepted(41).holds();
    Told::signed_in().then(USER, 11, 18, Done).turned_away(41).holds();
    Told::signed_in().then(USER, 1, 9, Done).turned_away(41).is(lost);
}

#[test]
fn the_earliest_of_overlapping_sweeps_counts() {
    let swept = Told::signed_in().then(USER, 30, 90, Done).then(EVERYONE, 35, 40, Done);
    swept.accepted(50).is(resurrected);
    let swept = Told::signed_in().then(What::EndUser { user: 1, keep: Some(7) }, 30, 40, Done).then(USER, 35, 60, Done);
    swept.accepted(50).accepted(61).is(resurrected);
}

#[test]
fn turned_away_without_a_reason_is_found() {
    Told::signed_in().turned_away(30).is(lost);
    Told::signed_in().then(What::End(7), 30, 40, Refused).turned_away(41).is(lost);
    Told::signed_in().then(What::End(7), 36, 40, Done).turned_away(30).is(lost);
    Told::signed_in().then(What::End(7), 34, 40, Done).turned_away(30).holds();
}

#[test]
fn an_unanswered_end_may_happen_until_its_process_is_gone() {
    let early = || Told::begun().then(USER, 1, 5, Unanswered);
    early().sign_in(7, 10, 12, 20).turned_away(30).holds();
    let killed = early().killed().on(1, What::SignIn { user: 1, session: Some(7), stamped: 1105 }, 1100, 1110, Done);
    killed.on(1, What::Resolve(7), 1120, 1125, Refused).is(lost);
    let either = Told::begun().then(USER, 1, 5, Either);
    either.sign_in(7, 10, 12, 20).turned_away(30).is(lost);
}

#[test]
fn a_process_does_not_take_back_that_it_turned_a_session_away() {
    let away = || Told::signed_in().then(What::End(7), 30, 40, Unanswered).turned_away(50).killed();
    away().accepted(60).is(|violation| matches!(violation, Violation::Wavered(_)));
    // The end was not on disk.
    away().on(1, What::Resolve(7), 1100, 1105, Done).holds();
}

#[test]
fn a_session_that_has_run_out_is_not_lost() {
    Told::signed_in().turned_away(10_020).holds();
}

#[test]
fn everyone_is_signed_out_by_a_clock_that_is_behind_and_by_no_other() {
    let (accepted, refused) = ((What::Resolve(7), 1100, 1105, Done), (What::Resolve(7), 1100, 1105, Refused));
    let on = |told: Told, (what, start, end, outcome)| told.on(1, what, start, end, outcome);
    // Behind by ten minutes it must be so, within the tolerance it must not, and near to it it may.
    on(Told::signed_in().killed().with_clock(-600), accepted).is(resurrected);
    on(Told::signed_in().killed().with_clock(-600), refused).holds();
    on(Told::signed_in().killed().with_clock(-240), accepted).holds();
    on(Told::signed_in().killed().with_clock(-240), refused).is(lost);
    on(Told::signed_in().killed().with_clock(-300), accepted).holds();
    on(Told::signed_in().killed().with_clock(-300), refused).holds();
    // What was signed in since then was not meant.
    let later = What::SignIn { user: 1, session: Some(8), stamped: 1105 };
    let behind = || Told::signed_in().killed().with_clock(-600).on(1, later, 1100, 1110, Done);
    behind().on(1, What::Resolve(8), 1120, 1125, Refused).is(lost);
    behind().on(1, What::Resolve(8), 1120, 1125, Done).holds();
}

#[test]
fn a_process_that_wrote_nothing_gives_the_next_one_no_reason_to_sign_everyone_out() {
    let ahead = Told::signed_in().killed().with_clock(600).killed();
    ahead.on(2, What::Resolve(7), 1100, 1105, Done).holds();
}

#[test]
fn a_clock_set_forth_has_sessions_run_out_and_nothing_else() {
    let ahead =
        |seconds| Told(History { lifetime: 60_000_000_000, ..Told::signed_in().0 }).killed().with_clock(seconds);
    ahead(61).on(1, What::Resolve(7), 1100, 1105, Refused).holds();
    ahead(59).on(1, What::Resolve(7), 1100, 1105, Refused).is(lost);
    ahead(61).then(What::End(7), 30, 40, Done).on(1, What::Resolve(7), 1100, 1105, Done).is(resurrected);
}

#[test]
fn a_process_that_does_not_start_is_found() {
    let stuck = Told(History { stuck: Some("damaged".to_owned()), ..Told::signed_in().0 });
    stuck.is(|violation| matches!(violation, Violation::Stuck(_)));
}

#[test]
fn totals_must_agree_with_what_is_known() {
    let miscounted = |violation: &Violation| matches!(violation, Violation::Miscounted { .. });
    let live = || Told::signed_in().accepted(200);
    live().totals(100, 1, 0).holds();
    live().totals(100, 0, 1).is(miscounted);
    live().totals(100, 1, 1).is(|violation| matches!(violation, Violation::Miscounted { what: "all", .. }));
    let two = live().sign_in(8, 10, 12, 20).then(What::End(8), 30, 40, Done);
    two.totals(100, 2, 0).is(|violation| matches!(violation, Violation::Miscounted { told: 2, least: 1, most: 1, .. }));
}

#[test]
fn a_sign_in_without_an_answer_may_be_in_the_totals() {
    let hidden = What::SignIn { user: 1, session: None, stamped: 35 };
    let known = || Told::signed_in().then(hidden, 30, 40, Unanswered).killed();
    for live in [0, 1] {
        known().then(What::End(7), 50, 60, Done).totals(1100, live, 1).holds();
    }
    let swept = || known().on(1, USER, 1010, 1020, Done);
    swept().totals(1100, 0, 2).holds();
    swept().totals(1100, 1, 1).is(|violation| matches!(violation, Violation::Miscounted { what: "live", .. }));
}

#[test]
fn kills_that_hit_something_and_resolves_right_after_an_end_are_counted() {
    let told = Told::signed_in().then(What::End(7), 30, 40, Done).turned_away(41).turned_away(20_000_000);
    let report = check(&told.then(EVERYONE, 980, 995, Unanswered).killed().0);
    assert_eq!((report.kills, report.in_flight, report.soon, report.unanswered), (1, 1, 1, 1));
    let idle = check(&Told::signed_in().killed().0);
    assert_eq!((idle.kills, idle.in_flight), (1, 0));
}
