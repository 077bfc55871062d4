//! API keys: created once, used by note, revoked for good.

use std::collections::BTreeSet;

use super::bench::*;
use sessiond::domain::audit::Draft;
use sessiond::domain::ending::{Actor, Ending, Note, Reason};
use sessiond::domain::id::KeyId;
use sessiond::domain::key::{ApiKey, KeyCredential, KeyParticulars, KeyVerdict, StoredKey};
use sessiond::store::{KeyCreated, KeyRevoked};
use tokio::task::JoinSet;

store_contract! {
    a_key_is_found_by_its_id_and_in_the_list,
    creating_leaves_one_event_also_when_it_is_repeated,
    an_id_is_taken_once,
    a_revoked_key_is_revoked_for_good_and_leaves_one_event,
    of_two_who_revoke_one_key_at_once_one_does,
    an_expired_key_can_be_revoked,
    use_is_noted_once_a_minute_and_of_live_keys_alone,
    nothing_is_done_to_a_key_that_is_not_there,
    keys_outlive_a_reopening_and_revoked_ones_stay_revoked,
    past_keys_are_swept_and_live_ones_never,
    ending_sessions_ends_no_key,
}

fn key(bench: &Bench, name: &str) -> ApiKey {
    expiring(bench, name, None)
}

fn expiring(bench: &Bench, name: &str, after: Option<std::time::Duration>) -> ApiKey {
    let (name, scopes) = (name.parse().expect("a name"), "sessions.read".parse().expect("a scope"));
    let (created, expires) = (bench.now(), after.map(|after| bench.now() + after));
    let particulars = KeyParticulars { name, scopes, created, expires, by: Actor::Operator };
    ApiKey::new(&KeyCredential::new(&*bench.dice), particulars)
}

async fn create(bench: &Bench, name: &str) -> Result<ApiKey, Failure> {
    let key = key(bench, name);
    assert_eq!(bench.store.create_key(key.clone(), None).await?, KeyCreated::Done);
    Ok(key)
}

async fn stored(bench: &Bench, id: KeyId) -> Result<StoredKey, Failure> {
    Ok(bench.store.key(id).await?.ok_or("the key is not there")?)
}

async fn verdict(bench: &Bench, id: KeyId) -> Result<KeyVerdict, Failure> {
    Ok(stored(bench, id).await?.key.verdict(bench.now()))
}

/// Notes a use, and waits until it is written: it may be answered earlier.
async fn note_use(bench: &Bench, id: KeyId) -> Outcome {
    bench.store.note_key_use(id).await?;
    Ok(bench.store.ready().await?)
}

async fn a_key_is_found_by_its_id_and_in_the_list(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    assert_eq!(bench.store.keys().await?, []);
    let mut created = Vec::new();
    for name in ["zeta", "alpha", "mid"] {
        created.push(create(&bench, name).await?);
        bench.clock.advance(SECOND);
    }
    let listed = bench.store.keys().await?;
    assert_eq!(listed.iter().map(|stored| stored.key.clone()).collect::<Vec<_>>(), created, "the oldest first");
    for stored in listed {
        assert_eq!(bench.store.key(stored.key.id).await?, Some(stored));
    }
    let ids: BTreeSet<_> = created.iter().map(|key| key.id).collect();
    assert_eq!(ids.len(), 3);
    Ok(())
}

async fn creating_leaves_one_event_also_when_it_is_repeated(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (key, from) = (key(&bench, "nightly"), Some([192, 0, 2, 7].into()));
    assert_eq!(bench.store.create_key(key.clone(), from).await?, KeyCreated::Done);
    assert_eq!(bench.store.create_key(key.clone(), from).await?, KeyCreated::Done);
    let events = bench.events().await?;
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].at, &events[0].draft), (bench.now(), &Draft::key_created(&key, from)));
    Ok(())
}

async fn an_id_is_taken_once(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let first = create(&bench, "first").await?;
    let mut second = key(&bench, "second");
    second.id = first.id;
    assert_eq!(bench.store.create_key(second, None).await?, KeyCreated::IdTaken);
    assert_eq!(stored(&bench, first.id).await?.key, first);
    assert_eq!(bench.events().await?.len(), 1);
    Ok(())
}

async fn a_revoked_key_is_revoked_for_good_and_leaves_one_event(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (gone, stays) = (create(&bench, "gone").await?, create(&bench, "stays").await?);
    bench.clock.advance(SECOND);
    let by = Actor::Key(stays.id);
    let from = Some([192, 0, 2, 7].into());
    let ending = Ending { note: Note::parse("leaked")?, ..Ending::new(by, Reason::Revoked, from) };
    let KeyRevoked::Done(ended) = bench.store.revoke_key(gone.id, ending.clone()).await? else {
        return Err("not revoked".into());
    };
    let event = bench.events().await?.pop().ok_or("no event")?;
    assert_eq!((event.at, event.draft), (bench.now(), Draft::key_revoked(&ending, gone.id)));
    assert_eq!(ended, ending.at(bench.now(), event.seq));

    bench.clock.advance(MINUTE);
    let again = bench.store.revoke_key(gone.id, revoked()).await?;
    assert_eq!(again, KeyRevoked::AlreadyRevoked(ended.clone()));
    assert_eq!(bench.store.create_key(gone.clone(), None).await?, KeyCreated::IdTaken, "it is not created again");
    note_use(&bench, gone.id).await?;
    assert_eq!(verdict(&bench, gone.id).await?, KeyVerdict::Revoked(ended));
    assert_eq!(verdict(&bench, stays.id).await?, KeyVerdict::Live);
    assert_eq!(bench.events().await?.len(), 3);
    Ok(())
}

async fn of_two_who_revoke_one_key_at_once_one_does(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let id = create(&bench, "contested").await?.id;
    let mut running = JoinSet::new();
    for _ in 0..8 {
        let store = bench.store.clone();
        running.spawn(async move { store.revoke_key(id, revoked()).await });
    }
    let mut answers = Vec::new();
    while let Some(answer) = running.join_next().await {
        answers.push(answer??);
    }
    let done = answers.iter().find_map(|answer| if let KeyRevoked::Done(ended) = answer { Some(ended) } else { None });
    let done = done.ok_or("nobody revoked it")?;
    assert_eq!(answers.iter().filter(|answer| **answer == KeyRevoked::AlreadyRevoked(done.clone())).count(), 7);
    assert_eq!(bench.events().await?.len(), 2);
    Ok(())
}

async fn an_expired_key_can_be_revoked(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let key = expiring(&bench, "short", Some(MINUTE));
    bench.store.create_key(key.clone(), None).await?;
    bench.clock.advance(MINUTE);
    assert_eq!(verdict(&bench, key.id).await?, KeyVerdict::Expired(bench.now()));
    assert!(matches!(bench.store.revoke_key(key.id, revoked()).await?, KeyRevoked::Done(_)));
    assert!(matches!(verdict(&bench, key.id).await?, KeyVerdict::Revoked(_)));
    Ok(())
}

async fn use_is_noted_once_a_minute_and_of_live_keys_alone(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let key = expiring(&bench, "busy", Some(MINUTE * 3));
    bench.store.create_key(key.clone(), None).await?;
    let events = bench.events().await?;
    assert_eq!(stored(&bench, key.id).await?.last_used, None);
    note_use(&bench, key.id).await?;
    let first = bench.now();
    assert_eq!(stored(&bench, key.id).await?.last_used, Some(first));
    bench.clock.advance(SECOND * 59);
    note_use(&bench, key.id).await?;
    assert_eq!(stored(&bench, key.id).await?.last_used, Some(first));
    bench.clock.advance(SECOND);
    note_use(&bench, key.id).await?;
    let second = bench.now();
    assert_eq!(stored(&bench, key.id).await?.last_used, Some(second));
    bench.clock.advance(MINUTE * 2);
    note_use(&bench, key.id).await?;
    assert_eq!(stored(&bench, key.id).await?.last_used, Some(second), "it has expired");
    assert_eq!(stored(&bench, key.id).await?.key, key, "the key itself is not written");
    assert_eq!(bench.events().await?, events);
    Ok(())
}

async fn nothing_is_done_to_a_key_that_is_not_there(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let id = KeyId::new(&*bench.dice);
    assert_eq!(bench.store.key(id).await?, None);
    assert_eq!(bench.store.revoke_key(id, revoked()).await?, KeyRevoked::NotFound);
    note_use(&bench, id).await?;
    assert_eq!(bench.store.keys().await?, []);
    assert_eq!(bench.events().await?, []);
    Ok(())
}

async fn keys_outlive_a_reopening_and_revoked_ones_stay_revoked(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let (gone, stays) = (create(&bench, "gone").await?, create(&bench, "stays").await?);
    note_use(&bench, stays.id).await?;
    assert!(matches!(bench.store.revoke_key(gone.id, revoked()).await?, KeyRevoked::Done(_)));
    let before = (bench.store.keys().await?, bench.events().await?);
    bench.reopen().await?;
    assert_eq!((bench.store.keys().await?, bench.events().await?), before);
    assert!(matches!(verdict(&bench, gone.id).await?, KeyVerdict::Revoked(_)));
    Ok(())
}

async fn past_keys_are_swept_and_live_ones_never(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (live, gone) = (create(&bench, "live").await?, create(&bench, "gone").await?);
    let late = create(&bench, "late").await?;
    let expired = expiring(&bench, "expired", Some(MINUTE));
    bench.store.create_key(expired.clone(), None).await?;
    note_use(&bench, expired.id).await?;
    bench.store.revoke_key(gone.id, revoked()).await?;
    bench.clock.advance(HOUR);
    let before = bench.now();
    bench.store.revoke_key(late.id, revoked()).await?;
    bench.clock.advance(HOUR);
    while bench.store.sweep(before, 1).await? > 0 {}
    let left: Vec<_> = bench.store.keys().await?.into_iter().map(|stored| stored.key.id).collect();
    assert_eq!(left.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&live.id, &late.id]));
    assert_eq!(verdict(&bench, live.id).await?, KeyVerdict::Live);
    assert_eq!(bench.store.key(gone.id).await?, None);
    assert_eq!(bench.store.key(expired.id).await?, None);
    Ok(())
}

async fn ending_sessions_ends_no_key(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let key = create(&bench, "nightly").await?;
    bench.end_user(&ada, None).await?;
    bench.store.end_everyone(everyone_revoked()).await?;
    assert_eq!(verdict(&bench, key.id).await?, KeyVerdict::Live);
    Ok(())
}
