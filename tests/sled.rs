//! What the sled backend alone has to get right: opening.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sessiond::domain::client::Client;
use sessiond::domain::clock::{Clock, ManualClock, OsEntropy};
use sessiond::domain::ending::{Actor, Reason};
use sessiond::domain::epoch::{Epoch, Epochs};
use sessiond::domain::lifetime::{Kind, Limits};
use sessiond::domain::password::PasswordHash;
use sessiond::domain::session::{Door, Session, Start, Verdict};
use sessiond::domain::timestamp::Timestamp;
use sessiond::domain::user::User;
use sessiond::store::sled::{OpenError, Sled};
use sessiond::store::{Created, Environment, Sessions, Store, Users};

const MINUTE: Duration = Duration::from_mins(1);
const START: Timestamp = Timestamp::from_millis(1_767_323_045_678);

fn at(time: Timestamp) -> (Arc<ManualClock>, Environment) {
    let clock = Arc::new(ManualClock::new(time));
    (clock.clone(), Environment { clock, entropy: Arc::new(OsEntropy), limits: Limits::default() })
}

/// A database in `folder` with one session, last seen half an hour after the last event.
async fn filled(folder: &Path) -> Session {
    let (clock, environment) = at(START);
    let sled = Sled::open(folder, environment.clone()).await.unwrap();
    let user = User {
        id: "ada".parse().unwrap(),
        email: "ada@example.com".parse().unwrap(),
        name: "Ada".parse().unwrap(),
        password: PasswordHash::from_phc(String::new()),
        labels: BTreeSet::new(),
        epoch: Epoch::draw(&OsEntropy),
        created: START,
    };
    sled.create_user(user.clone(), false, Actor::Operator, None).await.unwrap();
    let start = Start {
        user: user.id,
        epochs: Epochs { user: user.epoch, server: sled.server_epoch().await.unwrap() },
        at: clock.now(),
        kind: Kind::Standard,
        lifetime: environment.limits.standard,
        door: Door::Pages,
        client: Client::new(None, ""),
    };
    let (session, _) = Session::start(start, &OsEntropy);
    assert_eq!(sled.create(session.clone(), None).await.unwrap(), Created::Done { displaced: vec![] });
    clock.advance(MINUTE * 30);
    sled.touch(session.user_key(), session.id()).await.unwrap();
    sled.close().await.unwrap();
    session
}

async fn verdict(sled: &Sled, session: &Session, now: Timestamp) -> Verdict {
    let standing = sled.session(session.user_key(), session.id()).await.unwrap().unwrap();
    standing.verdict(now, &Limits::default())
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
    let unfinished = folder.path().join("snap.0000000000000001.generating");
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
    std::fs::write(folder.path().join(name), b"torn").unwrap();
    let (clock, environment) = at(START + MINUTE * 31);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    assert_eq!(verdict(&sled, &session, clock.now()).await, Verdict::Live);
    assert!(folder.path().join("quarantine").join(name).exists());
}
