//! The other side: whatever may stand behind an address.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Far more than anything here takes: whatever needs longer hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// What it does with a message.
pub enum Does {
    /// Sends this, and closes the connection.
    Answer(&'static str),
    /// Keeps the connection and says nothing.
    Nothing,
    /// Sends header lines for as long as somebody reads.
    EndlessHead,
    /// Sends one byte of a head now and then.
    Drip,
    /// Says that it has taken it, and goes on talking.
    EndlessBody,
}

/// What arrived.
pub struct Got {
    pub line: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Got {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

pub struct Receiver {
    address: SocketAddr,
    got: UnboundedReceiver<Got>,
    asked: Arc<AtomicBool>,
}

/// Waits for what must come.
pub async fn wait<T>(coming: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, coming).await.expect("it hangs")
}

impl Receiver {
    /// One that does these things, one after the other, and takes all that comes after them.
    pub fn doing(script: Vec<Does>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (send, got) = unbounded_channel();
        let script = Mutex::new(VecDeque::from(script));
        let asked = Arc::new(AtomicBool::new(false));
        let was_asked = Arc::clone(&asked);
        thread::spawn(move || {
            // Those that say nothing stay open.
            let mut kept = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                was_asked.store(true, Ordering::SeqCst);
                let Some(message) = read(&mut stream) else { continue };
                let does = script.lock().unwrap().pop_front();
                if send.send(message).is_err() {
                    return;
                }
                let does = does.unwrap_or(Does::Answer("HTTP/1.1 204 Thanks\r\n\r\n"));
                match does {
                    Does::Answer(text) => drop(stream.write_all(text.as_bytes())),
                    Does::Nothing => kept.push(stream),
                    Does::EndlessHead => {
                        drop(thread::spawn(move || pour(stream, "HTTP/1.1 200 OK\r\n", "X-More: more\r\n")));
                    }
                    Does::Drip => drop(thread::spawn(move || drip(stream))),
                    Does::EndlessBody => {
                        drop(thread::spawn(move || pour(stream, "HTTP/1.1 200 OK\r\n\r\n", "more and more ")));
                    }
                }
            }
        });
        Self { address, got, asked }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook?x=y", self.address)
    }

    pub const fn port(&self) -> u16 {
        self.address.port()
    }

    pub async fn next(&mut self) -> Got {
        wait(self.got.recv()).await.expect("a receiver")
    }

    /// Whether anybody has so much as connected.
    pub fn was_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst)
    }
}

fn read(stream: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    loop {
        let mut more = [0; 4096];
        let count = stream.read(&mut more).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&more[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let mut lines = head.lines();
        let line = lines.next()?.to_owned();
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let got = Got { line, headers, body: body.to_owned() };
        if got.header("content-length").parse::<usize>().ok()? <= body.len() {
            return Some(got);
        }
    }
}

/// Until nobody reads any more.
fn pour(mut stream: TcpStream, first: &str, more: &str) {
    let more = more.repeat(64);
    let mut sent = stream.write_all(first.as_bytes());
    while sent.is_ok() {
        sent = stream.write_all(more.as_bytes());
    }
}

fn drip(mut stream: TcpStream) {
    // It writes as slowly as a reader with nothing to say: each wait is for an answer that never comes.
    let _ = stream.set_read_timeout(Some(Duration::from_millis(20)));
    let mut sent = stream.write_all(b"HTTP/1.1 200 OK\r\nX-Slow: ");
    while sent.is_ok() {
        // Whoever hangs up is read to the end.
        if matches!(stream.read(&mut [0; 16]), Ok(0)) {
            return;
        }
        sent = stream.write_all(b"x");
    }
}
