//! Many connections, each with as many requests under way as it is let.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rocket::tokio;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::super::Stopwatch;
use super::{CONNECTIONS, PIPELINE};
use crate::process::{Client, form};

/// What to send, and how often.
pub struct Storm {
    address: SocketAddr,
    /// Sent in turn.
    requests: Vec<String>,
    count: u64,
    pipeline: usize,
    /// The statuses that count as an answer.
    good: &'static [u16],
}

/// What came back.
#[derive(Debug, Default)]
pub struct Tally {
    pub sent: u64,
    pub served: u64,
    /// 429 or 503.
    pub later: u64,
    pub without_retry_after: u64,
    /// The connection broke before the answer.
    pub broken: u64,
    pub other: Vec<u16>,
    pub time: Duration,
}

impl Storm {
    /// Pages for strangers.
    pub fn of_requests(address: SocketAddr, count: u64) -> Self {
        let request = format!("GET /login HTTP/1.1\r\nHost: {address}\r\nAccept: text/html\r\n\r\n");
        Self { address, requests: vec![request], count, pipeline: PIPELINE, good: &[200] }
    }

    /// Wrong passwords of people whom nobody knows.
    pub fn of_sign_ins(address: SocketAddr, count: u64) -> Self {
        Self::of_guesses(address, count, [("nobody@example.com".to_owned(), String::new())])
    }

    /// Wrong passwords for these people, each with these further header lines.
    pub fn of_guesses(address: SocketAddr, count: u64, guesses: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut visitor = Client::new(address);
        let token = visitor.token("/login");
        let request = |(email, more): (String, String)| {
            let body = form(&token, &[("email", &email), ("password", "is it this one, perhaps?")]);
            let head = visitor.head("POST", "/login", body.len(), &more).replace("Connection: close\r\n", "");
            head + &body
        };
        Self { address, requests: guesses.into_iter().map(request).collect(), count, pipeline: 1, good: &[401] }
    }

    /// Sends all, and answers when the last answer is there.
    pub fn rage(self) -> Tally {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (left, start) = (Arc::new(AtomicU64::new(self.count)), Stopwatch::start());
        let mut all = Tally::default();
        let tallies = runtime.block_on(async {
            let connections = (0..CONNECTIONS).map(|_| self.one(&left));
            rocket::futures::future::join_all(connections).await
        });
        for tally in tallies {
            all.sent += tally.sent;
            all.served += tally.served;
            all.later += tally.later;
            all.without_retry_after += tally.without_retry_after;
            all.broken += tally.broken;
            all.other.extend(tally.other);
        }
        all.time = start.elapsed();
        all
    }

    /// One connection after the other, until everything is sent.
    async fn one(&self, left: &AtomicU64) -> Tally {
        let mut tally = Tally::default();
        let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).ok();
        let mut stream = None;
        loop {
            let turns: Vec<u64> = (0..self.pipeline).map_while(|_| take()).collect();
            let batch = turns.len();
            if batch == 0 {
                return tally;
            }
            tally.sent += batch as u64;
            let connected = match stream.take() {
                Some(open) => Ok(open),
                None => TcpStream::connect(self.address).await.map(BufReader::new),
            };
            let Ok(mut open) = connected else {
                tally.broken += batch as u64;
                continue;
            };
            let request = |turn: &u64| &*self.requests[usize::try_from(*turn).unwrap() % self.requests.len()];
            let sent = open.write_all(turns.iter().map(request).collect::<String>().as_bytes()).await;
            let mut answered = 0;
            while sent.is_ok() && answered < batch {
                let Ok((status, retry)) = answer(&mut open).await else { break };
                answered += 1;
                match status {
                    status if self.good.contains(&status) => tally.served += 1,
                    429 | 503 => {
                        tally.later += 1;
                        tally.without_retry_after += u64::from(!retry);
                    }
                    other => tally.other.push(other),
                }
            }
            tally.broken += (batch - answered) as u64;
            if answered == batch {
                stream = Some(open);
            }
        }
    }
}

/// The next answer's status, and whether it says when to come back.
async fn answer(stream: &mut BufReader<TcpStream>) -> std::io::Result<(u16, bool)> {
    let broken = || std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
    let (mut status, mut length, mut retry) = (None, 0, false);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let line = line.strip_suffix("\r\n").ok_or_else(broken)?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        match line.split_once(": ") {
            None => status = line.split(' ').nth(1).and_then(|code| code.parse().ok()),
            Some(("content-length", value)) => length = value.parse().map_err(|_| broken())?,
            Some(("retry-after", _)) => retry = true,
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok((status.ok_or_else(broken)?, retry))
}
