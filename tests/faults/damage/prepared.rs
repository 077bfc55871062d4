//! The data folder that is damaged: sessions that live, that ran out, and that were ended in every way.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rocket::futures::future::join_all;
use sessiond::domain::client::Client;
use sessiond::domain::clock::{Clock, ManualClock, OsEntropy, SystemClock};
use sessiond::domain::ending::{Actor, Ending, Reason};
use sessiond::domain::epoch::{Epoch, Epochs};
use sessiond::domain::lifetime::{Kind, Limits};
use sessiond::domain::password::PasswordHash;
use sessiond::domain::safeguards::Safeguards;
use sessiond::domain::session::{Door, Session, Start};
use sessiond::domain::user::{Profile, User};
use sessiond::store::sled::Sled;
use sessiond::store::{Created, End, EndUser, Environment, Sessions, Store, Users};
use tempfile::TempDir;

use super::Dice;
use crate::process::{Program, copy_folder};

/// Beside those that are asked for: enough for several of the database's segments.
const CROWD: usize = 1_500;

/// See the module. Each state is a folder.
pub struct Prepared {
    home: TempDir,
    older: PathBuf,
    pub live: Vec<String>,
    /// Answered as ended, or told that they ran out.
    pub past: Vec<String>,
}

struct Maker {
    sled: Sled,
    clock: Arc<ManualClock>,
    environment: Environment,
}

type Made = (Session, String);

impl Maker {
    async fn open(folder: &Path, clock: Arc<ManualClock>) -> Self {
        let limits = Limits { sessions_per_user: 1_000_000, ..Limits::default() };
        let environment = Environment { clock: clock.clone(), entropy: Arc::new(OsEntropy), limits };
        Self { sled: Sled::open(folder, environment.clone()).await.unwrap(), clock, environment }
    }

    async fn user(&self, id: &str) -> User {
        let user = User {
            id: id.parse().unwrap(),
            email: format!("{id}@example.com").parse().unwrap(),
            name: id.parse().unwrap(),
            password: PasswordHash::from_phc(String::new()),
            labels: BTreeSet::new(),
            epoch: Epoch::draw(&OsEntropy),
            created: self.clock.now(),
            blocked: false,
            safeguards: Safeguards::default(),
            profile: Profile::default(),
        };
        self.sled.create_user(user.clone(), false, Actor::Operator, None).await.unwrap();
        user
    }

    async fn sign_in(&self, user: &User, kind: Kind) -> Made {
        let user = self.sled.user(user.key()).await.unwrap().unwrap();
        let start = Start {
            user: user.id.clone(),
            epochs: Epochs { user: user.epoch, server: self.sled.server_epoch().await.unwrap() },
            at: self.clock.now(),
            kind,
            lifetime: self.environment.limits.of(kind),
            door: Door::Pages,
            client: Client::new(None, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            device: None,
            name: None,
        };
        let (session, credential) = Session::start(start, &OsEntropy);
        let created = self.sled.create(session.clone(), None).await.unwrap();
        assert!(matches!(created, Created::Done { .. }), "{created:?}");
        (session, credential.expose())
    }

    async fn several(&self, user: &User, kind: Kind, count: usize) -> Vec<Made> {
        let mut made = Vec::new();
        for _ in 0..count {
            made.push(self.sign_in(user, kind).await);
        }
        made
    }

    /// Many at once, so that they share their syncs.
    async fn crowd(&self, user: &User, count: usize) {
        for _ in 0..count / 100 {
            let signed_in: Vec<_> = (0..100).map(|_| self.sign_in(user, Kind::Persistent)).collect();
            join_all(signed_in).await;
        }
    }
}

fn revoked() -> Ending {
    Ending::new(Actor::Operator, Reason::Revoked, None)
}

impl Prepared {
    pub fn new() -> Self {
        let home = TempDir::new().unwrap();
        let runtime = rocket::tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(Self::make(home))
    }

    async fn make(home: TempDir) -> Self {
        let state = |name: &str| home.path().join(name);
        let data = state("closed");
        let clock = Arc::new(ManualClock::new(SystemClock::new().now() - Duration::from_hours(3)));
        let (mut live, mut past) = (Vec::new(), Vec::new());

        let maker = Maker::open(&data, clock.clone()).await;
        let (ada, bo, cleo, dan) =
            (maker.user("ada").await, maker.user("bo").await, maker.user("cleo").await, maker.user("dan").await);
        past.extend(maker.several(&ada, Kind::Persistent, 2).await);
        assert_eq!(maker.sled.end_everyone(revoked()).await.unwrap().count, 2);
        let ran_out = maker.several(&dan, Kind::Standard, 3).await;
        past.extend(ran_out.iter().cloned());
        clock.advance(Duration::from_hours(2));
        for (session, _) in &ran_out[..2] {
            let told = maker.sled.end(session.user_key(), session.id(), revoked()).await.unwrap();
            assert!(matches!(told, End::AlreadyEnded(_)));
        }
        maker.crowd(&cleo, CROWD / 2).await;
        let early = maker.several(&ada, Kind::Persistent, 6).await;
        live.extend(maker.several(&ada, Kind::Persistent, 3).await);
        let bos = maker.several(&bo, Kind::Persistent, 5).await;
        maker.sled.close().await.unwrap();
        drop(maker);
        copy_folder(&data, &state("older"));

        clock.advance(Duration::from_mins(20));
        let maker = Maker::open(&data, clock.clone()).await;
        let early_ends: Vec<_> =
            early.iter().map(|(one, _)| maker.sled.end(one.user_key(), one.id(), revoked())).collect();
        for end in join_all(early_ends).await {
            assert!(matches!(end, Ok(End::Done(_))));
        }
        past.extend(early);
        maker.crowd(&cleo, CROWD / 2).await;
        let ended = maker.sled.end_user(bo.key(), None, revoked()).await.unwrap();
        assert!(matches!(ended, EndUser::Done { count: 5, .. }), "{ended:?}");
        past.extend(bos);
        let mut dans = maker.several(&dan, Kind::Persistent, 4).await;
        let kept = dans.pop().unwrap();
        let ended = maker.sled.end_user(dan.key(), Some(kept.0.id()), revoked()).await.unwrap();
        assert!(matches!(ended, EndUser::Done { count: 3, .. }), "{ended:?}");
        past.extend(dans);
        live.push(kept);
        let replaced = maker.several(&ada, Kind::Persistent, 3).await;
        for (one, _) in &replaced {
            assert!(matches!(maker.sled.end(one.user_key(), one.id(), revoked()).await, Ok(End::Done(_))));
        }
        past.extend(replaced);
        live.extend(maker.several(&bo, Kind::Persistent, 3).await);
        maker.sled.reap(256).await.unwrap();
        // As a kill would leave it: everything was answered.
        copy_folder(&data, &state("killed"));
        maker.sled.close().await.unwrap();
        drop(maker);
        copy_folder(&data, &state("doubted"));
        std::fs::write(state("doubted").join("doubt"), "the journal of endings was damaged").unwrap();
        // The server's keys, as a first start makes them.
        let first = state("first");
        std::fs::create_dir(&first).unwrap();
        assert_eq!(Program::serve(&first).listen().stop().code, Some(0));
        for name in ["closed", "killed", "doubted", "older"] {
            std::fs::copy(first.join("keys"), state(name).join("keys")).unwrap();
        }
        let credentials = |made: Vec<Made>| made.into_iter().map(|(_, credential)| credential).collect();
        Self { live: credentials(live), past: credentials(past), older: state("older"), home }
    }

    /// One of the states: closed properly, killed, and now and then with a doubt noted.
    pub fn state(&self, dice: &Dice) -> PathBuf {
        self.home.path().join(["closed", "killed", "closed", "killed", "closed", "killed", "doubted"][dice.below(7)])
    }

    /// What the folder was before the last changes.
    pub fn older(&self) -> &Path {
        &self.older
    }
}
