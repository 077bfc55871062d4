//! A job that ends sessions, killed in the middle: it goes on at the next start.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sessiond::domain::client::Client as Device;
use sessiond::domain::clock::{OsEntropy, SystemClock};
use sessiond::domain::epoch::Epochs;
use sessiond::domain::id::SessionId;
use sessiond::domain::lifetime::{Kind, Limits};
use sessiond::domain::listing::{Filter, Total};
use sessiond::domain::session::{Door, Session, Start, Verdict};
use sessiond::store::sled::Sled;
use sessiond::store::{Created, Environment, Sessions, Store, Users};
use tempfile::TempDir;

use super::keys::created;
use super::{Client, PASSWORD, Program};

/// Those that are to end.
const MEANT: usize = 6_000;
/// Those that are not.
const OTHERS: usize = 200;
const SETTINGS: &str = "{password_hash={memory_kib=64,passes=1},sessions_per_user=1000000}";
const CROWD: &str = "crowd@example.com";

fn environment() -> Environment {
    let limits = Limits { sessions_per_user: 1_000_000, ..Limits::default() };
    Environment { clock: Arc::new(SystemClock::new()), entropy: Arc::new(OsEntropy), limits }
}

/// Does something with the database while no server has it.
fn with<T>(data: &Path, work: impl AsyncFnOnce(Arc<Sled>, Environment) -> T) -> T {
    let runtime = rocket::tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let environment = environment();
        let sled = Arc::new(Sled::open(data, environment.clone()).await.unwrap());
        let answer = work(Arc::clone(&sled), environment).await;
        sled.close().await.unwrap();
        answer
    })
}

/// Signs the crowd in so often, from this address.
async fn sign_in(sled: &Arc<Sled>, environment: &Environment, count: usize, address: [u8; 4]) -> Vec<SessionId> {
    let user = sled.user_by_email(&CROWD.parse().unwrap()).await.unwrap().unwrap();
    let server = sled.server_epoch().await.unwrap();
    let mut running = rocket::tokio::task::JoinSet::new();
    for _ in 0..count {
        let start = Start {
            user: user.id.clone(),
            epochs: Epochs { user: user.epoch, server },
            at: environment.clock.now(),
            kind: Kind::Standard,
            lifetime: environment.limits.standard,
            door: Door::Pages,
            client: Device::new(Some(address.into()), ""),
            device: None,
            name: None,
        };
        let (session, sled) = (Session::start(start, &OsEntropy).0, Arc::clone(sled));
        running.spawn(async move {
            assert_eq!(sled.create(session.clone(), None).await.unwrap(), Created::Done { displaced: vec![] });
            session.id()
        });
    }
    running.join_all().await
}

async fn live(sled: &Sled, network: &str) -> usize {
    let filter = Filter { network: network.parse().ok(), ..Filter::default() };
    let mut query = sessiond::domain::listing::Query { rows: 100, ..sessiond::domain::listing::Query::first(filter) };
    let mut count = 0;
    loop {
        let page = sled.page(&query).await.unwrap();
        count += page.rows.iter().filter(|(_, verdict)| *verdict == Verdict::Live).count();
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return count,
        }
    }
}

fn ask(address: SocketAddr, key: &str, method: &str, path: &str, body: &Value) -> Value {
    let mut client = Client::new(address);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = client.head(method, path, body.len(), &format!("X-Appwrite-Key: {key}\r\n"));
    let head = head.replace("application/x-www-form-urlencoded", "application/json");
    let mut stream = client.connect().unwrap();
    stream.write_all((head + &body).as_bytes()).unwrap();
    let answer = client.read(&mut stream).unwrap();
    assert!((200..300).contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
fn asvs_7_4_5_a_job_that_was_killed_in_the_middle_goes_on_at_the_next_start() {
    let folder = TempDir::new().unwrap();
    let data = folder.path();
    let words = ["user", "create", "--email", CROWD, "--password-stdin"];
    assert_eq!(Program::verb(data, words).run_typing(PASSWORD).code, Some(0));
    let key = created(data, "sessions.read,sessions.write");
    with(data, async |sled, environment| {
        sign_in(&sled, &environment, MEANT, [192, 0, 2, 7]).await;
        sign_in(&sled, &environment, OTHERS, [198, 51, 100, 7]).await;
    });

    let server = Program::serve(data).env("ROCKET_SESSIOND", SETTINGS).listen();
    let network = json!({ "method": "equal", "attribute": "ip", "values": ["192.0.2.0/24"] }).to_string();
    let mut order = json!({ "queries": [network], "reason": "network lost", "dryRun": true });
    let foreseen = ask(server.address, &key, "DELETE", "/v1/sessions", &order);
    assert_eq!(foreseen["total"], MEANT);
    order["dryRun"] = json!(false);
    let job = ask(server.address, &key, "DELETE", "/v1/sessions", &order);
    let path = format!("/v1/jobs/{}", job["$id"].as_str().unwrap());
    loop {
        let job = ask(server.address, &key, "GET", &path, &Value::Null);
        assert_eq!(job["status"], "running", "it is done too early to be killed: {job}");
        if job["ended"].as_u64().unwrap() > 0 {
            break;
        }
    }
    server.kill();

    let (left, late) = with(data, async |sled, environment| {
        let left = live(&sled, "192.0.2.0/24").await;
        (left, sign_in(&sled, &environment, 1, [192, 0, 2, 8]).await.remove(0))
    });
    assert!(left > 0 && left < MEANT, "{left} were left: the kill was not in the middle");
    let server = Program::serve(data).env("ROCKET_SESSIOND", SETTINGS).listen();
    let done = loop {
        let job = ask(server.address, &key, "GET", &path, &Value::Null);
        if job["status"] != "running" {
            break job;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!((&done["status"], &done["ended"]), (&json!("done"), &json!(MEANT)), "{done}");
    let found = ask(server.address, &key, "GET", &format!("/v1/sessions/{late}"), &Value::Null);
    assert_eq!(found["ip"], "192.0.2.8", "it was created after the job was accepted");
    server.kill();
    with(data, async |sled, _| {
        assert_eq!((live(&sled, "192.0.2.7/32").await, live(&sled, "198.51.100.0/24").await), (0, OTHERS));
        assert_eq!(sled.total(&Filter::default()).await.unwrap(), Total::Exactly(OTHERS as u64 + 1));
    });
    let _ = writeln!(std::io::stderr(), "job: killed with {left} of {MEANT} sessions left, and done after the restart");
}
