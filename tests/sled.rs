//! What the sled backend alone has to get right: opening.

mod doubt;
mod jobs;
mod keys;
mod outbox;
mod people;

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
use sessiond::domain::user::{Email, Profile, User};
use sessiond::store::sled::{OpenError, Sled};
use sessiond::store::{
    Audit, Created, End, EndUser, Environment, KeyCreated, KeyRevoked, Keys, Outbox, Sessions, Store, UserChanged,
    UserCreated, UserDeleted, Users,
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
        profile: Profile::default(),
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

#[tokio::test]
async fn a_session_that_went_on_with_a_new_password_goes_on_where_the_database_forgot_it() {
    let hash = || PasswordHash::from_phc("new".to_owned());
    let (folder, session) = forgotten(async |sled, session| {
        let user = sled.user(session.user_key()).await.unwrap().unwrap();
        let asked = Some(Asked { verified: user.password, session: session.id(), successor: session.clone() });
        let change = UserChange::Password(Box::new(NewPassword { hash: hash(), asked }));
        let ending = Ending::new(Actor::User(user.id), change.reason(), None);
        let changed = sled.change_user(session.user_key(), change, ending).await.unwrap();
        assert!(matches!(changed, UserChanged::Done { ended: 0, .. }), "{changed:?}");
    })
    .await;
    let (clock, environment) = at(START + MINUTE * 32);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    assert_eq!(sled.user(session.user_key()).await.unwrap().unwrap().password, hash());
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
