//! `end_user`: all of one user's sessions in one step.

use super::bench::*;
use sessiond::domain::ending::{Actor, Ending, Reason};
use sessiond::domain::id::SessionId;
use sessiond::domain::listing::{Order, Status, Total};
use sessiond::domain::session::{Session, Verdict};
use sessiond::domain::user::User;
use sessiond::store::{Created, EndUser};

store_contract! {
    all_of_a_users_sessions_end_together,
    only_live_sessions_are_counted,
    other_users_keep_their_sessions,
    the_kept_session_stays_live,
    the_kept_session_can_be_ended_by_the_next_step,
    a_keeper_that_is_not_live_changes_nothing,
    nobodys_sessions_are_not_found,
    ending_no_session_still_stops_a_sign_in_under_way,
    what_ended_before_keeps_its_own_story,
    an_epoch_replaced_twice_tells_of_the_first_time,
    who_signs_in_afterwards_is_live,
}

async fn all_of_a_users_sessions_end_together(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let sessions = bench.sign_in_times(&ada, 5).await?;
    bench.clock.advance(MINUTE);
    let by = Actor::User(ada.id.clone());
    let ending = Ending::new(by.clone(), Reason::SignedOutElsewhere, None);
    let EndUser::Done { count, ended } = bench.store.end_user(ada.key(), None, ending).await? else {
        return Err("not done".into());
    };
    assert_eq!((count, ended.at, &ended.by, ended.reason), (5, bench.now(), &by, Reason::SignedOutElsewhere));
    assert_eq!(bench.verdicts(&sessions).await?, vec![Verdict::Ended(ended); 5]);
    assert_eq!(bench.total(&users(ada.key(), Status::Live)).await?, Total::Exactly(0));
    assert_eq!(bench.total(&users(ada.key(), Status::Ended)).await?, Total::Exactly(5));
    Ok(())
}

async fn only_live_sessions_are_counted(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in(&ada).await?;
    bench.clock.advance(HOUR * 2);
    let ended = bench.sign_in(&ada).await?;
    bench.end(&ended).await?;
    let kept = bench.sign_in_times(&ada, 3).await?.remove(0);
    assert_eq!(bench.end_user(&ada, Some(kept.id())).await?.0, 2, "neither the expired, the ended nor the kept one");
    assert_eq!(bench.end_user(&ada, None).await?.0, 1, "the kept one");
    assert_eq!(bench.end_user(&ada, None).await?.0, 0);
    Ok(())
}

async fn other_users_keep_their_sessions(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let bobs = bench.sign_in(&bob).await?;
    bench.sign_in(&ada).await?;
    bench.end_user(&ada, None).await?;
    assert_eq!(bench.verdict(&bobs).await?, Verdict::Live);
    assert_eq!(bench.store.user(bob.key()).await?, Some(bob));
    Ok(())
}

async fn the_kept_session_stays_live(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let sessions = bench.sign_in_times(&ada, 3).await?;
    let (_, ended) = bench.end_user(&ada, Some(sessions[1].id())).await?;
    let others = Verdict::Ended(ended);
    assert_eq!(bench.verdicts(&sessions).await?, [others.clone(), Verdict::Live, others]);
    assert_eq!(bench.walk(&users(ada.key(), Status::Live), Order::default(), 10).await?, [sessions[1].id()]);
    assert_eq!(bench.total(&everyones(Status::Live)).await?, Total::Exactly(1));

    bench.clock.advance(MINUTE * 20);
    bench.touch(&sessions[1]).await?;
    bench.clock.advance(MINUTE * 50);
    assert_eq!(bench.verdict(&sessions[1]).await?, Verdict::Live, "it can be touched as before");
    Ok(())
}

async fn the_kept_session_can_be_ended_by_the_next_step(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let kept = bench.sign_in(&ada).await?;
    bench.end_user(&ada, Some(kept.id())).await?;
    bench.end_user(&ada, Some(kept.id())).await?;
    assert_eq!(bench.verdict(&kept).await?, Verdict::Live);
    let (count, ended) = bench.end_user(&ada, None).await?;
    assert_eq!((count, bench.verdict(&kept).await?), (1, Verdict::Ended(ended)));
    Ok(())
}

async fn a_keeper_that_is_not_live_changes_nothing(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let expired = bench.sign_in(&ada).await?;
    bench.clock.advance(HOUR * 2);
    let withdrawn = bench.sign_in(&ada).await?;
    bench.end_user(&ada, None).await?;
    let ended = bench.sign_in(&ada).await?;
    bench.end(&ended).await?;
    let (bobs, live) = (bench.sign_in(&bob).await?, bench.sign_in(&ada).await?);
    let unknown = SessionId::new(bench.now(), &*bench.dice);

    let (epochs, events) = (bench.epochs(&ada).await?, bench.events().await?);
    for keep in [expired.id(), withdrawn.id(), ended.id(), bobs.id(), unknown] {
        let answer = bench.store.end_user(ada.key(), Some(keep), revoked()).await?;
        assert_eq!(answer, EndUser::KeeperEnded);
    }
    assert_eq!(bench.epochs(&ada).await?, epochs);
    assert_eq!(bench.events().await?, events);
    assert_eq!(bench.verdicts(&[live, bobs]).await?, [Verdict::Live, Verdict::Live]);
    Ok(())
}

async fn nobodys_sessions_are_not_found(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let nobody = person("nobody", bench.now(), &*bench.dice);
    assert_eq!(bench.store.end_user(nobody.key(), None, revoked()).await?, EndUser::NotFound);
    assert_eq!(bench.events().await?, []);
    Ok(())
}

async fn ending_no_session_still_stops_a_sign_in_under_way(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let under_way = bench.session(&ada).await?;
    assert_eq!(bench.end_user(&ada, None).await?.0, 0);
    assert_eq!(bench.store.create(under_way, None).await?, Created::Stale);
    Ok(())
}

async fn what_ended_before_keeps_its_own_story(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let (expired, ended) = past_sessions(&bench, &ada).await?;
    let before = bench.verdicts(&[expired.clone(), ended.clone()]).await?;
    bench.clock.advance(SECOND);
    assert_eq!(bench.end_user(&ada, None).await?.0, 0);
    assert_eq!(bench.verdicts(&[expired, ended]).await?, before);
    Ok(())
}

/// One that has expired and one that was ended by name.
async fn past_sessions(bench: &Bench, user: &User) -> Result<(Session, Session), Failure> {
    let expired = bench.sign_in(user).await?;
    bench.clock.advance(HOUR * 2);
    let ended = bench.sign_in(user).await?;
    bench.end(&ended).await?;
    Ok((expired, ended))
}

async fn an_epoch_replaced_twice_tells_of_the_first_time(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let first = bench.sign_in(&ada).await?;
    let (_, once) = bench.end_user(&ada, None).await?;
    bench.clock.advance(SECOND);
    let second = bench.sign_in(&ada).await?;
    let (_, twice) = bench.end_user(&ada, None).await?;
    assert_eq!(bench.verdicts(&[first, second]).await?, [Verdict::Ended(once), Verdict::Ended(twice)]);
    Ok(())
}

async fn who_signs_in_afterwards_is_live(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in(&ada).await?;
    bench.end_user(&ada, None).await?;
    let session = bench.sign_in(&ada).await?;
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    assert_eq!(bench.total(&users(ada.key(), Status::Live)).await?, Total::Exactly(1));
    Ok(())
}
