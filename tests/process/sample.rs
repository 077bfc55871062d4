//! A database of the first version, kept in `tests/data/v1` for what later versions must still read.
//!
//! It was made by [`make`] (`SESSIOND_SAMPLE=DIR cargo test --test tests sample_can_be_made`), and is left without the
//! journal, whose files are large and mostly empty. A missing journal ends everyone's sessions by design, so what the sample
//! shows is that it opens, lists, and lets its users sign in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use sessiond::domain::client::Client as Device;
use sessiond::domain::clock::{Clock, Entropy, ManualClock};
use sessiond::domain::ending::{Actor, Ending, Note, Reason};
use sessiond::domain::epoch::{Epoch, Epochs};
use sessiond::domain::lifetime::{Kind, Limits};
use sessiond::domain::password::PasswordHash;
use sessiond::domain::safeguards::Safeguards;
use sessiond::domain::session::{Door, Session, Start};
use sessiond::domain::timestamp::Timestamp;
use sessiond::domain::user::{Label, Profile, User};
use sessiond::store::sled::Sled;
use sessiond::store::{Created, End, EndUser, Environment, Sessions, Store, Users};
use tempfile::TempDir;

use super::damage::copy_folder;
use super::{Client, EMAIL, PASSWORD, Program};

const START: Timestamp = Timestamp::from_millis(1_767_323_045_678);
/// The most bytes that a sample may have.
const LARGEST: u64 = 200_000;
/// Of [`PASSWORD`], as cheap as the tests' own.
const HASH: &str = "$argon2id$v=19$m=64,t=1,p=1$LyrelGB19h3YzN1ZZGB6Jg$4tGRne3IGdPA9ubjAkiI3uh6hkDoAUSHjB5wfUAvpHM";

/// The same bytes every time, and no two draws alike.
struct Counted(AtomicU8);

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

/// Fills `folder` with an administrator who has a live and an ended session, and a user all of whose sessions were ended.
/// Answers the three credentials.
async fn make(folder: &Path) -> [String; 3] {
    let clock = Arc::new(ManualClock::new(START));
    let entropy = Arc::new(Counted(AtomicU8::new(1)));
    let environment = Environment { clock: clock.clone(), entropy: entropy.clone(), limits: Limits::default() };
    let sled = Sled::open(folder, environment.clone()).await.unwrap();
    let mut users = Vec::new();
    for (id, email, labels) in
        [("ada", EMAIL, BTreeSet::from([Label::admin()])), ("bo", "bo@example.com", BTreeSet::new())]
    {
        let user = User {
            id: id.parse().unwrap(),
            email: email.parse().unwrap(),
            name: id.parse().unwrap(),
            password: PasswordHash::from_phc(HASH.to_owned()),
            labels,
            epoch: Epoch::draw(&*entropy),
            created: START,
            blocked: false,
            safeguards: Safeguards::default(),
            profile: Profile::default(),
        };
        sled.create_user(user.clone(), false, Actor::Operator, None).await.unwrap();
        users.push(user);
    }
    let server = sled.server_epoch().await.unwrap();
    let mut made = Vec::new();
    for user in [&users[0], &users[0], &users[1]] {
        clock.advance(Duration::from_secs(1));
        let start = Start {
            user: user.id.clone(),
            epochs: Epochs { user: user.epoch, server },
            at: clock.now(),
            kind: Kind::Persistent,
            lifetime: environment.limits.persistent,
            door: Door::Pages,
            client: Device::new(Some([192, 0, 2, 7].into()), "curl/8"),
            device: None,
            name: None,
        };
        let (session, credential) = Session::start(start, &*entropy);
        assert!(matches!(sled.create(session.clone(), None).await, Ok(Created::Done { .. })));
        made.push((session, credential.expose()));
    }
    clock.advance(Duration::from_hours(1));
    sled.touch(users[0].key(), made[0].0.id()).await.unwrap();
    let revoked = Ending::new(Actor::Operator, Reason::Revoked, None);
    let ending = Ending { note: Note::parse("lost laptop").unwrap(), ..revoked.clone() };
    assert!(matches!(sled.end(users[0].key(), made[1].0.id(), ending).await, Ok(End::Done(_))));
    assert!(matches!(sled.end_user(users[1].key(), None, revoked).await, Ok(EndUser::Done { count: 1, .. })));
    sled.close().await.unwrap();
    let credentials: Vec<_> = made.into_iter().map(|(_, credential)| credential).collect();
    credentials.try_into().unwrap()
}

/// The sample gets older with every day: nothing of it may be swept.
const KEEPING: &str = "{password_hash={memory_kib=64,passes=1},retention=\"36500d\"}";

/// The sample as a data folder.
fn unpacked() -> TempDir {
    let data = TempDir::new().unwrap();
    copy_folder(&stored(), data.path());
    data
}

fn stored() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/v1")
}

#[track_caller]
fn signs_in_and_accepts_nothing_old(data: &Path, credentials: &[String]) {
    let server = Program::serve(data).env("ROCKET_SESSIOND", KEEPING).listen();
    for credential in credentials {
        assert!(!Client::holding(server.address, credential).get("/account").is_signed_in());
    }
    for email in [EMAIL, "bo@example.com"] {
        assert!(server.client().sign_in(email, PASSWORD).get("/account").is_signed_in());
    }
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_database_of_the_first_version_opens_and_lists_and_its_users_sign_in() {
    let data = unpacked();
    let credentials = fs::read_to_string(data.path().join("credentials")).unwrap();
    let credentials: Vec<_> = credentials.lines().map(str::to_owned).collect();
    assert_eq!(credentials.len(), 3);
    signs_in_and_accepts_nothing_old(data.path(), &credentials);
    let listed = Program::verb(data.path(), ["session", "list", "--status", "ended", "--json"]).run().stdout;
    let ended = listed.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let ended: Vec<_> = ended.filter(|object| object["ended"]["note"] == "lost laptop").collect();
    assert_eq!(ended.len(), 1, "{listed}");
    assert_eq!((&ended[0]["email"], &ended[0]["ended"]["reason"]), (&EMAIL.into(), &"revoked".into()));
    let checked = Program::verb(data.path(), ["check"]).run();
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[test]
fn the_sample_can_be_made_anew_and_is_small() {
    let folder = TempDir::new().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let credentials = runtime.block_on(make(folder.path()));
    if let Some(to) = std::env::var_os("SESSIOND_SAMPLE").map(PathBuf::from) {
        copy_folder(&folder.path().join("db"), &to.join("db"));
        fs::write(to.join("credentials"), credentials.join("\n") + "\n").unwrap();
    }
    let size = |folder: &Path| -> u64 {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap());
        entries.filter(fs::Metadata::is_file).map(|it| it.len()).sum()
    };
    assert!(size(&stored().join("db")) < LARGEST);
    fs::remove_dir_all(folder.path().join("ends")).unwrap();
    signs_in_and_accepts_nothing_old(folder.path(), &credentials);
}
