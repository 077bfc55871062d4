//! Clients that send a byte now and then: some a header that never ends, some a body. Whoever is thrown out comes back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rocket::tokio;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

/// Between two bytes.
const PAUSE: Duration = Duration::from_millis(500);
/// They come from addresses of their own, as the world's slow clients do.
const ADDRESSES: usize = 200;

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    connected: AtomicUsize,
}

/// All of them, until they are stopped.
pub struct Slow {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    count: usize,
}

impl Slow {
    /// Starts `count`, and waits until all are connected and have sent their first bytes.
    pub fn start(address: SocketAddr, count: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let clients = (0..count).map(|number| one(number, address, Arc::clone(&theirs)));
                rocket::futures::future::join_all(clients).await;
            });
        });
        while shared.connected.load(Ordering::Relaxed) < count {
            assert!(!thread.is_finished(), "the slow clients have given up");
            thread::yield_now();
        }
        Self { shared, thread, count }
    }

    /// Ends them, and answers how many there were.
    pub fn stop(self) -> usize {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the slow clients end");
        self.count
    }
}

async fn one(number: usize, address: SocketAddr, shared: Arc<Shared>) {
    let from = format!("127.0.{}.{}:0", 1 + number % ADDRESSES / 100, 1 + number % 100);
    let body = number % 2 == 1;
    let start = if body {
        "POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4096\r\n\r\n"
    } else {
        "GET /login HTTP/1.1\r\nHost: x\r\nX-Slow: "
    };
    let mut first = true;
    while !shared.stop.load(Ordering::Relaxed) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(from.parse().unwrap()).expect("a loopback address");
        let Ok(mut stream) = socket.connect(address).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let mut sent = stream.write_all(start.as_bytes()).await;
        if std::mem::take(&mut first) {
            shared.connected.fetch_add(1, Ordering::Relaxed);
        }
        while sent.is_ok() && !shared.stop.load(Ordering::Relaxed) {
            tokio::time::sleep(PAUSE).await;
            sent = stream.write_all(b"x").await;
        }
    }
}
