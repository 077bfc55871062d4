//! `reap`: endings move from the log of replaced epochs into the records, and nobody can tell the difference.

use super::bench::*;
use sessiond::domain::listing::{Order, Status, Total};
use sessiond::domain::session::{Session, State, Verdict};

store_contract! {
    reaping_changes_no_verdict_no_count_and_no_list,
    reaping_writes_every_withdrawn_session_and_then_no_more,
    reaping_writes_no_more_than_asked,
    reaping_leaves_live_and_expired_records_alone,
    reaping_leaves_no_event,
    a_reaped_session_keeps_its_story_when_epochs_are_replaced_again,
}

/// Live, ended by name, expired, expired before its epoch was replaced, withdrawn by user and server epochs, several of
/// them replaced twice, and one kept.
async fn mixed(bench: &Bench) -> Result<Vec<Session>, Failure> {
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let mut all = bench.sign_in_times(&ada, 2).await?;
    all.extend(bench.sign_in_times(&bob, 2).await?);
    bench.clock.advance(HOUR * 2);
    all.extend(bench.sign_in_times(&ada, 3).await?);
    bench.end_user(&ada, None).await?;
    bench.clock.advance(SECOND);
    all.extend(bench.sign_in_times(&ada, 3).await?);
    all.extend(bench.sign_in_times(&bob, 3).await?);
    bench.store.end_everyone(everyone_revoked()).await?;
    bench.clock.advance(SECOND);
    bench.end_user(&ada, None).await?;
    bench.clock.advance(SECOND);
    all.extend(bench.sign_in_times(&bob, 2).await?);
    bench.store.end_everyone(everyone_revoked()).await?;
    bench.clock.advance(SECOND);
    let last = bench.sign_in_times(&ada, 4).await?;
    bench.end(&last[0]).await?;
    bench.end_user(&ada, Some(last[1].id())).await?;
    all.extend(last);
    all.extend(bench.sign_in_times(&bob, 2).await?);
    Ok(all)
}

/// Those whose ending stands in the log alone.
async fn withdrawn(bench: &Bench, all: &[Session]) -> Result<usize, Failure> {
    let mut count = 0;
    for session in all {
        let standing = bench.standing(session).await?;
        let ended = matches!(standing.verdict(bench.now(), &bench.limits), Verdict::Ended(_));
        count += usize::from(ended && *standing.session.state() == State::Live);
    }
    Ok(count)
}

async fn reaping_changes_no_verdict_no_count_and_no_list(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let all = mixed(&bench).await?;
    let before = bench.verdicts(&all).await?;
    let (mut totals, mut lists) = (Vec::new(), Vec::new());
    for status in Status::ALL {
        totals.push(bench.total(&everyones(status)).await?);
        lists.push(bench.walk(&everyones(status), Order::SignedIn, 3).await?);
    }
    loop {
        let written = bench.store.reap(2).await?;
        assert_eq!(bench.verdicts(&all).await?, before);
        for (n, status) in Status::ALL.into_iter().enumerate() {
            assert_eq!(bench.total(&everyones(status)).await?, totals[n]);
            assert_eq!(bench.walk(&everyones(status), Order::SignedIn, 3).await?, lists[n]);
        }
        if written == 0 {
            return Ok(());
        }
    }
}

async fn reaping_writes_every_withdrawn_session_and_then_no_more(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let all = mixed(&bench).await?;
    let waiting = withdrawn(&bench, &all).await?;
    assert_eq!(waiting, 13);
    let mut written = 0;
    loop {
        let now = bench.store.reap(5).await?;
        written += now;
        if now == 0 {
            break;
        }
    }
    assert_eq!(withdrawn(&bench, &all).await?, 0);
    assert_eq!(written, waiting);
    assert_eq!(bench.store.reap(100).await?, 0);
    Ok(())
}

async fn reaping_writes_no_more_than_asked(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let all = mixed(&bench).await?;
    let waiting = withdrawn(&bench, &all).await?;
    assert_eq!(bench.store.reap(0).await?, 0);
    let written = bench.store.reap(4).await?;
    assert!((1..=4).contains(&written), "{written}");
    assert_eq!(withdrawn(&bench, &all).await?, waiting - written);
    Ok(())
}

async fn reaping_leaves_live_and_expired_records_alone(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let all = mixed(&bench).await?;
    while bench.store.reap(100).await? > 0 {}
    for session in &all {
        let standing = bench.standing(session).await?;
        let ended = matches!(standing.verdict(bench.now(), &bench.limits), Verdict::Ended(_));
        assert_eq!(*standing.session.state() != State::Live, ended);
    }
    Ok(())
}

async fn reaping_leaves_no_event(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    mixed(&bench).await?;
    let before = bench.events().await?;
    while bench.store.reap(100).await? > 0 {}
    assert_eq!(bench.events().await?, before);
    Ok(())
}

async fn a_reaped_session_keeps_its_story_when_epochs_are_replaced_again(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let all = mixed(&bench).await?;
    bench.store.end_everyone(everyone_revoked()).await?;
    let before = bench.verdicts(&all).await?;
    while bench.store.reap(3).await? > 0 {
        bench.clock.advance(SECOND);
        bench.store.end_everyone(everyone_revoked()).await?;
    }
    bench.reopen().await?;
    bench.clock.advance(HOUR * 48);
    assert_eq!(bench.verdicts(&all).await?, before);
    assert_eq!(bench.total(&everyones(Status::Live)).await?, Total::Exactly(0));
    Ok(())
}
