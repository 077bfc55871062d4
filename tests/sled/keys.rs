//! API keys that the database forgot, and keys in doubt.

use super::*;

async fn create_key(sled: &Sled, name: &str) -> KeyId {
    create_key_until(sled, name, None).await
}

async fn create_key_until(sled: &Sled, name: &str, expires: Option<Timestamp>) -> KeyId {
    let (name, scopes) = (name.parse().unwrap(), "all".parse().unwrap());
    let particulars = KeyParticulars { name, scopes, created: START, expires, by: Actor::Operator };
    let key = ApiKey::new(&KeyCredential::new(&OsEntropy), particulars);
    let id = key.id;
    assert_eq!(sled.create_key(key, None).await.unwrap(), KeyCreated::Done);
    id
}

async fn key_verdict(sled: &Sled, id: KeyId) -> KeyVerdict {
    sled.key(id).await.unwrap().unwrap().key.verdict(START)
}

#[tokio::test]
async fn a_revoked_key_that_the_database_forgot_is_put_back_with_its_event() {
    let folder = tempfile::tempdir().unwrap();
    let aside = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let sled = Sled::open(folder.path(), at(START + MINUTE * 31).1).await.unwrap();
    let (gone, stays) = (create_key(&sled, "gone").await, create_key(&sled, "stays").await);
    sled.close().await.unwrap();
    drop(sled);
    copy(&folder.path().join("db"), aside.path());
    let sled = Sled::open(folder.path(), at(START + MINUTE * 31).1).await.unwrap();
    let KeyRevoked::Done(ended) = sled.revoke_key(gone, revoked()).await.unwrap() else { panic!("not revoked") };
    sled.close().await.unwrap();
    drop(sled);
    std::fs::remove_dir_all(folder.path().join("db")).unwrap();
    copy(aside.path(), &folder.path().join("db"));

    for _ in 0..2 {
        let sled = Sled::open(folder.path(), at(START + MINUTE * 32).1).await.unwrap();
        assert_eq!(key_verdict(&sled, gone).await, KeyVerdict::Revoked(ended.clone()));
        assert_eq!(key_verdict(&sled, stays).await, KeyVerdict::Live);
        let event = sled.events(None, 100).await.unwrap().into_iter().find(|event| event.seq == ended.event).unwrap();
        assert_eq!((event.draft.action, event.draft.key), (Action::RevokeKey, Some(gone)));
        sled.close().await.unwrap();
    }
}

#[tokio::test]
async fn doubt_about_the_database_revokes_every_key_together_with_everyones_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let session = filled(folder.path()).await;
    let sled = Sled::open(folder.path(), at(START + MINUTE * 31).1).await.unwrap();
    let (gone, trusted) = (create_key(&sled, "gone").await, create_key(&sled, "trusted").await);
    let KeyRevoked::Done(ended) = sled.revoke_key(gone, revoked()).await.unwrap() else { panic!("not revoked") };
    sled.close().await.unwrap();
    drop(sled);
    std::fs::write(folder.path().join("doubt"), b"the journal was damaged").unwrap();
    assert!(matches!(reopened(folder.path(), &session).await, Verdict::Ended(_)));
    let (_, environment) = at(START + MINUTE * 33);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    assert_eq!(key_verdict(&sled, gone).await, KeyVerdict::Revoked(ended), "its own story stays");
    let KeyVerdict::Revoked(ended) = key_verdict(&sled, trusted).await else { panic!("trusted") };
    assert_eq!((ended.by, ended.reason), (Actor::System, Reason::Safety));
    sled.close().await.unwrap();
    drop(sled);
    assert_eq!(Sled::check(folder.path(), environment).await.unwrap().findings, [""; 0]);
}

#[tokio::test]
async fn a_clock_far_behind_revokes_the_keys_that_run_out_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).await;
    let sled = Sled::open(folder.path(), at(START + MINUTE * 31).1).await.unwrap();
    let expires = create_key_until(&sled, "expires", Some(START + MINUTE * 60 * 24)).await;
    let stays = create_key(&sled, "stays").await;
    sled.close().await.unwrap();
    drop(sled);
    let sled = Sled::open(folder.path(), at(START + MINUTE * 10).1).await.unwrap();
    let KeyVerdict::Revoked(ended) = key_verdict(&sled, expires).await else { panic!("trusted") };
    assert_eq!((ended.by, ended.reason), (Actor::System, Reason::Safety));
    assert_eq!(key_verdict(&sled, stays).await, KeyVerdict::Live);
    sled.close().await.unwrap();
}

#[tokio::test]
async fn keys_are_in_a_backup_and_a_restore_revokes_them() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    filled(folder.path()).await;
    let (_, environment) = at(START + MINUTE * 31);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    let ids = [create_key(&sled, "one").await, create_key(&sled, "two").await];
    sled.note_key_use(ids[0]).await.unwrap();
    sled.close().await.unwrap();
    drop(sled);
    let compacted = Sled::compact(folder.path(), environment.clone()).await.unwrap();
    assert_eq!((compacted.totals.of("keys"), compacted.totals.of("key-uses")), (2, 1));
    let file = elsewhere.path().join("backup");
    let totals = Sled::back_up(folder.path(), environment.clone(), &file, false).await.unwrap();
    assert_eq!((totals.of("keys"), totals.of("key-uses")), (2, 1));
    let target = elsewhere.path().join("data");
    let restored = Sled::restore(&target, environment.clone(), &file, false).await.unwrap();
    assert_eq!(restored.keys, 2);
    let sled = Sled::open(&target, environment.clone()).await.unwrap();
    for id in ids {
        let KeyVerdict::Revoked(ended) = key_verdict(&sled, id).await else { panic!("trusted") };
        assert_eq!((ended.by, ended.reason), (Actor::Operator, Reason::Safety));
    }
    sled.close().await.unwrap();
    drop(sled);
    assert_eq!(Sled::check(&target, environment.clone()).await.unwrap().findings, [""; 0]);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    assert_eq!(key_verdict(&sled, ids[0]).await, KeyVerdict::Live, "compacting revokes nothing");
}
