//! What the sled backend alone has to get right: opening.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sessiond::domain::audit::{Action, Draft, Outcome};
use sessiond::domain::change::{Asked, NewPassword, UserChange};
use sessiond::domain::client::Client;
use sessiond::domain::clock::{Clock, ManualClock, OsEntropy};
use sessiond::domain::ending::{Actor, Ending, Reason};
use sessiond::domain::epoch::{Epoch, Epochs};
use sessiond::domain::id::{KeyId, SessionId};
use sessiond::domain::key::{ApiKey, KeyCredential, KeyParticulars, KeyVerdict};
use sessiond::domain::lifetime::{Kind, Limits};
use sessiond::domain::listing::{Total, UserFilter};
use sessiond::domain::password::PasswordHash;
use sessiond::domain::safeguards::Safeguards;
use sessiond::domain::session::{Door, Session, Start, Verdict};
use sessiond::domain::timestamp::Timestamp;
use sessiond::domain::user::{Email, User};
use sessiond::store::sled::{OpenError, Sled};
use sessiond::store::{
    Audit, Created, End, EndUser, Environment, KeyCreated, KeyRevoked, Keys, Sessions, Store, UserChanged, UserCreated,
    UserDeleted, Users,
};

const MINUTE: Duration = Duration::from_mins(1);
const START: Timestamp = Timestamp::from_millis(1_767_323_045_678);

fn at(time: Timestamp) -> (Arc<ManualClock>, Environment) {
    let clock = Arc::new(ManualClock::new(time));
    (clock.clone(), Environment { clock, entropy: Arc::new(OsEntropy), limits: Limits::default() })
}

async fn sign_in(sled: &Sled, user: &User, at: Timestamp, environment: &Environment) -> Session {
    let start = Start {
        user: user.id.clone(),
        epochs: Epochs { user: user.epoch, server: sled.server_epoch().await.unwrap() },
        at,
        kind: Kind::Standard,
        lifetime: environment.limits.standard,
        door: Door::Pages,
        client: Client::new(None, ""),
        device: None,
        name: None,
    };
    let (session, _) = Session::start(start, &OsEntropy);
    assert_eq!(sled.create(session.clone(), None).await.unwrap(), Created::Done { displaced: vec![] });
    session
}

fn ada(email: &Email, epoch: Epoch) -> User {
    User {
        id: "ada".parse().unwrap(),
        email: email.clone(),
        name: "Ada".parse().unwrap(),
        password: PasswordHash::from_phc(String::new()),
        labels: BTreeSet::new(),
        epoch,
        created: START,
        blocked: false,
        safeguards: Safeguards::default(),
    }
}

/// A database in `folder` with one session, last seen half an hour after the last event.
async fn filled(folder: &Path) -> Session {
    let (clock, environment) = at(START);
    let sled = Sled::open(folder, environment.clone()).await.unwrap();
    let user = ada(&"ada@example.com".parse().unwrap(), Epoch::draw(&OsEntropy));
    sled.create_user(user.clone(), false, Actor::Operator, None).await.unwrap();
    let session = sign_in(&sled, &user, clock.now(), &environment).await;
    clock.advance(MINUTE * 30);
    sled.touch(session.user_key(), session.id()).await.unwrap();
    sled.close().await.unwrap();
    session
}

async fn verdict(sled: &Sled, session: &Session, now: Timestamp) -> Verdict {
    let standing = sled.session(session.user_key(), session.id()).await.unwrap().unwrap();
    standing.verdict(now, &Limits::default())
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            let _ = std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Ends things in a store whose database is set back to what it was before, as if it had lost all of it.
async fn forgotten(endings: impl AsyncFnOnce(&Sled, &Session)) -> (tempfile::TempDir, Session) {
    let (folder, aside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let session = filled(folder.path()).await;
    copy(&folder.path().join("db"), aside.path());
    let sled = Sled::open(folder.path(), at(START + MINUTE * 31).1).await.unwrap();
    endings(&sled, &session).await;
    sled.close().await.unwrap();
    drop(sled);
    std::fs::remove_dir_all(folder.path().join("db")).unwrap();
    copy(aside.path(), &folder.path().join("db"));
    (folder, session)
}

async fn reopened(folder: &Path, session: &Session) -> Verdict {
    let (clock, environment) = at(START + MINUTE * 32);
    let sled = Sled::open(folder, environment).await.unwrap();
    verdict(&sled, session, clock.now()).await
}

fn revoked() -> Ending {
    Ending::new(Actor::Operator, Reason::Revoked, None)
}

#[tokio::test]
async fn an_ending_that_the_database_forgot_is_put_back_with_its_story() {
    let (folder, session) = forgotten(async |sled, session| {
        assert!(matches!(sled.end(session.user_key(), session.id(), revoked()).await, Ok(End::Done(_))));
    })
    .await;
    let Verdict::Ended(ended) = reopened(folder.path(), &session).await else { panic!("resurrected") };
    assert_eq!((ended.by, ended.reason), (Actor::Operator, Reason::Revoked));
}

#[tokio::test]
async fn the_end_of_all_of_a_users_sessions_that_the_database_forgot_is_put_back() {
    let (folder, session) = forgotten(async |sled, session| {
        assert!(matches!(sled.end_user(session.user_key(), None, revoked()).await, Ok(EndUser::Done { count: 1, .. })));
    })
    .await;
    let Verdict::Ended(ended) = reopened(folder.path(), &session).await else { panic!("resurrected") };
    assert_eq!(ended.reason, Reason::Revoked);
}

#[tokio::test]
async fn all_others_that_the_database_forgot_keeps_the_kept_one() {
    let (folder, session) = forgotten(async |sled, session| {
        let keep = Some(session.id());
        assert!(matches!(sled.end_user(session.user_key(), keep, revoked()).await, Ok(EndUser::Done { count: 0, .. })));
    })
    .await;
    assert_eq!(reopened(folder.path(), &session).await, Verdict::Live);
}

#[tokio::test]
async fn the_end_of_everyones_sessions_that_the_database_forgot_is_put_back() {
    let (folder, session) =
        forgotten(async |sled, _| assert_eq!(sled.end_everyone(revoked()).await.unwrap().count, 1)).await;
    let Verdict::Ended(ended) = reopened(folder.path(), &session).await else { panic!("resurrected") };
    assert_eq!(ended.by, Actor::Operator);
}

#[tokio::test]
async fn a_block_that_the_database_forgot_is_put_back_and_undoes_no_later_unblocking() {
    let change = async |sled: &Sled, session: &Session, change: UserChange| {
        let ending = Ending::new(Actor::Operator, change.reason(), None);
        sled.change_user(session.user_key(), change, ending).await.unwrap()
    };
    let (folder, session) = forgotten(async |sled, session| {
        assert!(matches!(change(sled, session, UserChange::Block).await, UserChanged::Done { .. }));
    })
    .await;
    let (clock, environment) = at(START + MINUTE * 32);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    let Verdict::Ended(ended) = verdict(&sled, &session, clock.now()).await else { panic!("resurrected") };
    assert_eq!(ended.reason, Reason::Blocked);
    assert!(sled.user(session.user_key()).await.unwrap().unwrap().blocked);
    change(&sled, &session, UserChange::Unblock).await;
    sled.close().await.unwrap();
    drop(sled);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    assert!(!sled.user(session.user_key()).await.unwrap().unwrap().blocked);
    assert!(matches!(verdict(&sled, &session, clock.now()).await, Verdict::Ended(_)));
}

#[tokio::test]
async fn asvs_7_4_3_a_new_password_that_the_database_forgot_is_put_back_with_the_new_session() {
    let hash = || PasswordHash::from_phc("new".to_owned());
    let successor = Arc::new(std::sync::OnceLock::new());
    let (folder, session) = forgotten(async |sled, session| {
        let user = sled.user(session.user_key()).await.unwrap().unwrap();
        let start = Start {
            user: user.id.clone(),
            epochs: session.epochs(),
            at: START + MINUTE * 31,
            kind: Kind::Standard,
            lifetime: Limits::default().standard,
            door: Door::Pages,
            client: Client::new(None, ""),
            device: None,
            name: None,
        };
        let (next, _) = Session::start(start, &OsEntropy);
        let asked = Some(Asked { verified: user.password, session: session.id(), successor: next.clone() });
        let change = UserChange::Password(Box::new(NewPassword { hash: hash(), asked }));
        let ending = Ending::new(Actor::User(user.id), change.reason(), None);
        let changed = sled.change_user(session.user_key(), change, ending).await.unwrap();
        assert!(matches!(changed, UserChanged::Done { ended: 1, .. }), "{changed:?}");
        successor.set(next).unwrap();
    })
    .await;
    let successor = successor.get().unwrap();
    let (clock, environment) = at(START + MINUTE * 32);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    let Verdict::Ended(ended) = verdict(&sled, &session, clock.now()).await else { panic!("resurrected") };
    assert_eq!(ended.reason, Reason::PasswordChanged);
    assert_eq!(verdict(&sled, successor, clock.now()).await, Verdict::Live);
    let user = sled.user(session.user_key()).await.unwrap().unwrap();
    assert_eq!(user.password, hash());

    // Replaying it once more undoes nothing that came later.
    let change = UserChange::Rehash { verified: hash(), fresh: PasswordHash::from_phc("dearer".to_owned()) };
    let ending = Ending::new(Actor::System, change.reason(), None);
    assert!(matches!(sled.change_user(user.key(), change, ending).await, Ok(UserChanged::Done { ended: 0, .. })));
    assert!(matches!(sled.end(user.key(), successor.id(), revoked()).await, Ok(End::Done(_))));
    sled.close().await.unwrap();
    drop(sled);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    assert_eq!(sled.user(user.key()).await.unwrap().unwrap().password.as_phc(), "dearer");
    assert!(matches!(verdict(&sled, successor, clock.now()).await, Verdict::Ended(_)));
}

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

#[tokio::test]
async fn a_second_opening_is_refused_and_touches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let session = filled(folder.path()).await;
    let (clock, environment) = at(START + MINUTE * 31);
    let first = Sled::open(folder.path(), environment.clone()).await.unwrap();
    let unfinished = folder.path().join("db/snap.0000000000000001.generating");
    std::fs::write(&unfinished, b"somebody is writing this").unwrap();

    let second = Sled::open(folder.path(), environment).await;
    assert!(matches!(second, Err(OpenError::Locked(_))));
    assert!(unfinished.exists(), "the files of whoever holds the database stay where they are");
    assert_eq!(verdict(&first, &session, clock.now()).await, Verdict::Live);
}

#[tokio::test]
async fn unfinished_snapshots_are_put_aside_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let session = filled(folder.path()).await;
    let name = "snap.0000000000000001.generating";
    std::fs::write(folder.path().join("db").join(name), b"torn").unwrap();
    let (clock, environment) = at(START + MINUTE * 31);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    assert_eq!(verdict(&sled, &session, clock.now()).await, Verdict::Live);
    assert!(folder.path().join("db/quarantine").join(name).exists());
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

#[tokio::test]
async fn a_first_start_that_was_cut_short_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("ends")).unwrap();
    std::fs::write(folder.path().join("ends/ends.0"), vec![0; 4096]).unwrap();
    let session = filled(folder.path()).await;
    assert_eq!(reopened(folder.path(), &session).await, Verdict::Live);
}

/// Whoever's sessions end by it is told so, and the log says why.
#[tokio::test]
async fn a_database_that_lost_the_servers_epoch_ends_everyones_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let session = filled(folder.path()).await;
    let db = ::sled::open(folder.path().join("db")).unwrap();
    db.open_tree("meta").unwrap().remove("epoch").unwrap();
    db.flush().unwrap();
    drop(db);
    let Verdict::Ended(ended) = reopened(folder.path(), &session).await else { panic!("trusted") };
    assert_eq!(ended.reason, Reason::Safety);
    let (_, environment) = at(START + MINUTE * 33);
    let events = Sled::open(folder.path(), environment).await.unwrap().events(None, 1).await.unwrap();
    assert_eq!(events[0].draft.action, Action::EndEveryonesSessions);
}

/// Endings come back with their numbers; what stood between them does not.
#[tokio::test]
async fn events_that_are_lost_leave_a_mark_and_no_gap() {
    let (folder, session) = forgotten(async |sled, session| {
        sled.record(Draft::new(Actor::System, Action::Start, Outcome::Success)).await.unwrap();
        sled.end(session.user_key(), session.id(), revoked()).await.unwrap();
        sled.record(Draft::new(Actor::System, Action::Start, Outcome::Success)).await.unwrap();
    })
    .await;
    assert!(matches!(reopened(folder.path(), &session).await, Verdict::Ended(_)));
    let (_, environment) = at(START + MINUTE * 33);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    let events = sled.events(None, 100).await.unwrap();
    let numbers: Vec<_> = events.iter().map(|event| event.seq.0).collect();
    assert_eq!(numbers, (1..=6).rev().collect::<Vec<_>>());
    let actions: Vec<_> = events.iter().take(4).map(|event| event.draft.action).collect();
    assert_eq!(actions, [Action::EndEveryonesSessions, Action::Lost, Action::EndSession, Action::Lost]);
    sled.close().await.unwrap();
    drop(sled);
    assert_eq!(Sled::check(folder.path(), environment).await.unwrap().findings, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ran_out_by_a_clock_set_forth_signs_everyone_out_once_and_not_at_every_start() {
    let folder = tempfile::tempdir().unwrap();
    let first = filled(folder.path()).await;
    let (clock, environment) = at(START + MINUTE * 60 * 24);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    let user = sled.user(first.user_key()).await.unwrap().unwrap();
    let ahead = sign_in(&sled, &user, clock.now(), &environment).await;
    clock.advance(MINUTE * 60 * 20);
    let ending = Ending::new(Actor::System, Reason::Revoked, None);
    let told = sled.end(ahead.user_key(), ahead.id(), ending).await.unwrap();
    assert!(matches!(told, End::AlreadyEnded(Verdict::Expired(_))), "{told:?}");
    sled.close().await.unwrap();

    // Set right again: everyone is signed out, and whoever signs in after that stays.
    let (clock, environment) = at(START + MINUTE * 40);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    let later = sign_in(&sled, &user, clock.now(), &environment).await;
    sled.close().await.unwrap();
    let (clock, environment) = at(START + MINUTE * 41);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    assert_eq!(verdict(&sled, &later, clock.now()).await, Verdict::Live);
    sled.close().await.unwrap();
}

#[tokio::test]
async fn asvs_7_4_2_a_deletion_that_the_database_forgot_is_put_back_and_the_id_is_free() {
    let (folder, session) = forgotten(async |sled, session| {
        let ending = Ending::new(Actor::Operator, Reason::Deleted, None);
        let deleted = sled.delete_user(session.user_key(), ending).await.unwrap();
        assert_eq!(deleted, UserDeleted::Done { ended: 1 });
    })
    .await;
    let (clock, environment) = at(START + MINUTE * 32);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    let Verdict::Ended(ended) = verdict(&sled, &session, clock.now()).await else { panic!("resurrected") };
    assert_eq!(ended.reason, Reason::Deleted);
    let email: Email = "ada@example.com".parse().unwrap();
    assert_eq!(sled.user(session.user_key()).await.unwrap(), None);
    assert_eq!(sled.user_by_email(&email).await.unwrap(), None);
    assert_eq!(sled.count_users(&UserFilter::default()).await.unwrap(), Total::Exactly(0));
    // Replaying it once more takes nothing from whoever has the id next.
    let again = ada(&email, Epoch::draw(&OsEntropy));
    assert_eq!(sled.create_user(again.clone(), false, Actor::Operator, None).await.unwrap(), UserCreated::Done);
    let fresh = sign_in(&sled, &again, clock.now(), &environment).await;
    sled.close().await.unwrap();
    drop(sled);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    assert_eq!(sled.user_by_email(&email).await.unwrap(), Some(again));
    assert_eq!(verdict(&sled, &fresh, clock.now()).await, Verdict::Live);
    assert!(matches!(verdict(&sled, &session, clock.now()).await, Verdict::Ended(_)));
}

#[tokio::test]
async fn an_address_that_the_database_forgot_comes_back_with_the_change_after_it() {
    let new: Email = "countess@example.com".parse().unwrap();
    let (folder, session) = forgotten(async |sled, session| {
        for change in [UserChange::Email("countess@example.com".parse().unwrap()), UserChange::Block] {
            let ending = Ending::new(Actor::Operator, change.reason(), None);
            sled.change_user(session.user_key(), change, ending).await.unwrap();
        }
    })
    .await;
    let (_, environment) = at(START + MINUTE * 32);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    let user = sled.user(session.user_key()).await.unwrap().unwrap();
    assert_eq!((user.email.clone(), user.blocked), (new.clone(), true));
    assert_eq!(sled.user_by_email(&new).await.unwrap(), Some(user), "found by the address that the record says");
    let old: Email = "ada@example.com".parse().unwrap();
    assert_eq!(sled.user_by_email(&old).await.unwrap(), None);
    let other = User { id: "other".parse().unwrap(), ..ada(&old, Epoch::draw(&OsEntropy)) };
    assert_eq!(sled.create_user(other, false, Actor::Operator, None).await.unwrap(), UserCreated::Done);
}

/// A change of address that was never confirmed, since the power went, and a block right after it that the journal has.
#[tokio::test]
async fn a_block_that_is_put_back_brings_no_address_along_that_the_database_has_no_index_of() {
    let new = || "lovelace@example.com".parse::<sessiond::domain::user::Email>().unwrap();
    let (folder, session) = forgotten(async |sled, session| {
        for change in [UserChange::Email(new()), UserChange::Block] {
            let ending = Ending::new(Actor::Operator, change.reason(), None);
            let changed = sled.change_user(session.user_key(), change, ending).await.unwrap();
            assert!(matches!(changed, UserChanged::Done { .. }));
        }
    })
    .await;
    let (_, environment) = at(START + MINUTE * 32);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    let user = sled.user(session.user_key()).await.unwrap().unwrap();
    assert!(user.blocked);
    assert_eq!(sled.user_by_email(&user.email).await.unwrap().as_ref(), Some(&user), "found by the address they have");
    assert_eq!(sled.check_open().await.unwrap().findings, Vec::<String>::new());
}

#[tokio::test]
async fn a_deletion_that_the_database_forgot_is_put_back_whatever_address_it_knows() {
    let new = || "lovelace@example.com".parse::<sessiond::domain::user::Email>().unwrap();
    for moved in [false, true] {
        let (folder, session) = forgotten(async |sled, session| {
            if moved {
                let change = UserChange::Email(new());
                let ending = Ending::new(Actor::Operator, change.reason(), None);
                sled.change_user(session.user_key(), change, ending).await.unwrap();
            }
            let ending = Ending::new(Actor::Operator, Reason::Deleted, None);
            let deleted = sled.delete_user(session.user_key(), ending).await.unwrap();
            assert_eq!(deleted, UserDeleted::Done { ended: 1 });
        })
        .await;
        let (clock, environment) = at(START + MINUTE * 32);
        // Twice: repeating it changes nothing.
        for _ in 0..2 {
            let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
            assert_eq!(sled.user(session.user_key()).await.unwrap(), None);
            for email in [new(), "ada@example.com".parse().unwrap()] {
                assert_eq!(sled.user_by_email(&email).await.unwrap(), None);
            }
            let Verdict::Ended(ended) = verdict(&sled, &session, clock.now()).await else { panic!("resurrected") };
            assert_eq!(ended.reason, Reason::Deleted);
            assert_eq!(sled.check_open().await.unwrap().findings, Vec::<String>::new());
            sled.close().await.unwrap();
        }
    }
}
