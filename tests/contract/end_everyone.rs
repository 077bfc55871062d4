//! `end_everyone`: every session there is, in one step.

use super::bench::*;
use sessiond::domain::epoch::Epochs;
use sessiond::domain::listing::{Order, Status, Total};
use sessiond::domain::session::{Session, Verdict};
use sessiond::store::{Created, EndedEveryone};

store_contract! {
    every_session_ends_and_the_live_ones_are_counted,
    the_servers_epoch_is_replaced_and_the_users_are_not,
    what_was_past_before_keeps_its_own_story,
    a_user_step_and_a_server_step_tell_of_the_earlier,
    of_two_steps_within_one_millisecond_the_first_is_told,
    who_signs_in_afterwards_is_live,
    a_session_kept_by_its_user_ends_with_everyones,
    the_epoch_that_it_drew_is_good_until_the_next_time,
}

async fn every_session_ends_and_the_live_ones_are_counted(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let mut sessions = bench.sign_in_times(&ada, 3).await?;
    sessions.extend(bench.sign_in_times(&bob, 2).await?);
    let gone = bench.sign_in(&bob).await?;
    bench.end(&gone).await?;
    bench.clock.advance(SECOND);

    let EndedEveryone { count, ended, .. } = bench.store.end_everyone(everyone_revoked()).await?;
    assert_eq!((count, ended.at), (5, bench.now()));
    assert_eq!(bench.verdicts(&sessions).await?, vec![Verdict::Ended(ended); 5]);
    for filter in [everyones(Status::Live), users(ada.key(), Status::Live), users(bob.key(), Status::Live)] {
        assert_eq!(bench.total(&filter).await?, Total::Exactly(0));
    }
    assert_eq!(bench.store.end_everyone(everyone_revoked()).await?.count, 0);
    Ok(())
}

async fn the_servers_epoch_is_replaced_and_the_users_are_not(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let before = bench.epochs(&ada).await?;
    bench.store.end_everyone(everyone_revoked()).await?;
    let after = bench.epochs(&ada).await?;
    assert_eq!(after.user, before.user);
    assert_ne!(after.server, before.server);
    Ok(())
}

async fn what_was_past_before_keeps_its_own_story(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let expired = bench.sign_in(&ada).await?;
    bench.clock.advance(HOUR * 2);
    let ended = bench.sign_in(&ada).await?;
    bench.end(&ended).await?;
    let before = bench.verdicts(&[expired.clone(), ended.clone()]).await?;
    bench.clock.advance(SECOND);
    assert_eq!(bench.store.end_everyone(everyone_revoked()).await?.count, 0);
    assert_eq!(bench.verdicts(&[expired, ended]).await?, before);
    Ok(())
}

async fn a_user_step_and_a_server_step_tell_of_the_earlier(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let (adas, bobs) = (bench.sign_in(&ada).await?, bench.sign_in(&bob).await?);
    let (_, by_user) = bench.end_user(&ada, None).await?;
    bench.clock.advance(SECOND);
    let EndedEveryone { count, ended: by_server, .. } = bench.store.end_everyone(everyone_revoked()).await?;
    assert_eq!(count, 1);
    bench.clock.advance(SECOND);
    assert_eq!(bench.end_user(&bob, None).await?.0, 0);
    assert_eq!(bench.verdicts(&[adas, bobs]).await?, [Verdict::Ended(by_user), Verdict::Ended(by_server)]);
    Ok(())
}

async fn of_two_steps_within_one_millisecond_the_first_is_told(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let (adas, bobs) = (bench.sign_in(&ada).await?, bench.sign_in(&bob).await?);
    let (_, by_user) = bench.end_user(&ada, None).await?;
    let EndedEveryone { ended: by_server, .. } = bench.store.end_everyone(everyone_revoked()).await?;
    bench.end_user(&bob, None).await?;
    assert_eq!(bench.verdicts(&[adas, bobs]).await?, [Verdict::Ended(by_user), Verdict::Ended(by_server)]);
    Ok(())
}

async fn who_signs_in_afterwards_is_live(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in(&ada).await?;
    bench.store.end_everyone(everyone_revoked()).await?;
    let session = bench.sign_in(&ada).await?;
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    assert_eq!(bench.walk(&everyones(Status::Live), Order::default(), 10).await?, [session.id()]);
    assert_eq!(bench.total(&everyones(Status::Live)).await?, Total::Exactly(1));
    Ok(())
}

async fn a_session_kept_by_its_user_ends_with_everyones(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let kept = bench.sign_in(&ada).await?;
    bench.end_user(&ada, Some(kept.id())).await?;
    let EndedEveryone { count, ended, .. } = bench.store.end_everyone(everyone_revoked()).await?;
    assert_eq!((count, bench.verdict(&kept).await?), (1, Verdict::Ended(ended)));
    Ok(())
}

/// Whoever ended everyone's sessions and is to have a new one gets it under this epoch, and loses it to the next end-all.
async fn the_epoch_that_it_drew_is_good_until_the_next_time(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let EndedEveryone { epoch: first, .. } = bench.store.end_everyone(everyone_revoked()).await?;
    let under = |server| Session::start(bench.start(&ada, Epochs { user: ada.epoch, server }), &*bench.dice).0;
    let session = under(first);
    assert!(matches!(bench.store.create(session.clone(), None).await?, Created::Done { .. }));
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    let EndedEveryone { epoch: second, count, .. } = bench.store.end_everyone(everyone_revoked()).await?;
    assert_eq!(count, 1);
    assert_ne!(first, second);
    assert_eq!(bench.store.create(under(first), None).await?, Created::Stale);
    Ok(())
}
