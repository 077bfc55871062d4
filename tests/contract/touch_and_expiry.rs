//! `touch` and the two limits of a session's life.

use std::time::Duration;

use super::bench::*;
use sessiond::domain::id::SessionId;
use sessiond::domain::lifetime::{Kind, Lifetime, Limits};
use sessiond::domain::listing::{Status, Total};
use sessiond::domain::session::{Session, Start, Verdict};
use sessiond::store::Created;

store_contract! {
    a_session_expires_at_its_deadline_and_not_before,
    a_touch_moves_the_deadline,
    a_touch_within_the_step_is_not_written,
    no_touch_outlives_the_absolute_limit,
    a_touch_brings_nothing_back,
    a_touch_makes_no_session,
    smaller_configured_limits_count,
    counts_follow_the_clock,
}

const MILLISECOND: Duration = Duration::from_millis(1);

async fn a_session_expires_at_its_deadline_and_not_before(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let deadline = session.deadline(session.created(), &bench.limits);
    bench.clock.advance(deadline.since(bench.now() + MILLISECOND));
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    bench.clock.advance(MILLISECOND);
    assert_eq!(bench.verdict(&session).await?, Verdict::Expired(deadline));
    bench.clock.advance(HOUR * 100);
    assert_eq!(bench.verdict(&session).await?, Verdict::Expired(deadline));
    Ok(())
}

async fn a_touch_moves_the_deadline(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    for _ in 0..5 {
        bench.clock.advance(MINUTE * 50);
        bench.touch(&session).await?;
        assert_eq!(bench.standing(&session).await?.seen, bench.now());
    }
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    Ok(())
}

async fn a_touch_within_the_step_is_not_written(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let step = session.lifetime(&bench.limits).touch_step();
    bench.clock.advance(step.saturating_sub(MILLISECOND));
    bench.touch(&session).await?;
    assert_eq!(bench.standing(&session).await?.seen, session.created());
    bench.clock.advance(MILLISECOND);
    bench.touch(&session).await?;
    assert_eq!(bench.standing(&session).await?.seen, bench.now());
    Ok(())
}

async fn no_touch_outlives_the_absolute_limit(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let end = session.created() + session.lifetime(&bench.limits).absolute;
    while bench.now() < end {
        assert_eq!(bench.verdict(&session).await?, Verdict::Live);
        bench.clock.advance(MINUTE * 30);
        bench.touch(&session).await?;
    }
    assert_eq!(bench.verdict(&session).await?, Verdict::Expired(end));
    Ok(())
}

async fn a_touch_brings_nothing_back(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let expired = bench.sign_in(&ada).await?;
    bench.clock.advance(HOUR * 2);
    let (withdrawn, ended) = (bench.sign_in(&ada).await?, bench.sign_in(&ada).await?);
    bench.end(&ended).await?;
    bench.end_user(&ada, None).await?;
    bench.clock.advance(MINUTE * 30);
    let all = [expired, withdrawn, ended];
    let before = bench.verdicts(&all).await?;
    for session in &all {
        let seen = bench.standing(session).await?.seen;
        bench.touch(session).await?;
        assert_eq!(bench.standing(session).await?.seen, seen);
    }
    assert_eq!(bench.verdicts(&all).await?, before);
    assert_eq!(bench.total(&everyones(Status::Live)).await?, Total::Exactly(0));
    Ok(())
}

async fn a_touch_makes_no_session(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let nobody = person("nobody", bench.now(), &*bench.dice);
    let unknown = SessionId::new(bench.now(), &*bench.dice);
    for key in [ada.key(), nobody.key()] {
        bench.store.touch(key, unknown).await?;
        bench.store.ready().await?;
        assert_eq!(bench.store.session(key, unknown).await?, None);
    }
    assert_eq!(bench.store.owner(unknown).await?, None);
    assert_eq!(bench.total(&everyones(Status::Any)).await?, Total::Exactly(0));
    Ok(())
}

/// The record says a week; the configuration has become stricter since.
async fn smaller_configured_limits_count(backend: &'static dyn Backend) -> Outcome {
    let strict = Limits { persistent: Lifetime { idle: HOUR, absolute: HOUR * 3 }, ..Limits::default() };
    let bench = Bench::with(backend, strict).await?;
    let ada = bench.user("ada").await?;
    let week = Lifetime { idle: HOUR * 168, absolute: HOUR * 720 };
    let start = bench.start(&ada, bench.epochs(&ada).await?);
    let session = Session::start(Start { kind: Kind::Persistent, lifetime: week, ..start }, &*bench.dice).0;
    assert!(matches!(bench.store.create(session.clone(), None).await?, Created::Done { .. }));
    let step = session.lifetime(&strict).touch_step();
    bench.clock.advance(HOUR + step);
    assert!(matches!(bench.verdict(&session).await?, Verdict::Expired(_)));
    assert_eq!(bench.total(&everyones(Status::Expired)).await?, Total::Exactly(1));
    Ok(())
}

async fn counts_follow_the_clock(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in(&ada).await?;
    bench.clock.advance(MINUTE * 40);
    bench.sign_in(&ada).await?;
    for (live, expired) in [(2, 0), (1, 1), (0, 2)] {
        for (status, count) in [(Status::Live, live), (Status::Expired, expired), (Status::Any, 2)] {
            assert_eq!(bench.total(&everyones(status)).await?, Total::Exactly(count));
            assert_eq!(bench.total(&users(ada.key(), status)).await?, Total::Exactly(count));
        }
        bench.clock.advance(MINUTE * 40);
    }
    Ok(())
}
