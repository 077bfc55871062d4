//! What must not grow with the number of sessions: ending all of a user's, and the administrators' list.
//!
//! `cargo bench --bench scale` prints medians and ratios of one run. Every figure is taken on the sled store in a folder of
//! its own, through the same calls that the pages make.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark measures the machine's time"
)]

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rocket::futures::future::join_all;
use rocket::local::asynchronous::Client;
use sessiond::Service;
use sessiond::domain::client::{Client as Agent, Device};
use sessiond::domain::clock::{OsEntropy, SystemClock};
use sessiond::domain::ending::{Actor, Ending, Reason};
use sessiond::domain::epoch::{Epoch, Epochs};
use sessiond::domain::id::UserId;
use sessiond::domain::lifetime::{Kind, Limits};
use sessiond::domain::password::PasswordHash;
use sessiond::domain::session::{Door, Session, Start, Verdict};
use sessiond::domain::user::{Label, User};
use sessiond::service::hasher::Cost;
use sessiond::store::sled::Sled;
use sessiond::store::{EndUser, Environment, Sessions, Store, Users};

const SIZES: [u32; 3] = [1, 1_000, 100_000];
const ROUNDS: usize = 5;
/// Sign-ins that wait at once while a database is filled.
const AT_ONCE: usize = 512;

struct Bench {
    folder: tempfile::TempDir,
    store: Arc<Sled>,
    environment: Environment,
}

impl Bench {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let limits = Limits { sessions_per_user: u32::MAX, ..Limits::default() };
        let environment = Environment { clock: Arc::new(SystemClock::new()), entropy: Arc::new(OsEntropy), limits };
        let store = Arc::new(Sled::open(folder.path(), environment.clone()).await.unwrap());
        Self { folder, store, environment }
    }

    async fn user(&self, name: &str, labels: BTreeSet<Label>) -> User {
        let user = User {
            id: UserId::new(&OsEntropy),
            email: format!("{name}@example.com").parse().unwrap(),
            name: name.parse().unwrap(),
            password: PasswordHash::from_phc(String::new()),
            labels,
            epoch: Epoch::draw(&OsEntropy),
            created: self.environment.clock.now(),
            blocked: false,
        };
        self.store.create_user(user.clone(), false, Actor::Operator, None).await.unwrap();
        user
    }

    async fn session(&self, user: &User, number: u32) -> (Session, String) {
        let [_, b, c, d] = number.to_be_bytes();
        let device = Device { browser: Some("Firefox".to_owned()), system: Some("Linux".to_owned()) };
        let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0".to_owned();
        let address = Some(IpAddr::V4(Ipv4Addr::new(10, b, c, d)));
        let kind = if user.is_administrator() { Kind::Administrator } else { Kind::Standard };
        let start = Start {
            user: user.id.clone(),
            epochs: Epochs { user: user.epoch, server: self.store.server_epoch().await.unwrap() },
            at: self.environment.clock.now(),
            kind,
            lifetime: self.environment.limits.of(kind),
            door: Door::Pages,
            client: Agent { address, agent, device },
        };
        let (session, credential) = Session::start(start, &OsEntropy);
        self.store.create(session.clone(), None).await.unwrap();
        (session, credential.expose())
    }

    /// So many sessions of one user; the last of them.
    async fn sessions(&self, user: &User, count: u32) -> Session {
        let mut last = None;
        let numbers: Vec<u32> = (0..count).collect();
        for chunk in numbers.chunks(AT_ONCE) {
            last = join_all(chunk.iter().map(|number| self.session(user, *number))).await.pop();
        }
        last.unwrap().0
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn told(what: &str, size: u32, time: Duration, base: Duration) {
    let ratio = time.as_secs_f64() / base.as_secs_f64();
    println!("{what:<44} {size:>9} {:>10.3} ms {ratio:>8.2} x", time.as_secs_f64() * 1e3);
}

/// All sizes are filled first and ended in turn, so that each is measured on the same database and a slow moment of the
/// machine hits all of them.
async fn end_all() {
    let bench = Bench::open().await;
    let mut crowds = Vec::new();
    for round in 0..ROUNDS {
        for size in SIZES {
            let user = bench.user(&format!("user{round}x{size}"), BTreeSet::new()).await;
            let last = bench.sessions(&user, size).await;
            crowds.push((size, user, last));
        }
    }
    // What the filling left to be written in the background is no part of the question.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut times = vec![Vec::new(); SIZES.len()];
    for (number, (size, user, last)) in crowds.into_iter().enumerate() {
        let ending = Ending::new(Actor::Operator, Reason::Revoked, None);
        let start = Instant::now();
        let ended = bench.store.end_user(user.key(), None, ending).await.unwrap();
        times[number % SIZES.len()].push(start.elapsed());
        assert!(matches!(ended, EndUser::Done { count, .. } if count == u64::from(size)));
        let standing = bench.store.session(user.key(), last.id()).await.unwrap().unwrap();
        let now = bench.environment.clock.now();
        assert!(matches!(standing.verdict(now, &bench.environment.limits), Verdict::Ended(_)));
    }
    let base = median(times[0].clone());
    for (times, size) in times.into_iter().zip(SIZES) {
        told("end all of a user's sessions", size, median(times), base);
    }
    bench.store.close().await.unwrap();
}

/// The administrators' list as a page, through the whole application, with this many live sessions in all.
async fn list(size: u32) -> Vec<(&'static str, Duration)> {
    let bench = Bench::open().await;
    let root = bench.user("root", BTreeSet::from([Label::admin()])).await;
    for number in 0..100 {
        let user = bench.user(&format!("user{number}"), BTreeSet::new()).await;
        bench.sessions(&user, size / 100).await;
    }
    let (_, credential) = bench.session(&root, 0).await;
    let cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
    let service = Arc::new(Service::new(bench.store.clone(), bench.environment.clone(), cost).unwrap());
    let figment = sessiond::figment().merge(("sessiond.data", bench.folder.path()));
    let client = Client::untracked(sessiond::build(figment, service).unwrap()).await.unwrap();
    let mut medians = Vec::new();
    for (what, path) in [
        ("the list, first page", "/admin/sessions"),
        ("the list, by user", "/admin/sessions?user=user7@example.com"),
        ("the list, by network", "/admin/sessions?address=10.0.0.0/24"),
        ("the list, by sign-in", "/admin/sessions?order=signed-in"),
    ] {
        let mut times = Vec::new();
        for _ in 0..31 {
            let start = Instant::now();
            let cookie = rocket::http::Header::new("Cookie", format!("sessiond={credential}"));
            let response = client.get(path).header(cookie).dispatch().await;
            assert_eq!(response.status().code, 200);
            let body = response.into_string().await.unwrap();
            times.push(start.elapsed());
            assert!(body.contains("Firefox on Linux"), "{path}");
        }
        medians.push((what, median(times)));
    }
    drop(client);
    bench.store.close().await.unwrap();
    medians
}

#[rocket::main]
async fn main() {
    println!("{:<44} {:>9} {:>13} {:>10}", "", "sessions", "median", "ratio");
    end_all().await;
    let small = list(1_000).await;
    let large = list(100_000).await;
    for ((what, base), (_, time)) in small.into_iter().zip(large) {
        told(what, 1_000, base, base);
        told(what, 100_000, time, base);
    }
}
