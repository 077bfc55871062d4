//! Who uses the server while its disk fails: what was answered to them, and that it stays so.

use crate::process::{Client, EMAIL, PASSWORD, Server, session_id};

/// Credentials by what was answered about them last.
pub struct People {
    pub administrator: Client,
    token: String,
    live: Vec<String>,
    ended: Vec<String>,
    /// Live, and to be ended some time.
    victims: Vec<String>,
    /// Nobody knows: an end of theirs was asked for and not confirmed.
    unsure: Vec<String>,
}

/// What was answered, counted.
#[derive(Debug, Default, Clone, Copy)]
pub struct Answers {
    pub signed_in: u32,
    pub not_signed_in: u32,
    pub ended: u32,
    pub unconfirmed: u32,
}

impl std::ops::AddAssign for Answers {
    fn add_assign(&mut self, more: Self) {
        self.signed_in += more.signed_in;
        self.not_signed_in += more.not_signed_in;
        self.ended += more.ended;
        self.unconfirmed += more.unconfirmed;
    }
}

impl People {
    /// On a fresh server: an administrator, some who are live, one who was ended, and `victims`.
    pub fn new(server: &mut Server, victims: usize) -> Self {
        server.set_up();
        let mut administrator = server.sign_in();
        let sign_in = || server.sign_in().credential().to_owned();
        let live = (0..3).map(|_| sign_in()).collect();
        let victims = (0..victims).map(|_| sign_in()).collect();
        let ended = vec![sign_in()];
        administrator.revoke(&session_id(&ended[0]), "before");
        let token = administrator.token("/admin/sessions/everyone");
        Self { administrator, token, live, ended, victims, unsure: Vec::new() }
    }

    pub fn live(&self) -> usize {
        self.live.len()
    }

    /// New victims, while all is well.
    pub fn more_victims(&mut self, server: &Server, count: usize) {
        self.victims.extend((0..count).map(|_| server.sign_in().credential().to_owned()));
    }

    /// Signs somebody in: nothing but done or 503.
    pub fn try_sign_in(&mut self, server: &Server) -> bool {
        let mut client = server.client();
        let page = client.get("/login");
        let Some(token) = page.form_token() else {
            assert_eq!(page.status, 503, "{}", page.body);
            return false;
        };
        let fields = [("email", EMAIL), ("password", PASSWORD)];
        let answer = client.try_submit("/login", &token, &fields).expect("an answer");
        assert!(matches!(answer.status, 303 | 503), "{} {}", answer.status, answer.body);
        if answer.status == 303 {
            self.live.push(client.credential().to_owned());
        }
        answer.status == 303
    }

    /// Signs in in a browser that is signed in: done, and the old session has ended, or 503, and the old one goes on: an
    /// answered sign-in must not be lost to one that is not. Where the `journal` fails as well, nobody knows.
    pub fn try_sign_in_over(&mut self, server: &Server, journal: bool) -> bool {
        let old = self.live.pop().expect("somebody who is signed in");
        let mut client = Client::holding(server.address, &old);
        let page = client.get("/login");
        let Some(token) = page.form_token() else {
            assert_eq!(page.status, 503, "{}", page.body);
            self.live.push(old);
            return false;
        };
        let fields = [("email", EMAIL), ("password", PASSWORD)];
        let answer = client.try_submit("/login", &token, &fields).expect("an answer");
        assert!(matches!(answer.status, 303 | 503), "{} {}", answer.status, answer.body);
        match (answer.status, journal) {
            (303, _) => {
                self.live.push(client.credential().to_owned());
                self.ended.push(old);
            }
            (_, true) => self.live.push(old),
            (_, false) => self.unsure.push(old),
        }
        answer.status == 303
    }

    /// Ends the next victim's session: nothing but done or 503.
    pub fn try_revoke(&mut self) -> bool {
        let victim = self.victims.pop().expect("a victim");
        let only = session_id(&victim);
        let answer = self.administrator.try_submit("/admin/sessions/end", &self.token, &[("only", &only)]);
        let answer = answer.expect("an answer");
        match answer.status {
            303 => {
                assert_eq!(answer.location(), "/admin/sessions");
                self.ended.push(victim);
                true
            }
            503 => {
                self.unsure.push(victim);
                false
            }
            other => panic!("{other} {}", answer.body),
        }
    }

    /// One round of everything while the disk fails: never open, nothing but an answer or 503.
    pub fn go_on(&mut self, server: &Server) -> Answers {
        let mut answers = Answers::default();
        let count = |done: bool, yes: &mut u32, no: &mut u32| if done { *yes += 1 } else { *no += 1 };
        count(self.try_sign_in(server), &mut answers.signed_in, &mut answers.not_signed_in);
        if !self.victims.is_empty() {
            count(self.try_revoke(), &mut answers.ended, &mut answers.unconfirmed);
        }
        for credential in self.ended.iter().rev().take(4) {
            let answer = Client::holding(server.address, credential).get("/");
            assert!(!answer.is_signed_in() && matches!(answer.status, 303 | 503), "{} {}", answer.status, answer.body);
        }
        for credential in self.live.iter().take(2) {
            let answer = Client::holding(server.address, credential).get("/");
            assert!(answer.is_signed_in() || answer.status == 503, "{} {}", answer.status, answer.body);
        }
        answers
    }

    /// Whether the server resolves again.
    pub fn is_well(&mut self) -> bool {
        self.administrator.get("/").is_signed_in()
    }

    /// What was answered must be so. Answers how many were looked at.
    pub fn check(&self, server: &Server) -> usize {
        let opens = |credential: &String| {
            let answer = Client::holding(server.address, credential).get("/");
            assert!(answer.status == 303, "{} {}", answer.status, answer.body);
            answer.is_signed_in()
        };
        assert!(!self.ended.iter().any(opens), "an answered revoke was undone");
        assert!(self.live.iter().all(opens), "an answered sign-in was lost");
        self.ended.len() + self.live.len()
    }
}
