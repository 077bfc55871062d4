//! The audit log: every change leaves its event in the same step, and nothing else does.

use super::bench::*;
use sessiond::domain::audit::{Action, Draft, Outcome as Went};
use sessiond::domain::ending::{Actor, Ending, Note, Reason};
use sessiond::domain::id::{EventSeq, SessionId};
use sessiond::domain::session::{SessionChange, Verdict};
use sessiond::store::{Created, End, EndedEveryone};

store_contract! {
    numbers_rise_one_by_one_and_times_with_them,
    events_are_read_newest_first_and_on_from_any_number,
    a_sign_in_leaves_its_event,
    an_ending_names_its_event,
    a_sign_in_that_ends_others_leaves_an_event_for_each,
    ending_many_leaves_one_event_for_all,
    a_reauthentication_leaves_an_event,
    a_new_user_leaves_an_event,
    what_was_refused_or_changed_nothing_leaves_none,
}

async fn numbers_rise_one_by_one_and_times_with_them(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let failed = Draft::new(Actor::Anonymous, Action::SignIn, Went::Failure);
    for _ in 0..5 {
        let session = bench.sign_in(&ada).await?;
        bench.clock.advance(SECOND);
        bench.store.record(failed.clone()).await?;
        bench.end(&session).await?;
    }
    let events = bench.events().await?;
    let numbers: Vec<_> = events.iter().map(|event| event.seq.0).collect();
    assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
    assert!(events.is_sorted_by_key(|event| event.at));
    Ok(())
}

async fn events_are_read_newest_first_and_on_from_any_number(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let mut recorded = Vec::new();
    for n in 0..7 {
        let draft = Draft { ended: n, ..Draft::new(Actor::System, Action::Start, Went::Success) };
        recorded.push(bench.store.record(draft).await?);
        bench.clock.advance(SECOND);
    }
    recorded.reverse();
    let (mut read, mut before) = (Vec::new(), None);
    loop {
        let events = bench.store.events(before, 3).await?;
        let Some(last) = events.last() else { break };
        before = Some(last.seq);
        read.extend(events.iter().map(|event| event.seq));
    }
    assert_eq!(read, recorded);
    let all = bench.events().await?;
    assert!((0..).zip(&all).all(|(n, event)| event.draft.ended == n));
    assert_eq!(bench.store.events(Some(EventSeq(1)), 3).await?, []);
    assert_eq!(bench.store.events(None, 0).await?, []);
    Ok(())
}

async fn a_sign_in_leaves_its_event(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let event = bench.events().await?.pop().ok_or("no event")?;
    assert_eq!((event.at, event.draft), (bench.now(), Draft::signed_in(&session)));
    Ok(())
}

async fn an_ending_names_its_event(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    bench.clock.advance(SECOND);
    let from = session.client().address;
    let ending = Ending { note: Note::parse("left")?, ..Ending::new(Actor::Operator, Reason::Revoked, from) };
    let End::Done(ended) = bench.store.end(ada.key(), session.id(), ending.clone()).await? else {
        return Err("not ended".into());
    };
    let event = bench.events().await?.pop().ok_or("no event")?;
    assert_eq!((event.seq, event.at), (ended.event, ended.at));
    assert_eq!(event.draft, Draft::ended_one(&ending, &ada.id, session.id()));
    Ok(())
}

async fn a_sign_in_that_ends_others_leaves_an_event_for_each(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::with_room_for(backend, 2).await?;
    let ada = bench.user("ada").await?;
    let two = bench.sign_in_times(&ada, 2).await?;
    let three = bench.sign_in(&ada).await?;
    let four = bench.session(&ada).await?;
    assert!(matches!(bench.store.create(four.clone(), Some(three.id())).await?, Created::Done { .. }));

    let events = bench.events().await?;
    for (gone, why) in [(&two[0], Reason::Limit), (&three, Reason::Replaced)] {
        let Verdict::Ended(ended) = bench.verdict(gone).await? else { return Err("not ended".into()) };
        let event = events.iter().find(|event| event.seq == ended.event).ok_or("no event")?;
        assert_eq!((event.draft.action, event.draft.session), (Action::EndSession, Some(gone.id())));
        assert_eq!((event.draft.reason, event.draft.ended), (Some(why), 1));
    }
    let actions = |action| events.iter().filter(|event| event.draft.action == action).count();
    assert_eq!((actions(Action::SignIn), actions(Action::EndSession), events.len()), (4, 2, 7));
    Ok(())
}

async fn ending_many_leaves_one_event_for_all(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let adas = bench.sign_in_times(&ada, 4).await?;
    let bobs = bench.sign_in_times(&bob, 2).await?;
    let before = bench.events().await?.len();

    let (_, ended) = bench.end_user(&ada, Some(adas[0].id())).await?;
    let event = bench.events().await?.pop().ok_or("no event")?;
    assert_eq!((event.seq, event.at), (ended.event, ended.at));
    assert_eq!(event.draft, Draft::ended_user(&revoked(), &ada.id, 3));

    let EndedEveryone { ended, .. } = bench.store.end_everyone(everyone_revoked()).await?;
    let event = bench.events().await?.pop().ok_or("no event")?;
    assert_eq!((event.seq, event.at), (ended.event, ended.at));
    assert_eq!(event.draft, Draft::ended_everyone(&everyone_revoked(), 3));
    assert_eq!(bench.verdict(&bobs[0]).await?, Verdict::Ended(ended));
    assert_eq!(bench.events().await?.len(), before + 2);
    Ok(())
}

async fn a_reauthentication_leaves_an_event(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    bench.store.change_session(ada.key(), session.id(), SessionChange::Reauthenticated, None).await?;
    let draft = bench.events().await?.pop().ok_or("no event")?.draft;
    assert_eq!((draft.actor, draft.action), (Actor::User(ada.id.clone()), Action::Reauthenticate));
    assert_eq!((draft.user, draft.session, draft.outcome), (Some(ada.id), Some(session.id()), Went::Success));
    Ok(())
}

async fn a_new_user_leaves_an_event(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = person("ada", bench.now(), &*bench.dice);
    let from = client([192, 0, 2, 9]).address;
    bench.store.create_user(ada.clone(), true, Actor::Anonymous, from).await?;
    let event = bench.events().await?.pop().ok_or("no event")?;
    assert_eq!(event.draft, Draft::user_created(&ada, Actor::Anonymous, from));
    Ok(())
}

async fn what_was_refused_or_changed_nothing_leaves_none(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let stale = bench.session(&ada).await?;
    let (session, withdrawn) = (bench.sign_in(&ada).await?, bench.sign_in(&ada).await?);
    bench.end(&session).await?;
    bench.end_user(&ada, None).await?;
    let live = bench.sign_in(&ada).await?;
    bench.clock.advance(MINUTE * 30);

    let before = bench.events().await?;
    let unknown = SessionId::new(bench.now(), &*bench.dice);
    for id in [session.id(), withdrawn.id(), unknown] {
        bench.store.end(ada.key(), id, revoked()).await?;
        bench.store.change_session(ada.key(), id, SessionChange::Reauthenticated, None).await?;
        bench.store.end_user(ada.key(), Some(id), revoked()).await?;
    }
    bench.store.create(stale, None).await?;
    bench.touch(&live).await?;
    bench.store.reap(10).await?;
    assert_eq!(bench.events().await?, before);
    Ok(())
}
