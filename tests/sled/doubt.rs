//! When the store cannot vouch for what it finds, everyone signs in again; and only then.

use super::*;

#[tokio::test]
async fn a_database_that_forgot_what_was_on_disk_ends_everyones_sessions() {
    let (folder, session) = forgotten(async |sled, session| {
        // Events that no journal holds, and an ending after them that says they were on disk.
        for _ in 0..3 {
            sled.record(Draft::new(Actor::System, Action::Start, Outcome::Success)).await.unwrap();
        }
        let nobody = SessionId::new(START, &OsEntropy);
        assert_eq!(sled.end(session.user_key(), nobody, revoked()).await.unwrap(), End::NotFound);
        let keep = Some(session.id());
        sled.end_user(session.user_key(), keep, revoked()).await.unwrap();
    })
    .await;
    let Verdict::Ended(ended) = reopened(folder.path(), &session).await else { panic!("trusted what it should not") };
    assert_eq!((ended.by, ended.reason), (Actor::System, Reason::Safety));
}

#[tokio::test]
async fn a_journal_that_is_missing_or_damaged_ends_everyones_sessions() {
    for number in [None, Some(0), Some(3)] {
        let folder = tempfile::tempdir().unwrap();
        let session = filled(folder.path()).await;
        let ends = folder.path().join("ends");
        match number {
            None => std::fs::remove_dir_all(&ends).unwrap(),
            Some(number) => std::fs::remove_file(ends.join(format!("ends.{number}"))).unwrap(),
        }
        let Verdict::Ended(ended) = reopened(folder.path(), &session).await else { panic!("{number:?}: trusted") };
        assert_eq!(ended.reason, Reason::Safety);
    }
}

#[tokio::test]
async fn a_clock_far_behind_the_newest_record_ends_everyones_sessions_once() {
    let folder = tempfile::tempdir().unwrap();
    let session = filled(folder.path()).await;
    // Ten minutes after the last event, twenty before the session was last seen.
    let (clock, environment) = at(START + MINUTE * 10);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    let Verdict::Ended(ended) = verdict(&sled, &session, clock.now()).await else { panic!("not ended") };
    assert_eq!((ended.by, ended.reason), (Actor::System, Reason::Safety));
    let epoch = sled.server_epoch().await.unwrap();
    sled.close().await.unwrap();

    let (_, environment) = at(START + MINUTE * 11);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    assert_eq!(sled.server_epoch().await.unwrap(), epoch, "what has ended cannot be behind again");
}

#[tokio::test]
async fn a_clock_a_little_behind_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let session = filled(folder.path()).await;
    let (clock, environment) = at(START + MINUTE * 26);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    assert_eq!(verdict(&sled, &session, clock.now()).await, Verdict::Live);
}

/// What gave rise to the doubt may be mended by the time a process is killed; the doubt is not.
#[tokio::test]
async fn doubt_that_is_noted_ends_everyones_sessions_at_the_next_opening_and_only_then() {
    let folder = tempfile::tempdir().unwrap();
    let session = filled(folder.path()).await;
    std::fs::write(folder.path().join("doubt"), b"the journal was damaged").unwrap();
    let Verdict::Ended(ended) = reopened(folder.path(), &session).await else { panic!("trusted") };
    assert_eq!(ended.reason, Reason::Safety);
    assert!(!folder.path().join("doubt").exists());
}

#[tokio::test]
async fn damage_that_was_dealt_with_ends_no_later_session() {
    let folder = tempfile::tempdir().unwrap();
    let session = filled(folder.path()).await;
    std::fs::remove_file(folder.path().join("ends/ends.1")).unwrap();
    assert!(matches!(reopened(folder.path(), &session).await, Verdict::Ended(_)));

    let (clock, environment) = at(START + MINUTE * 33);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    let user = sled.user(session.user_key()).await.unwrap().unwrap();
    let later = sign_in(&sled, &user, clock.now(), &environment).await;
    sled.close().await.unwrap();
    drop(sled);
    assert_eq!(reopened(folder.path(), &later).await, Verdict::Live);
}
