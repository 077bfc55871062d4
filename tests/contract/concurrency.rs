//! What holds whatever runs at the same time.

use std::sync::Arc;

use super::bench::*;
use sessiond::domain::ending::Actor;
use sessiond::domain::listing::{Order, Status, Total};
use sessiond::domain::session::{Session, Verdict};
use sessiond::domain::user::User;
use sessiond::store::{Created, End, EndUser, Store, UserCreated};
use tokio::task::JoinSet;

store_contract! {
    asvs_7_1_2_parallel_sign_ins_leave_no_more_than_allowed,
    asvs_15_4_2_of_parallel_endings_exactly_one_is_done,
    no_sign_in_slips_past_the_end_of_its_users_sessions,
    no_sign_in_slips_past_the_end_of_everyones_sessions,
    a_touch_that_races_an_ending_leaves_it_ended,
    a_keeper_that_is_ended_meanwhile_is_not_kept,
    of_parallel_first_users_exactly_one_is_first,
    of_parallel_users_with_one_address_exactly_one_is_created,
    reaping_meanwhile_changes_no_story,
    parallel_changes_leave_consecutive_numbers,
    an_end_all_counts_the_sign_ins_of_the_same_moment,
}

/// Waits for all of them; each must have been answered.
async fn all<T: 'static>(mut running: JoinSet<Result<T, sessiond::store::StoreError>>) -> Result<Vec<T>, Failure> {
    let mut answers = Vec::new();
    while let Some(answer) = running.join_next().await {
        answers.push(answer??);
    }
    Ok(answers)
}

fn create(running: &mut JoinSet<sessiond::store::Result<Created>>, store: &Arc<dyn Store>, session: Session) {
    let store = store.clone();
    running.spawn(async move { store.create(session, None).await });
}

async fn asvs_7_1_2_parallel_sign_ins_leave_no_more_than_allowed(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 5).await?;
    let ada = bench.user("ada").await?;
    for _ in 0..5 {
        let mut running = JoinSet::new();
        for _ in 0..12 {
            create(&mut running, &bench.store, bench.session(&ada).await?);
        }
        all(running).await?;
        assert_eq!(bench.total(&users(ada.key(), Status::Live)).await?, Total::Exactly(5));
        assert_eq!(bench.walk(&everyones(Status::Live), Order::default(), 3).await?.len(), 5);
    }
    Ok(())
}

async fn asvs_15_4_2_of_parallel_endings_exactly_one_is_done(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    for _ in 0..10 {
        let session = bench.sign_in(&ada).await?;
        let mut running = JoinSet::new();
        for _ in 0..8 {
            let (store, key, id) = (bench.store.clone(), ada.key(), session.id());
            running.spawn(async move { store.end(key, id, revoked()).await });
        }
        let (mut done, mut past) = (Vec::new(), Vec::new());
        for answer in all(running).await? {
            match answer {
                End::Done(ended) => done.push(Verdict::Ended(ended)),
                End::AlreadyEnded(verdict) => past.push(verdict),
                End::NotFound => return Err("not found".into()),
            }
        }
        assert_eq!((done.len(), past.len()), (1, 7));
        assert!(past.iter().all(|told| *told == done[0]), "all tell of the one ending");
        assert_eq!(bench.verdict(&session).await?, done[0]);
    }
    Ok(())
}

/// Sign-ins that read the epochs before everything was ended, racing the ending.
async fn sign_ins_under_way(bench: &Bench, user: &User) -> Result<Vec<Session>, Failure> {
    let mut sessions = Vec::new();
    for _ in 0..10 {
        sessions.push(bench.session(user).await?);
    }
    Ok(sessions)
}

async fn none_is_live(bench: &Bench, sessions: &[Session]) -> Outcome {
    for session in sessions {
        if let Some(standing) = bench.store.session(session.user_key(), session.id()).await? {
            assert!(matches!(standing.verdict(bench.now(), &bench.limits), Verdict::Ended(_)));
        }
    }
    assert_eq!(bench.total(&everyones(Status::Live)).await?, Total::Exactly(0));
    Ok(())
}

async fn no_sign_in_slips_past_the_end_of_its_users_sessions(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    for _ in 0..10 {
        let sessions = sign_ins_under_way(&bench, &ada).await?;
        let mut running = JoinSet::new();
        let (store, key) = (bench.store.clone(), ada.key());
        let ending = tokio::spawn(async move { store.end_user(key, None, revoked()).await });
        for session in &sessions {
            create(&mut running, &bench.store, session.clone());
        }
        assert!(matches!(ending.await??, EndUser::Done { .. }));
        all(running).await?;
        none_is_live(&bench, &sessions).await?;
    }
    Ok(())
}

async fn no_sign_in_slips_past_the_end_of_everyones_sessions(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    for _ in 0..10 {
        let mut sessions = sign_ins_under_way(&bench, &ada).await?;
        sessions.extend(sign_ins_under_way(&bench, &bob).await?);
        let mut running = JoinSet::new();
        let store = bench.store.clone();
        let ending = tokio::spawn(async move { store.end_everyone(everyone_revoked()).await });
        for session in &sessions {
            create(&mut running, &bench.store, session.clone());
        }
        ending.await??;
        all(running).await?;
        none_is_live(&bench, &sessions).await?;
    }
    Ok(())
}

async fn a_touch_that_races_an_ending_leaves_it_ended(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    for round in 0..20 {
        let session = bench.sign_in(&ada).await?;
        bench.clock.advance(MINUTE * 20);
        let mut touching = JoinSet::new();
        for _ in 0..6 {
            let (store, key, id) = (bench.store.clone(), ada.key(), session.id());
            touching.spawn(async move { store.touch(key, id).await });
        }
        let ended = if round % 2 == 0 { bench.end(&session).await? } else { bench.end_user(&ada, None).await?.1 };
        assert_eq!(bench.verdict(&session).await?, Verdict::Ended(ended.clone()));
        all(touching).await?;
        bench.touch(&session).await?;
        assert_eq!(bench.verdict(&session).await?, Verdict::Ended(ended));
        assert_eq!(bench.total(&everyones(Status::Live)).await?, Total::Exactly(0));
    }
    Ok(())
}

async fn a_keeper_that_is_ended_meanwhile_is_not_kept(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    for _ in 0..20 {
        let (kept, other) = (bench.sign_in(&ada).await?, bench.sign_in(&ada).await?);
        let (store, key, id) = (bench.store.clone(), ada.key(), kept.id());
        let keeping = tokio::spawn(async move { store.end_user(key, Some(id), revoked()).await });
        let ended = bench.end(&kept).await?;
        let answer = keeping.await??;
        assert_eq!(bench.verdict(&kept).await?, Verdict::Ended(ended));
        let others_live = bench.verdict(&other).await? == Verdict::Live;
        assert_eq!(others_live, answer == EndUser::KeeperEnded, "{answer:?}");
        bench.end_user(&ada, None).await?;
    }
    Ok(())
}

async fn of_parallel_first_users_exactly_one_is_first(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let mut running = JoinSet::new();
    for n in 0..8 {
        let (store, user) = (bench.store.clone(), person(&format!("user{n}"), bench.now(), &*bench.dice));
        running.spawn(async move { store.create_user(user, true, Actor::Anonymous, None).await });
    }
    let answers = all(running).await?;
    assert_eq!(answers.iter().filter(|answer| **answer == UserCreated::Done).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == UserCreated::NotFirst).count(), 7);
    Ok(())
}

async fn of_parallel_users_with_one_address_exactly_one_is_created(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let mut running = JoinSet::new();
    for n in 0..8 {
        let email = "one@example.com".parse()?;
        let user = User { email, ..person(&format!("user{n}"), bench.now(), &*bench.dice) };
        let store = bench.store.clone();
        running.spawn(async move { store.create_user(user, false, Actor::Operator, None).await });
    }
    let answers = all(running).await?;
    assert_eq!(answers.iter().filter(|answer| **answer == UserCreated::Done).count(), 1);
    assert_eq!(answers.iter().filter(|answer| **answer == UserCreated::EmailTaken).count(), 7);
    Ok(())
}

async fn reaping_meanwhile_changes_no_story(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let mut told: Vec<(Session, Verdict)> = Vec::new();
    for _ in 0..5 {
        let mut sessions = bench.sign_in_times(&ada, 4).await?;
        sessions.extend(bench.sign_in_times(&bob, 4).await?);
        bench.end_user(&ada, None).await?;
        let mut reaping = JoinSet::new();
        for _ in 0..4 {
            let store = bench.store.clone();
            reaping.spawn(async move { store.reap(2).await });
        }
        bench.store.end_everyone(everyone_revoked()).await?;
        let verdicts = bench.verdicts(&sessions).await?;
        told.extend(sessions.into_iter().zip(verdicts));
        all(reaping).await?;
        for (session, verdict) in &told {
            assert_eq!(bench.verdict(session).await?, *verdict);
        }
    }
    while bench.store.reap(7).await? > 0 {}
    for (session, verdict) in &told {
        assert_eq!(bench.verdict(session).await?, *verdict);
    }
    assert_eq!(bench.total(&everyones(Status::Ended)).await?, Total::Exactly(40));
    Ok(())
}

async fn parallel_changes_leave_consecutive_numbers(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 3).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let mut running = JoinSet::new();
    for n in 0..40 {
        let (store, user) = (bench.store.clone(), if n % 2 == 0 { ada.clone() } else { bob.clone() });
        let session = bench.session(&user).await?;
        running.spawn(async move {
            store.create(session.clone(), None).await?;
            match n % 5 {
                0 => store.end_user(user.key(), None, revoked()).await.map(drop),
                1 => store.end_everyone(everyone_revoked()).await.map(drop),
                _ => store.end(user.key(), session.id(), revoked()).await.map(drop),
            }
        });
    }
    all(running).await?;
    let events = bench.events().await?;
    assert!((1..).zip(&events).all(|(n, event)| event.seq.0 == n));
    assert!(events.is_sorted_by_key(|event| event.at));
    Ok(())
}

/// Each session that was answered as created is live afterwards or was counted as ended.
async fn an_end_all_counts_the_sign_ins_of_the_same_moment(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 1_000).await?;
    for round in 0..20 {
        let ada = bench.user(&format!("ada{round}")).await?;
        let mut sessions = Vec::new();
        for _ in 0..16 {
            sessions.push(bench.session(&ada).await?);
        }
        let mut running = JoinSet::new();
        for session in sessions {
            create(&mut running, &bench.store, session);
        }
        let (store, key) = (bench.store.clone(), ada.key());
        let ending = tokio::spawn(async move { store.end_user(key, None, revoked()).await });
        let created =
            all(running).await?.iter().filter(|created| matches!(created, Created::Done { .. })).count() as u64;
        let EndUser::Done { count, .. } = ending.await?? else { return Err("not ended".into()) };
        let Total::Exactly(live) = bench.total(&users(ada.key(), Status::Live)).await? else {
            return Err("no total".into());
        };
        assert_eq!(created, count + live);
    }
    Ok(())
}
