//! A store with very many sessions in it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use rocket::futures::future::join_all;
use sessiond::domain::client::{Client, Device};
use sessiond::domain::clock::{Clock, ManualClock, OsEntropy};
use sessiond::domain::ending::Actor;
use sessiond::domain::epoch::{Epoch, Epochs};
use sessiond::domain::id::UserId;
use sessiond::domain::lifetime::{Kind, Limits};
use sessiond::domain::password::PasswordHash;
use sessiond::domain::safeguards::Safeguards;
use sessiond::domain::session::{Door, Session, Start};
use sessiond::domain::timestamp::Timestamp;
use sessiond::domain::user::{Profile, User};
use sessiond::store::sled::Sled;
use sessiond::store::{Created, Environment, Sessions, Users};

/// Changes that wait at once while a database is filled.
pub const AT_ONCE: usize = 512;

pub struct Crowd {
    pub folder: tempfile::TempDir,
    pub store: Arc<Sled>,
    pub clock: Arc<ManualClock>,
    pub environment: Environment,
}

impl Crowd {
    pub async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { sessions_per_user: u32::MAX, ..Limits::default() };
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_767_323_045_678)));
        let environment = Environment { clock: clock.clone(), entropy: Arc::new(OsEntropy), limits };
        let store = Arc::new(Sled::open(folder.path(), environment.clone()).await.unwrap());
        Self { folder, store, clock, environment }
    }

    fn person(&self, name: &str) -> User {
        User {
            id: UserId::new(&OsEntropy),
            email: format!("{name}@example.com").parse().unwrap(),
            name: name.parse().unwrap(),
            password: PasswordHash::from_phc(String::new()),
            labels: BTreeSet::new(),
            epoch: Epoch::draw(&OsEntropy),
            created: self.clock.now(),
            blocked: false,
            safeguards: Safeguards::default(),
            profile: Profile::default(),
        }
    }

    pub async fn user(&self, name: &str) -> User {
        let user = self.person(name);
        self.store.create_user(user.clone(), false, Actor::Operator, None).await.unwrap();
        user
    }

    /// `user0`, `user1` and so on.
    pub async fn users(&self, count: u32) -> Vec<User> {
        let users: Vec<User> = (0..count).map(|number| self.person(&format!("user{number}"))).collect();
        for chunk in users.chunks(AT_ONCE) {
            let created = chunk.iter().map(|user| self.store.create_user(user.clone(), false, Actor::Operator, None));
            join_all(created).await.into_iter().for_each(|created| assert!(created.is_ok()));
        }
        users
    }

    pub async fn session(&self, user: &User, number: u32) -> Session {
        let [_, b, c, d] = number.to_be_bytes();
        let (browser, system) =
            [("Firefox", "Windows"), ("Chrome", "Windows"), ("Safari", "macOS"), ("Chrome", "Android")]
                [number as usize % 4];
        // One in a hundred thousand is something else, and the first is.
        let (browser, system) = if number.is_multiple_of(100_000) { ("curl", "Plan 9") } else { (browser, system) };
        let device = Device { browser: Some(browser.to_owned()), system: Some(system.to_owned()) };
        let agent = format!("Mozilla/5.0 ({system}) Gecko/20100101 {browser}/{}.0", number % 50);
        let start = Start {
            user: user.id.clone(),
            epochs: Epochs { user: user.epoch, server: self.store.server_epoch().await.unwrap() },
            at: self.clock.now(),
            kind: Kind::Standard,
            lifetime: self.environment.limits.of(Kind::Standard),
            door: Door::Pages,
            client: Client { address: Some(IpAddr::V4(Ipv4Addr::new(10, b, c, d))), agent, device },
            device: None,
            name: None,
        };
        let (session, _) = Session::start(start, &OsEntropy);
        let created = self.store.create(session.clone(), None).await.unwrap();
        assert!(matches!(created, Created::Done { .. }));
        session
    }

    /// So many sessions, each of the next user, eight in a millisecond; when each was created.
    pub async fn sessions(&self, users: &[&User], count: u32) -> Vec<Session> {
        let mut all = Vec::new();
        let numbers: Vec<u32> = (0..count).collect();
        for chunk in numbers.chunks(AT_ONCE) {
            let signing_in = chunk.iter().map(|number| async move {
                if number % 8 == 0 {
                    self.clock.advance(Duration::from_millis(1));
                }
                self.session(users[*number as usize % users.len()], *number).await
            });
            all.extend(join_all(signing_in).await);
        }
        all
    }
}
