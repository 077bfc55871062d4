//! Clients that behave, and how long they wait.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use super::super::Stopwatch;
use crate::process::Client;

const THREADS: usize = 4;
const EACH: usize = 150;

/// Somebody who is signed in and asks again and again.
pub struct Good {
    pub address: SocketAddr,
    pub credential: String,
}

pub struct Waits {
    pub asked: usize,
    pub answered: usize,
    pub p99: Duration,
}

impl Good {
    /// Several at once, each request over a connection of its own.
    pub fn ask_all(&self) -> Waits {
        let ask = || {
            let mut client = Client::holding(self.address, &self.credential);
            let asked = (0..EACH).map(|_| {
                let start = Stopwatch::start();
                let answer = client.try_send("GET", "/account", "");
                answer.is_ok_and(|answer| answer.is_signed_in()).then(|| start.elapsed())
            });
            asked.collect::<Vec<_>>()
        };
        let all: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let mut waits: Vec<_> = all.iter().flatten().copied().collect();
        waits.sort();
        let p99 = waits.get(waits.len() * 99 / 100).copied().unwrap_or(Duration::MAX);
        Waits { asked: all.len(), answered: waits.len(), p99 }
    }
}
