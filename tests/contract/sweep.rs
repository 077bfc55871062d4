//! `sweep`: what has been past for long enough goes, and nothing else.

use super::bench::*;
use sessiond::domain::listing::{Order, Status, Total};
use sessiond::domain::session::Verdict;

store_contract! {
    asvs_14_2_7_what_was_past_before_goes_and_what_was_past_after_stays,
    live_sessions_stay_however_old,
    asvs_14_2_7_old_events_go_and_numbers_go_on,
    sweeping_changes_no_verdict_of_what_stays,
    what_was_swept_stays_away_after_opening_again,
}

async fn sweep(bench: &Bench, before: sessiond::domain::timestamp::Timestamp) -> Outcome {
    while bench.store.sweep(before, 3).await? > 0 {}
    Ok(())
}

async fn asvs_14_2_7_what_was_past_before_goes_and_what_was_past_after_stays(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let early = bench.sign_in_times(&ada, 4).await?;
    let idle = bench.sign_in(&bob).await?;
    bench.end(&early[0]).await?;
    bench.end_user(&ada, Some(early[3].id())).await?;
    while bench.store.reap(10).await? > 0 {}
    let late = bench.sign_in(&bob).await?;
    bench.clock.advance(MINUTE * 30);
    let before = bench.now();
    bench.end(&early[3]).await?;
    bench.end(&late).await?;
    sweep(&bench, before).await?;
    for gone in &early[..3] {
        assert_eq!(bench.store.session(ada.key(), gone.id()).await?, None);
        assert_eq!(bench.store.owner(gone.id()).await?, None);
    }
    assert!(matches!(bench.verdict(&early[3]).await?, Verdict::Ended(_)));
    assert_eq!(bench.verdict(&idle).await?, Verdict::Live);
    assert_eq!(bench.total(&everyones(Status::Ended)).await?, Total::Exactly(2));
    assert_eq!(bench.walk(&everyones(Status::Any), Order::SignedIn, 2).await?.len(), 3);
    bench.clock.advance(HOUR * 3);
    sweep(&bench, bench.now()).await?;
    assert_eq!(bench.total(&everyones(Status::Any)).await?, Total::Exactly(0));
    Ok(())
}

async fn live_sessions_stay_however_old(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    bench.clock.advance(MINUTE * 59);
    sweep(&bench, bench.now()).await?;
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    Ok(())
}

async fn asvs_14_2_7_old_events_go_and_numbers_go_on(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in(&ada).await?;
    let last = bench.events().await?.last().map(|event| event.seq.0).ok_or("no events")?;
    bench.clock.advance(HOUR);
    sweep(&bench, bench.now()).await?;
    assert_eq!(bench.events().await?.len(), 1, "the last one stays, whatever its age");
    bench.reopen().await?;
    bench.end(&bench.sign_in(&ada).await?).await?;
    assert_eq!(bench.events().await?.last().map(|event| event.seq.0), Some(last + 2));
    Ok(())
}

async fn sweeping_changes_no_verdict_of_what_stays(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let mut sessions = bench.sign_in_times(&ada, 3).await?;
    bench.clock.advance(HOUR * 2);
    sessions.extend(bench.sign_in_times(&ada, 3).await?);
    bench.end_user(&ada, Some(sessions[5].id())).await?;
    bench.clock.advance(MINUTE);
    let before = bench.verdicts(&sessions[3..]).await?;
    sweep(&bench, bench.now() - MINUTE * 2).await?;
    assert_eq!(bench.verdicts(&sessions[3..]).await?, before);
    assert_eq!(bench.total(&everyones(Status::Expired)).await?, Total::Exactly(0));
    Ok(())
}

/// No second record of an ending may bring back what was removed on purpose.
async fn what_was_swept_stays_away_after_opening_again(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let sessions = bench.sign_in_times(&ada, 3).await?;
    bench.end(&sessions[0]).await?;
    bench.end_user(&ada, None).await?;
    while bench.store.reap(10).await? > 0 {}
    bench.clock.advance(HOUR * 3);
    let kept = bench.sign_in(&ada).await?;
    sweep(&bench, bench.now()).await?;
    let events = bench.events().await?;
    bench.reopen().await?;
    assert_eq!(bench.events().await?, events);
    assert_eq!(bench.total(&everyones(Status::Any)).await?, Total::Exactly(1));
    assert_eq!(bench.verdict(&kept).await?, Verdict::Live);
    Ok(())
}
