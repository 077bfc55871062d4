//! Searching the audit log: every event that a filter means, in order, once, whatever was swept or set meanwhile.

use std::sync::Arc;
use std::time::Duration;

use super::bench::*;
use sessiond::domain::audit::search::{Filter, Query};
use sessiond::domain::audit::{Action, Draft, Event, Outcome as Went};
use sessiond::domain::clock::ManualClock;
use sessiond::domain::ending::{Actor, Ending, Reason};
use sessiond::domain::id::UserId;
use sessiond::domain::listing::{Direction, Period, parse_network};
use sessiond::domain::timestamp::Timestamp;
use sessiond::domain::user::User;

store_contract! {
    random_filters_find_what_the_log_holds,
    pages_go_on_and_back_and_miss_nothing,
    what_concerns_one_user_is_found_among_any_number_of_others,
    a_page_looks_at_no_more_than_it_may_and_says_where_it_stopped,
    a_period_loses_nothing_when_the_clock_was_set_back,
    what_was_written_before_the_question_is_in_the_answer,
}

const PEOPLE: [&str; 4] = ["ada", "bob", "cyd", "dan"];

fn id(name: &str) -> UserId {
    name.parse().expect("a user id")
}

/// An event as any part of the server might write it.
fn draft(dice: &Dice) -> Result<Draft, Failure> {
    let person = || dice.pick(&PEOPLE).map(|name| id(name));
    let actor = match dice.below(5) {
        0 => Actor::Operator,
        1 => Actor::System,
        2 => Actor::Anonymous,
        _ => Actor::User(person().ok_or("nobody")?),
    };
    let action = Action::ALL[dice.below(Action::ALL.len())];
    let outcome = Went::ALL[dice.below(3)];
    let address = [10, 0, u8::try_from(dice.below(3))?, u8::try_from(dice.below(3))?];
    let user = if dice.below(4) == 0 { None } else { person() };
    let from = if dice.below(4) == 0 { None } else { client(address).address };
    Ok(Draft { user, from, ..Draft::new(actor, action, outcome) })
}

fn filter(dice: &Dice, now: Timestamp, sessions: &[Event]) -> Result<Filter, Failure> {
    let sometimes = || dice.below(4) == 0;
    let person = || dice.pick(&["ada", "bob", "cyd", "dan", "nobody"]).map(|name| id(name));
    let actor = match dice.below(8) {
        0 => Some(Actor::Operator),
        1 => Some(Actor::Anonymous),
        2 => person().map(Actor::User),
        _ => None,
    };
    let actions = 0..if sometimes() { 1 + dice.below(3) } else { 0 };
    let moment = || (dice.below(2) == 0).then(|| now - Duration::from_secs(dice.next() % 7_200));
    let network = ["10.0.0.0/23", "10.0.1.1", "192.0.2.0/24"][dice.below(3)];
    Ok(Filter {
        actor,
        target: if sometimes() { person() } else { None },
        user: if dice.below(2) == 0 { person() } else { None },
        actions: actions.map(|_| Action::ALL[dice.below(Action::ALL.len())]).collect(),
        outcome: sometimes().then(|| Went::ALL[dice.below(3)]),
        period: if sometimes() { Period { from: moment(), to: moment() } } else { Period::default() },
        network: sometimes().then(|| parse_network(network)).transpose()?,
        session: if dice.below(6) == 0 { dice.pick(sessions).and_then(|event| event.draft.session) } else { None },
    })
}

/// Some events of each kind, written in every way there is, with time passing in between.
async fn write(bench: &Bench, people: &[User], count: usize) -> Outcome {
    for _ in 0..count {
        match bench.dice.below(12) {
            0 => {
                let user = bench.dice.pick(people).ok_or("nobody")?;
                let session = bench.sign_in(user).await?;
                if bench.dice.below(2) == 0 {
                    bench.end(&session).await?;
                }
            }
            1 => {
                let user = bench.dice.pick(people).ok_or("nobody")?;
                bench.end_user(user, None).await?;
            }
            _ => drop(bench.store.record(draft(&bench.dice)?).await?),
        }
        bench.clock.advance(Duration::from_millis(bench.dice.next() % 20_000));
    }
    Ok(())
}

async fn random_filters_find_what_the_log_holds(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let mut people = Vec::new();
    for name in PEOPLE {
        people.push(bench.user(name).await?);
    }
    let mut found_some = 0;
    for round in 0..6 {
        write(&bench, &people, 150).await?;
        match round {
            1 | 4 => bench.reopen().await?,
            2 => while bench.store.sweep(bench.now() - HOUR, 7).await? > 0 {},
            3 if bench.keeps() => {
                // Within what an opening tolerates.
                bench.clock = Arc::new(ManualClock::new(bench.now() - MINUTE * 4));
                bench.reopen().await?;
            }
            _ => {}
        }
        let all = bench.events().await?;
        let with_session: Vec<_> = all.iter().filter(|event| event.draft.session.is_some()).cloned().collect();
        for _ in 0..60 {
            let filter = filter(&bench.dice, bench.now(), &with_session)?;
            let meant: Vec<_> = all.iter().filter(|event| filter.admits(event)).cloned().collect();
            let rows = 1 + bench.dice.below(40);
            let query = Query { rows, ..Query::first(filter.clone()) };
            let (mut newest_first, _) = bench.search(query.clone()).await?;
            newest_first.reverse();
            assert_eq!(newest_first, meant, "{filter:?}");
            assert_eq!(bench.search(query.oldest_first()).await?.0, meant, "{filter:?}");
            found_some += usize::from(!meant.is_empty());
        }
    }
    assert!(found_some > 100, "only {found_some} filters meant anything");
    Ok(())
}

async fn pages_go_on_and_back_and_miss_nothing(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    for _ in 0..9 {
        bench.sign_in(&ada).await?;
        bench.store.record(Draft::new(Actor::System, Action::Start, Went::Success)).await?;
    }
    let filter = Filter { actions: vec![Action::SignIn], ..Filter::default() };
    for direction in Direction::ALL {
        let query = Query { rows: 4, direction, ..Query::first(filter.clone()) };
        let first = bench.store.find(&query).await?;
        assert_eq!((first.rows.len(), first.previous), (4, None));
        let second = bench.store.find(&Query { cursor: first.next, ..query.clone() }).await?;
        // What is written meanwhile moves nothing.
        bench.store.record(Draft::new(Actor::System, Action::Start, Went::Success)).await?;
        let third = bench.store.find(&Query { cursor: second.next, ..query.clone() }).await?;
        assert_eq!((second.rows.len(), third.rows.len(), third.next), (4, 1, None));
        let back = bench.store.find(&Query { cursor: third.previous, ..query.clone() }).await?;
        assert_eq!(back.rows, second.rows);
        let start = bench.store.find(&Query { cursor: back.previous, ..query.clone() }).await?;
        assert_eq!((start.rows, start.previous), (first.rows, None));
        // A cursor's own direction counts.
        let other = Direction::ALL.into_iter().find(|other| *other != direction).ok_or("one direction")?;
        let again = Query { direction: other, cursor: second.next, ..query };
        assert_eq!(bench.store.find(&again).await?.rows, third.rows);
    }
    Ok(())
}

async fn what_concerns_one_user_is_found_among_any_number_of_others(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let bobs = bench.sign_in(&bob).await?;
    let of = |user: &User| Filter { user: Some(user.id.clone()), ..Filter::default() };
    let failed = Draft { user: Some(ada.id), ..Draft::new(Actor::Anonymous, Action::SignIn, Went::Failure) };
    crowd(&bench, &failed, Query::MOST_EXAMINED + 500).await?;
    bench.store.end(bob.key(), bobs.id(), Ending::new(Actor::User(bob.id.clone()), Reason::SignedOut, None)).await?;
    for filter in [
        of(&bob),
        Filter { target: Some(bob.id.clone()), ..Filter::default() },
        Filter { user: Some(bob.id.clone()), session: None, ..Filter::default() },
    ] {
        let page = bench.store.find(&Query::first(filter)).await?;
        assert_eq!((page.rows.len(), page.next), (3, None), "created, signed in, signed out, on one page");
    }
    let by = Filter { actor: Some(Actor::User(bob.id)), ..Filter::default() };
    assert_eq!(bench.store.find(&Query::first(by)).await?.rows.len(), 2);
    Ok(())
}

async fn crowd(bench: &Bench, draft: &Draft, count: usize) -> Outcome {
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (store, draft) = (Arc::clone(&bench.store), draft.clone());
        running.spawn(async move { store.record(draft).await });
    }
    for done in running.join_all().await {
        done?;
    }
    Ok(())
}

async fn a_page_looks_at_no_more_than_it_may_and_says_where_it_stopped(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let from = client([198, 51, 100, 7]).address;
    let rare = Draft { from, ..Draft::new(Actor::Anonymous, Action::SignIn, Went::Failure) };
    bench.store.record(rare.clone()).await?;
    crowd(&bench, &Draft { from: None, ..rare }, Query::MOST_EXAMINED * 2).await?;
    let filter = Filter { network: Some(parse_network("198.51.100.0/24")?), ..Filter::default() };
    let first = bench.store.find(&Query::first(filter.clone())).await?;
    assert!(first.rows.is_empty() && first.next.is_some(), "only part of the log was searched, and it says so");
    let (found, pages) = bench.search(Query::first(filter)).await?;
    assert_eq!((found.len(), pages), (1, 3));
    Ok(())
}

async fn a_period_loses_nothing_when_the_clock_was_set_back(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let start = Draft::new(Actor::System, Action::Start, Went::Success);
    let set = bench.now();
    for round in 0..4 {
        for _ in 0..300 {
            bench.store.record(start.clone()).await?;
            bench.clock.advance(Duration::from_millis(500));
        }
        if round == 1 && bench.keeps() {
            bench.clock = Arc::new(ManualClock::new(bench.now() - MINUTE * 4));
            bench.reopen().await?;
        }
    }
    let all = bench.events().await?;
    assert_eq!(all.is_sorted_by_key(|event| event.at), !bench.keeps(), "the clock was set back");
    for (from, to) in [(0, 60), (30, 90), (60, 3_600), (100, 101)] {
        let moment = |seconds| Some(set + Duration::from_secs(seconds));
        let period = Period { from: moment(from), to: moment(to) };
        let meant: Vec<_> = all.iter().filter(|event| period.contains(event.at)).cloned().collect();
        let query = Query { rows: 100, ..Query::first(Filter { period, ..Filter::default() }) };
        assert!(!meant.is_empty());
        assert_eq!(bench.search(query.oldest_first()).await?.0, meant, "{period:?}");
    }
    Ok(())
}

async fn what_was_written_before_the_question_is_in_the_answer(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let of_ada = Query::first(Filter { user: Some(ada.id.clone()), ..Filter::default() });
    for n in 0..20 {
        let session = bench.sign_in(&ada).await?;
        let newest = bench.store.find(&of_ada).await?.rows.into_iter().next().ok_or("nothing")?;
        assert_eq!((newest.draft.action, newest.draft.session), (Action::SignIn, Some(session.id())));
        let ended = bench.end(&session).await?;
        let newest = bench.store.find(&of_ada).await?.rows.into_iter().next().ok_or("nothing")?;
        assert_eq!(newest.seq, ended.event, "round {n}");
        let of_it = Filter { session: Some(session.id()), ..Filter::default() };
        assert_eq!(bench.store.find(&Query::first(of_it)).await?.rows.len(), 2);
    }
    Ok(())
}
