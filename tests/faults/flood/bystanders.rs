//! Those who are signed in while a flood goes on: what they are answered is never wrong.

use std::time::Duration;

use super::super::Stopwatch;
use crate::process::{Client, Server, session_id};

const VICTIMS: usize = 12;
/// Validations before each revoke.
const BETWEEN: usize = 16;

pub struct Bystanders {
    administrator: Client,
    token: String,
    live: Client,
    ended: Client,
    victims: Vec<String>,
}

/// What they saw.
#[derive(Debug, Default)]
pub struct Watched {
    pub asked: usize,
    /// 503: nobody is told anything wrong.
    pub unavailable: usize,
    pub revoked: usize,
    waits: Vec<Duration>,
}

impl Watched {
    pub fn p99(&self) -> Duration {
        let mut waits = self.waits.clone();
        waits.sort();
        waits[waits.len() * 99 / 100]
    }
}

impl Bystanders {
    pub fn new(server: &Server) -> Self {
        let (mut administrator, live, ended) = (server.sign_in(), server.sign_in(), server.sign_in());
        administrator.revoke(&ended.session_id(), "");
        let token = administrator.token("/admin/sessions/everyone");
        let ended = Client::holding(server.address, ended.credential());
        let victims = (0..2 * VICTIMS).map(|_| server.sign_in().credential().to_owned()).collect();
        Self { administrator, token, live, ended, victims }
    }

    /// Looks again and again while `more`, and ends sessions in between.
    pub fn look(&mut self, mut more: impl FnMut() -> bool) -> Watched {
        let mut watched = Watched::default();
        let mut rounds = 0;
        while more() || rounds < 2 {
            for _ in 0..BETWEEN {
                self.validate(&mut watched);
            }
            if rounds < VICTIMS {
                self.revoke(&mut watched);
            }
            rounds += 1;
        }
        watched
    }

    fn validate(&mut self, watched: &mut Watched) {
        let start = Stopwatch::start();
        let answer = self.live.get("/");
        watched.waits.push(start.elapsed());
        watched.asked += 1;
        watched.unavailable += usize::from(answer.status == 503);
        assert!(answer.is_signed_in() || answer.status == 503, "{} {}", answer.status, answer.body);
        let mut ended = self.ended.clone();
        assert!(!ended.get("/").is_signed_in(), "an ended session is accepted");
    }

    fn revoke(&mut self, watched: &mut Watched) {
        let victim = self.victims.pop().expect("a victim");
        let only = session_id(&victim);
        let answer = self.administrator.try_submit("/admin/sessions/end", &self.token, &[("only", &only)]);
        let answer = answer.expect("an answer");
        assert!(matches!(answer.status, 303 | 503), "{} {}", answer.status, answer.body);
        if answer.status == 303 {
            watched.revoked += 1;
            let after = Client::holding(self.address(), &victim).get("/");
            assert!(!after.is_signed_in(), "an answered revoke is not honoured at once");
        }
    }

    fn address(&self) -> std::net::SocketAddr {
        self.live.address()
    }
}
