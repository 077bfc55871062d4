//! What counting costs each request.
//!
//! `cargo bench --bench counting` looks a live session up in memory, again and again: in the bare store, in the store whose calls are
//! timed, and by `Service::resolve`, which counts the verdict as well. The store in memory is the quickest there is, so the
//! share that counting has of a request is nowhere larger. `SESSIOND_ROUNDS` takes another number of rounds than 200,000.
//! With `SESSIOND_ONLY=bare`, `timed` or `resolve` one of them runs alone, for a tool that counts instructions.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark measures the machine's time"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sessiond::Service;
use sessiond::domain::client::Client;
use sessiond::domain::clock::{OsEntropy, SystemClock};
use sessiond::domain::ending::Actor;
use sessiond::domain::lifetime::Limits;
use sessiond::service::sessions::{Order, Resolved};
use sessiond::service::tokens::Reach;
use sessiond::service::users::NewUser;
use sessiond::service::{Settings, hasher::Cost};
use sessiond::store::memory::Memory;
use sessiond::store::{Environment, Store};

/// Each is timed so often, and the quickest counts: whatever else the machine does only makes it slower.
const TIMES: usize = 7;

#[rocket::main]
async fn main() {
    let rounds = std::env::var("SESSIOND_ROUNDS").map_or(200_000, |text| text.parse().expect("a number"));
    let only = std::env::var("SESSIOND_ONLY").ok();
    let environment =
        Environment { clock: Arc::new(SystemClock::new()), entropy: Arc::new(OsEntropy), limits: Limits::default() };
    let memory: Arc<dyn Store> = Arc::new(Memory::new(environment.clone()));
    let settings =
        Settings { password_hash: Cost { memory_kib: 8, passes: 1, lanes: 1 }.into(), ..Settings::default() };
    let service = Service::new(Arc::clone(&memory), environment, settings).unwrap();
    let new = NewUser {
        email: "ada@example.com".to_owned(),
        name: String::new(),
        password: "a few words in a row".to_owned(),
        labels: std::collections::BTreeSet::default(),
        from: None,
    };
    let user = service.create_user(new, Actor::Operator).await.unwrap();
    let order = Order { by: Actor::Operator, note: None, from: None };
    let signed_in = service.vouch(&user.id, Client::new(None, ""), &order, Reach::Everybody).await.unwrap();
    let (key, id, credential) = (user.key(), signed_in.session.id(), signed_in.credential);
    assert!(matches!(service.resolve(&credential).await, Ok(Resolved::Live(_))));

    let mut told = Vec::new();
    for what in ["bare", "timed", "resolve"] {
        if only.as_deref().is_some_and(|only| only != what) {
            continue;
        }
        let mut quickest = Duration::MAX;
        for _ in 0..if only.is_some() { 1 } else { TIMES } {
            let began = Instant::now();
            for _ in 0..rounds {
                match what {
                    "bare" => drop(black_box(memory.session(key, id).await)),
                    "timed" => drop(black_box(service.store().session(key, id).await)),
                    _ => drop(black_box(service.resolve(&credential).await)),
                }
            }
            quickest = quickest.min(began.elapsed());
        }
        let each = quickest.as_secs_f64() * 1e9 / f64::from(rounds);
        println!("{what:8} {each:8.1} ns");
        told.push(each);
    }
    if let [bare, timed, resolve] = told[..] {
        println!(
            "timing a call costs {:.1} ns, {:.1} % of a resolve in memory",
            timed - bare,
            (timed - bare) / resolve * 100.0
        );
    }
}
