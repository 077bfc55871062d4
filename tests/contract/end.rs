//! `end` and `reauthenticate`: changes to one session, and only to a live one.

use super::bench::*;
use sessiond::domain::ending::{Actor, Ending, Note, Reason};
use sessiond::domain::id::SessionId;
use sessiond::domain::listing::{Status, Total};
use sessiond::domain::session::{SessionChange, State, Verdict};
use sessiond::store::{Change, End, EndedEveryone};

store_contract! {
    an_ended_session_tells_who_when_and_why,
    an_ended_session_cannot_be_ended_again,
    an_expired_session_cannot_be_ended,
    a_session_withdrawn_with_its_users_epoch_cannot_be_ended_again,
    a_session_withdrawn_with_the_servers_epoch_cannot_be_ended_again,
    an_unknown_session_is_not_found,
    a_session_is_not_found_under_another_user,
    ending_one_session_leaves_the_others_alone,
    an_ending_is_seen_by_the_next_read,
    reauthentication_is_noted_in_a_live_session,
    a_past_session_cannot_be_reauthenticated,
}

async fn an_ended_session_tells_who_when_and_why(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    bench.clock.advance(MINUTE);
    let (at, by, note) = (bench.now(), Actor::User(ada.id.clone()), Note::parse("lost laptop")?);
    let ending = Ending { by: by.clone(), reason: Reason::SignedOutElsewhere, note: note.clone(), from: None };
    let End::Done(ended) = bench.store.end(ada.key(), session.id(), ending).await? else {
        return Err("not ended".into());
    };
    assert_eq!((ended.at, &ended.by, ended.reason, &ended.note), (at, &by, Reason::SignedOutElsewhere, &note));
    bench.clock.advance(HOUR * 48);
    assert_eq!(bench.verdict(&session).await?, Verdict::Ended(ended.clone()));
    assert_eq!(*bench.standing(&session).await?.session.state(), State::Ended(ended));
    assert_eq!(bench.store.owner(session.id()).await?, Some(ada.key()));
    Ok(())
}

async fn an_ended_session_cannot_be_ended_again(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let ended = bench.end(&session).await?;
    bench.clock.advance(MINUTE);
    let signed_out = Ending::new(Actor::User(ada.id.clone()), Reason::SignedOut, None);
    let again = bench.store.end(ada.key(), session.id(), signed_out).await?;
    assert_eq!(again, End::AlreadyEnded(Verdict::Ended(ended.clone())));
    assert_eq!(bench.verdict(&session).await?, Verdict::Ended(ended));
    Ok(())
}

async fn an_expired_session_cannot_be_ended(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let expired = Verdict::Expired(session.deadline(session.created(), &bench.limits));
    bench.clock.advance(HOUR * 2);
    let end = bench.store.end(ada.key(), session.id(), revoked()).await?;
    assert_eq!(end, End::AlreadyEnded(expired.clone()));
    assert_eq!(bench.verdict(&session).await?, expired);
    Ok(())
}

async fn a_session_withdrawn_with_its_users_epoch_cannot_be_ended_again(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let (_, ended) = bench.end_user(&ada, None).await?;
    let again = bench.store.end(ada.key(), session.id(), revoked()).await?;
    assert_eq!(again, End::AlreadyEnded(Verdict::Ended(ended)));
    Ok(())
}

async fn a_session_withdrawn_with_the_servers_epoch_cannot_be_ended_again(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let EndedEveryone { ended, .. } = bench.store.end_everyone(everyone_revoked()).await?;
    let again = bench.store.end(ada.key(), session.id(), revoked()).await?;
    assert_eq!(again, End::AlreadyEnded(Verdict::Ended(ended)));
    Ok(())
}

async fn an_unknown_session_is_not_found(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let nobody = person("nobody", bench.now(), &*bench.dice);
    let unknown = SessionId::new(bench.now(), &*bench.dice);
    for key in [ada.key(), nobody.key()] {
        assert_eq!(bench.store.end(key, unknown, revoked()).await?, End::NotFound);
        assert_eq!(
            bench.store.change_session(key, unknown, SessionChange::Reauthenticated, None).await?,
            Change::NotFound
        );
        assert_eq!(bench.store.session(key, unknown).await?, None);
    }
    assert_eq!(bench.store.owner(unknown).await?, None);
    Ok(())
}

async fn a_session_is_not_found_under_another_user(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let session = bench.sign_in(&ada).await?;
    assert_eq!(bench.store.session(bob.key(), session.id()).await?, None);
    assert_eq!(bench.store.end(bob.key(), session.id(), revoked()).await?, End::NotFound);
    assert_eq!(
        bench.store.change_session(bob.key(), session.id(), SessionChange::Reauthenticated, None).await?,
        Change::NotFound
    );
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    Ok(())
}

async fn ending_one_session_leaves_the_others_alone(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let (session, other, bobs) = (bench.sign_in(&ada).await?, bench.sign_in(&ada).await?, bench.sign_in(&bob).await?);
    bench.end(&session).await?;
    assert_eq!(bench.verdicts(&[other, bobs]).await?, [Verdict::Live, Verdict::Live]);
    Ok(())
}

async fn an_ending_is_seen_by_the_next_read(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 100).await?;
    let ada = bench.user("ada").await?;
    for count in 1..50 {
        let session = bench.sign_in(&ada).await?;
        assert_eq!(bench.total(&users(ada.key(), Status::Live)).await?, Total::Exactly(1));
        bench.end(&session).await?;
        assert!(matches!(bench.verdict(&session).await?, Verdict::Ended(_)));
        assert_eq!(bench.total(&users(ada.key(), Status::Live)).await?, Total::Exactly(0));
        assert_eq!(bench.total(&everyones(Status::Ended)).await?, Total::Exactly(count));
    }
    Ok(())
}

async fn reauthentication_is_noted_in_a_live_session(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    bench.clock.advance(MINUTE);
    assert_eq!(
        bench.store.change_session(ada.key(), session.id(), SessionChange::Reauthenticated, None).await?,
        Change::Done
    );
    let standing = bench.standing(&session).await?;
    assert_eq!(standing.session.authenticated(), bench.now());
    assert_eq!(standing.session.created(), session.created());
    assert_eq!(standing.seen, session.created(), "a confirmation is no request that was seen");
    Ok(())
}

async fn a_past_session_cannot_be_reauthenticated(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let expired = bench.sign_in(&ada).await?;
    bench.clock.advance(HOUR * 2);
    let withdrawn = bench.sign_in(&ada).await?;
    bench.end_user(&ada, None).await?;
    let ended = bench.sign_in(&ada).await?;
    bench.end(&ended).await?;
    for past in [expired, withdrawn, ended] {
        let before = bench.standing(&past).await?;
        let verdict = bench.verdict(&past).await?;
        let change = bench.store.change_session(ada.key(), past.id(), SessionChange::Reauthenticated, None).await?;
        assert_eq!(change, Change::AlreadyEnded(verdict));
        assert_eq!(bench.standing(&past).await?, before);
    }
    Ok(())
}
