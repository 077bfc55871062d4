//! `create`: who may come in, and who has to make room.

use super::bench::*;
use sessiond::domain::audit::Action;
use sessiond::domain::ending::Reason;
use sessiond::domain::listing::{Status, Total};
use sessiond::domain::session::{Session, Verdict};
use sessiond::store::{Created, End};

store_contract! {
    a_created_session_is_live_and_its_owner_is_known,
    a_session_of_nobody_is_stale,
    a_session_of_a_replaced_user_epoch_is_stale,
    a_session_of_a_replaced_server_epoch_is_stale,
    a_stale_sign_in_leaves_no_trace_and_ends_nothing,
    a_replaced_session_ends_in_the_same_step,
    replacing_a_past_session_changes_nothing_of_it,
    a_session_of_somebody_else_is_not_replaced,
    one_sign_in_too_many_ends_the_session_idle_longest,
    of_equally_idle_sessions_the_smallest_id_makes_room,
    the_new_session_is_never_the_one_that_makes_room,
    the_replaced_session_goes_before_anybody_makes_room,
    past_sessions_take_no_room,
    sessions_withdrawn_with_their_epoch_take_no_room,
    a_repeated_create_brings_no_ended_session_back,
}

async fn a_created_session_is_live_and_its_owner_is_known(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.session(&ada).await?;
    assert_eq!(bench.store.owner(session.id()).await?, None);
    assert_eq!(bench.store.create(session.clone(), None).await?, Created::Done { displaced: vec![] });

    let standing = bench.standing(&session).await?;
    assert_eq!(standing.session, session);
    assert_eq!(standing.seen, session.created());
    assert_eq!(standing.user.as_ref(), Some(&ada));
    assert_eq!(standing.replaced, None);
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    assert_eq!(bench.store.owner(session.id()).await?, Some(ada.key()));
    Ok(())
}

async fn a_session_of_nobody_is_stale(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let nobody = person("nobody", bench.now(), &*bench.dice);
    let session = Session::start(bench.start(&nobody, bench.epochs(&ada).await?), &*bench.dice).0;
    assert_eq!(bench.store.create(session.clone(), None).await?, Created::Stale);
    assert_eq!(bench.store.session(nobody.key(), session.id()).await?, None);
    Ok(())
}

async fn a_session_of_a_replaced_user_epoch_is_stale(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let under_way = bench.session(&ada).await?;
    bench.end_user(&ada, None).await?;
    assert_eq!(bench.store.create(under_way.clone(), None).await?, Created::Stale);
    assert_eq!(bench.store.session(ada.key(), under_way.id()).await?, None);
    Ok(())
}

async fn a_session_of_a_replaced_server_epoch_is_stale(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let under_way = bench.session(&ada).await?;
    bench.store.end_everyone(everyone_revoked()).await?;
    assert_eq!(bench.store.create(under_way.clone(), None).await?, Created::Stale);
    assert_eq!(bench.store.session(ada.key(), under_way.id()).await?, None);
    Ok(())
}

async fn a_stale_sign_in_leaves_no_trace_and_ends_nothing(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 1).await?;
    let ada = bench.user("ada").await?;
    let under_way = bench.session(&ada).await?;
    bench.end_user(&ada, None).await?;
    let present = bench.sign_in(&ada).await?;
    let before = bench.events().await?;
    assert_eq!(bench.store.create(under_way.clone(), Some(present.id())).await?, Created::Stale);
    assert_eq!(bench.verdict(&present).await?, Verdict::Live);
    assert_eq!(bench.store.owner(under_way.id()).await?, None);
    assert_eq!(bench.events().await?, before);
    Ok(())
}

async fn a_replaced_session_ends_in_the_same_step(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let (old, other) = (bench.sign_in(&ada).await?, bench.sign_in(&ada).await?);
    let new = bench.session(&ada).await?;
    assert_eq!(bench.store.create(new.clone(), Some(old.id())).await?, Created::Done { displaced: vec![] });
    assert_eq!(reason(&bench.verdict(&old).await?), Some(Reason::Replaced));
    assert_eq!(bench.verdicts(&[new, other]).await?, [Verdict::Live, Verdict::Live]);
    Ok(())
}

async fn replacing_a_past_session_changes_nothing_of_it(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let old = bench.sign_in(&ada).await?;
    bench.end(&old).await?;
    let before = bench.verdict(&old).await?;
    let new = bench.session(&ada).await?;
    assert!(matches!(bench.store.create(new, Some(old.id())).await?, Created::Done { .. }));
    assert_eq!(bench.verdict(&old).await?, before);
    let endings = bench.events().await?.iter().filter(|event| event.draft.action == Action::EndSession).count();
    assert_eq!(endings, 1);
    Ok(())
}

async fn a_session_of_somebody_else_is_not_replaced(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let bobs = bench.sign_in(&bob).await?;
    let new = bench.session(&ada).await?;
    assert!(matches!(bench.store.create(new, Some(bobs.id())).await?, Created::Done { .. }));
    assert_eq!(bench.verdict(&bobs).await?, Verdict::Live);
    Ok(())
}

async fn one_sign_in_too_many_ends_the_session_idle_longest(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 3).await?;
    let ada = bench.user("ada").await?;
    let sessions = bench.sign_in_times(&ada, 3).await?;
    bench.clock.advance(MINUTE * 10);
    bench.touch(&sessions[0]).await?;

    let new = bench.session(&ada).await?;
    let displaced = vec![sessions[1].id()];
    assert_eq!(bench.store.create(new.clone(), None).await?, Created::Done { displaced });
    assert_eq!(reason(&bench.verdict(&sessions[1]).await?), Some(Reason::Limit));
    for live in [&sessions[0], &sessions[2], &new] {
        assert_eq!(bench.verdict(live).await?, Verdict::Live);
    }
    Ok(())
}

async fn of_equally_idle_sessions_the_smallest_id_makes_room(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 3).await?;
    let ada = bench.user("ada").await?;
    let mut sessions = ids(&[bench.sign_in(&ada).await?, bench.sign_in(&ada).await?, bench.sign_in(&ada).await?]);
    sessions.sort_unstable();
    let new = bench.session(&ada).await?;
    assert_eq!(bench.store.create(new, None).await?, Created::Done { displaced: vec![sessions[0]] });
    Ok(())
}

async fn the_new_session_is_never_the_one_that_makes_room(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 2).await?;
    let ada = bench.user("ada").await?;
    let slow = bench.session(&ada).await?;
    bench.clock.advance(SECOND);
    let sessions = bench.sign_in_times(&ada, 2).await?;
    assert_eq!(bench.store.create(slow.clone(), None).await?, Created::Done { displaced: vec![sessions[0].id()] });
    assert_eq!(bench.verdict(&slow).await?, Verdict::Live);
    Ok(())
}

async fn the_replaced_session_goes_before_anybody_makes_room(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 3).await?;
    let ada = bench.user("ada").await?;
    let sessions = bench.sign_in_times(&ada, 3).await?;
    let new = bench.session(&ada).await?;
    assert_eq!(bench.store.create(new, Some(sessions[2].id())).await?, Created::Done { displaced: vec![] });
    assert_eq!(bench.verdicts(&sessions[..2]).await?, [Verdict::Live, Verdict::Live]);
    Ok(())
}

async fn past_sessions_take_no_room(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 2).await?;
    let ada = bench.user("ada").await?;
    let expired = bench.sign_in(&ada).await?;
    bench.clock.advance(HOUR * 2);
    let ended = bench.sign_in(&ada).await?;
    bench.end(&ended).await?;
    let live = bench.sign_in(&ada).await?;
    let new = bench.session(&ada).await?;
    assert_eq!(bench.store.create(new, None).await?, Created::Done { displaced: vec![] });
    assert!(matches!(bench.verdict(&expired).await?, Verdict::Expired(_)));
    assert_eq!(bench.verdict(&live).await?, Verdict::Live);
    Ok(())
}

async fn sessions_withdrawn_with_their_epoch_take_no_room(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 2).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in_times(&ada, 2).await?;
    bench.end_user(&ada, None).await?;
    bench.sign_in_times(&ada, 2).await?;
    bench.store.end_everyone(everyone_revoked()).await?;
    for _ in 0..2 {
        let new = bench.session(&ada).await?;
        assert_eq!(bench.store.create(new, None).await?, Created::Done { displaced: vec![] });
    }
    assert_eq!(bench.total(&users(ada.key(), Status::Live)).await?, Total::Exactly(2));
    Ok(())
}

/// After a failed write the caller may repeat it, and somebody may have ended the session in between.
async fn a_repeated_create_brings_no_ended_session_back(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    bench.end(&session).await?;
    let before = bench.verdict(&session).await?;
    assert_eq!(bench.store.create(session.clone(), None).await?, Created::Stale);
    assert_eq!(bench.verdict(&session).await?, before);
    let again = bench.store.end(ada.key(), session.id(), revoked()).await?;
    assert_eq!(again, End::AlreadyEnded(before));
    assert_eq!(bench.total(&everyones(Status::Any)).await?, Total::Exactly(1));
    Ok(())
}
