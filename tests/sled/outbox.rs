//! The feed of events and the places of webhooks, where the database is forgetful or another one takes its place.

use sessiond::domain::id::EventSeq;
use sessiond::domain::webhook::WebhookName;

use super::*;

fn crm() -> WebhookName {
    "crm".parse().unwrap()
}

#[tokio::test]
async fn an_ending_that_the_database_forgot_is_told_under_its_number_and_what_nobody_knows_as_lost() {
    let (folder, session) = forgotten(async |sled, session| {
        sled.record(Draft::new(Actor::System, Action::Start, Outcome::Success)).await.unwrap();
        sled.end(session.user_key(), session.id(), revoked()).await.unwrap();
    })
    .await;
    let (_, environment) = at(START + MINUTE * 32);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    let events = sled.events_after(EventSeq(2), 10).await.unwrap();
    let told: Vec<_> = events.iter().map(|event| (event.seq.0, event.draft.action)).collect();
    assert_eq!(told, [(3, Action::Lost), (4, Action::EndSession), (5, Action::EndEveryonesSessions)]);
    assert_eq!(events[1].draft.session, Some(session.id()));
    assert_eq!(*sled.watch_events().borrow(), EventSeq(5));
    sled.close().await.unwrap();
}

#[tokio::test]
async fn the_place_of_a_webhook_is_in_a_backup_and_outlives_a_compaction() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(folder.path()).await;
    let (_, environment) = at(START + MINUTE * 31);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    sled.note_delivered(&crm(), EventSeq(2)).await.unwrap();
    sled.close().await.unwrap();
    drop(sled);
    let compacted = Sled::compact(folder.path(), environment.clone()).await.unwrap();
    assert_eq!(compacted.totals.of("delivered"), 1);
    let (file, target) = (elsewhere.path().join("backup"), elsewhere.path().join("data"));
    let totals = Sled::back_up(folder.path(), environment.clone(), &file, false).await.unwrap();
    assert_eq!(totals.of("delivered"), 1);
    Sled::restore(&target, environment.clone(), &file, false).await.unwrap();
    assert_eq!(Sled::check(&target, environment.clone()).await.unwrap().findings, [""; 0]);
    for folder in [folder.path(), &target] {
        let sled = Sled::open(folder, environment.clone()).await.unwrap();
        assert_eq!(sled.delivered(&crm()).await.unwrap(), Some(EventSeq(2)));
        sled.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_the_log_goes_on_where_a_restore_puts_another_in_its_place() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(folder.path()).await;
    let (_, environment) = at(START + MINUTE * 31);
    let file = elsewhere.path().join("backup");
    Sled::back_up(folder.path(), environment.clone(), &file, false).await.unwrap();
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    let mut heard = sled.watch_events();
    for _ in 0..5 {
        sled.record(Draft::new(Actor::System, Action::Start, Outcome::Success)).await.unwrap();
    }
    assert_eq!(*heard.borrow_and_update(), EventSeq(7));
    sled.restore_open(&file).await.unwrap();
    let newest = *heard.wait_for(|newest| *newest < EventSeq(7)).await.unwrap();
    assert_eq!(newest, EventSeq(3), "the backup's two, and the end of everyone's sessions");
    let seq = sled.record(Draft::new(Actor::System, Action::Start, Outcome::Success)).await.unwrap();
    assert_eq!((seq, *heard.borrow_and_update()), (EventSeq(4), EventSeq(4)));
    let told: Vec<_> =
        sled.events_after(EventSeq(2), 9).await.unwrap().iter().map(|event| event.draft.action).collect();
    assert_eq!(told, [Action::EndEveryonesSessions, Action::Start]);
    sled.close().await.unwrap();
}
