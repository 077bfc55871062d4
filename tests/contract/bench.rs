//! A fresh store of any backend, and the few things that tests do with it all the time.

use std::collections::BTreeSet;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use sessiond::domain::audit::{Event, search};
use sessiond::domain::client::{Client, Device};
use sessiond::domain::clock::{Clock, Entropy, ManualClock};
use sessiond::domain::ending::{Actor, Ended, Ending, Reason};
use sessiond::domain::epoch::{Epoch, Epochs};
use sessiond::domain::id::{SessionId, UserId, UserKey};
use sessiond::domain::lifetime::{Kind, Limits};
use sessiond::domain::listing::{Direction, Filter, Order, Query, Status, Total, Whose};
use sessiond::domain::password::PasswordHash;
use sessiond::domain::safeguards::Safeguards;
use sessiond::domain::session::{Door, Session, Standing, Start, Verdict};
use sessiond::domain::timestamp::Timestamp;
use sessiond::domain::user::{Profile, User};
use sessiond::store::memory::Memory;
use sessiond::store::{Created, End, EndUser, Environment, Store, UserCreated};
use tempfile::TempDir;

pub use super::backends::{Backend, InMemory};
pub use super::dice::Dice;

pub type Failure = Box<dyn Error + Send + Sync>;
pub type Outcome = Result<(), Failure>;

pub struct Bench {
    pub store: Arc<dyn Store>,
    pub clock: Arc<ManualClock>,
    pub dice: Arc<Dice>,
    pub limits: Limits,
    backend: &'static dyn Backend,
    folder: TempDir,
}

impl Bench {
    /// A fresh store with the default limits.
    pub async fn open(backend: &'static dyn Backend) -> Result<Self, Failure> {
        Self::with(backend, Limits::default()).await
    }

    /// A fresh store on which each user may have so many live sessions.
    pub async fn with_room_for(backend: &'static dyn Backend, sessions: u32) -> Result<Self, Failure> {
        Self::with(backend, Limits { sessions_per_user: sessions, ..Limits::default() }).await
    }

    pub async fn with(backend: &'static dyn Backend, limits: Limits) -> Result<Self, Failure> {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_767_323_045_678)));
        Self::on_clock(backend, limits, clock, 7).await
    }

    pub async fn on_clock(
        backend: &'static dyn Backend,
        limits: Limits,
        clock: Arc<ManualClock>,
        seed: u64,
    ) -> Result<Self, Failure> {
        let (folder, dice) = (tempfile::tempdir()?, Arc::new(Dice::new(seed)));
        let environment = Environment { clock: clock.clone(), entropy: dice.clone(), limits };
        let store = backend.open(folder.path(), environment).await?;
        Ok(Self { store, clock, dice, limits, backend, folder })
    }

    pub fn keeps(&self) -> bool {
        self.backend.keeps()
    }

    /// Closes the store and opens it again; does nothing to a store that would forget.
    pub async fn reopen(&mut self) -> Outcome {
        if self.keeps() {
            self.store.close().await?;
            // Nobody holds the closed one any more, as in a process that starts anew.
            self.store = Arc::new(Memory::new(self.environment()));
            self.store = self.open_again().await?;
        }
        Ok(())
    }

    /// Opens the same folder once more.
    pub async fn open_again(&self) -> Result<Arc<dyn Store>, Failure> {
        self.backend.open(self.folder.path(), self.environment()).await
    }

    fn environment(&self) -> Environment {
        Environment { clock: self.clock.clone(), entropy: self.dice.clone(), limits: self.limits }
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Creates a user with this id and an address to go with it.
    pub async fn user(&self, id: &str) -> Result<User, Failure> {
        let user = person(id, self.now(), &*self.dice);
        let created = self.store.create_user(user.clone(), false, Actor::Operator, None).await?;
        assert_eq!(created, UserCreated::Done);
        Ok(user)
    }

    /// The epochs that a sign-in would read now.
    pub async fn epochs(&self, user: &User) -> Result<Epochs, Failure> {
        let present = self.store.user(user.key()).await?.ok_or("no such user")?;
        Ok(Epochs { user: present.epoch, server: self.store.server_epoch().await? })
    }

    /// A session with the present epochs, not yet created.
    pub async fn session(&self, user: &User) -> Result<Session, Failure> {
        let epochs = self.epochs(user).await?;
        Ok(Session::start(self.start(user, epochs), &*self.dice).0)
    }

    pub fn start(&self, user: &User, epochs: Epochs) -> Start {
        let (kind, door) = (Kind::Standard, Door::Pages);
        let lifetime = Limits::default().of(kind);
        let client = client([192, 0, 2, 7]);
        Start { user: user.id.clone(), epochs, at: self.now(), kind, lifetime, door, client, device: None, name: None }
    }

    pub async fn sign_in(&self, user: &User) -> Result<Session, Failure> {
        let session = self.session(user).await?;
        assert!(matches!(self.store.create(session.clone(), None).await?, Created::Done { .. }), "not created");
        Ok(session)
    }

    /// Signs in `count` times, a millisecond apart; the oldest comes first.
    pub async fn sign_in_times(&self, user: &User, count: usize) -> Result<Vec<Session>, Failure> {
        let mut sessions = Vec::new();
        for _ in 0..count {
            sessions.push(self.sign_in(user).await?);
            self.clock.advance(Duration::from_millis(1));
        }
        Ok(sessions)
    }

    pub async fn standing(&self, session: &Session) -> Result<Standing, Failure> {
        let standing = self.store.session(session.user_key(), session.id()).await?;
        Ok(standing.ok_or("the session is not there")?)
    }

    pub async fn verdict(&self, session: &Session) -> Result<Verdict, Failure> {
        Ok(self.standing(session).await?.verdict(self.now(), &self.limits))
    }

    pub async fn verdicts(&self, sessions: &[Session]) -> Result<Vec<Verdict>, Failure> {
        let mut verdicts = Vec::new();
        for session in sessions {
            verdicts.push(self.verdict(session).await?);
        }
        Ok(verdicts)
    }

    /// Touches, and waits until it is written: a touch may be answered earlier.
    pub async fn touch(&self, session: &Session) -> Outcome {
        self.store.touch(session.user_key(), session.id()).await?;
        Ok(self.store.ready().await?)
    }

    /// Ends a session that is live.
    pub async fn end(&self, session: &Session) -> Result<Ended, Failure> {
        match self.store.end(session.user_key(), session.id(), revoked()).await? {
            End::Done(ended) => Ok(ended),
            other => Err(format!("{other:?}").into()),
        }
    }

    /// Ends all of a user's sessions.
    pub async fn end_user(&self, user: &User, keep: Option<SessionId>) -> Result<(u64, Ended), Failure> {
        match self.store.end_user(user.key(), keep, revoked()).await? {
            EndUser::Done { count, ended } => Ok((count, ended)),
            other => Err(format!("{other:?}").into()),
        }
    }

    /// The whole audit log, oldest first.
    pub async fn events(&self) -> Result<Vec<Event>, Failure> {
        let mut events = self.store.events(None, usize::MAX).await?;
        events.reverse();
        Ok(events)
    }

    /// All that a search of the log finds, page by page, and on how many pages.
    pub async fn search(&self, mut query: search::Query) -> Result<(Vec<Event>, usize), Failure> {
        let (mut found, mut pages) = (Vec::new(), 0);
        loop {
            let page = self.store.find(&query).await?;
            assert!(page.rows.len() <= query.rows, "more rows than were asked for");
            assert!(page.next.is_none() || page.next != query.cursor, "the search does not get on");
            found.extend(page.rows);
            pages += 1;
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok((found, pages)),
            }
        }
    }

    pub async fn total(&self, filter: &Filter) -> Result<Total, Failure> {
        Ok(self.store.total(filter).await?)
    }

    /// All rows of a listing, page by page, newest first.
    pub async fn walk(&self, filter: &Filter, order: Order, rows: usize) -> Result<Vec<SessionId>, Failure> {
        self.walk_on(Query { order, rows, ..Query::first(filter.clone()) }).await
    }

    /// All rows from where `query` starts, page by page.
    pub async fn walk_on(&self, mut query: Query) -> Result<Vec<SessionId>, Failure> {
        let mut ids = Vec::new();
        loop {
            let page = self.store.page(&query).await?;
            ids.extend(page.rows.iter().map(|(standing, _)| standing.session.id()));
            assert!(page.next.is_none() || page.next != query.cursor, "the listing does not get on");
            match page.next {
                Some(next) => query.cursor = Some(next),
                None => return Ok(ids),
            }
        }
    }

    /// All rows, both ways, which must be the same.
    pub async fn walk_both_ways(&self, filter: &Filter, order: Order, rows: usize) -> Result<Vec<SessionId>, Failure> {
        let newest_first = self.walk(filter, order, rows).await?;
        let ascending = Query { order, rows, direction: Direction::Ascending, ..Query::first(filter.clone()) };
        let mut oldest_first = self.walk_on(ascending).await?;
        oldest_first.reverse();
        assert_eq!(newest_first, oldest_first, "{filter:?}, {order:?}");
        Ok(newest_first)
    }
}

/// Somebody whose name, address and id are one word.
pub fn person(id: &str, created: Timestamp, entropy: &dyn Entropy) -> User {
    let parse =
        || -> Result<_, Failure> { Ok((id.parse::<UserId>()?, format!("{id}@example.com").parse()?, id.parse()?)) };
    let (id, email, name) = parse().expect("a user's id that is a name, too");
    let password = PasswordHash::from_phc("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".to_owned());
    User {
        id,
        email,
        name,
        password,
        labels: BTreeSet::new(),
        epoch: Epoch::draw(entropy),
        created,
        blocked: false,
        safeguards: Safeguards::default(),
        profile: Profile::default(),
    }
}

pub fn client(address: [u8; 4]) -> Client {
    client_with(address, "", ["", ""])
}

/// What a browser sent, with what it parses to.
pub fn client_with(address: [u8; 4], agent: &str, [browser, system]: [&str; 2]) -> Client {
    let known = |name: &str| Some(name.to_owned()).filter(|name| !name.is_empty());
    let device = Device { browser: known(browser), system: known(system) };
    Client { address: Some(IpAddr::V4(Ipv4Addr::from(address))), agent: agent.to_owned(), device }
}

pub fn revoked() -> Ending {
    Ending::new(Actor::Operator, Reason::Revoked, None)
}

pub fn everyone_revoked() -> Ending {
    Ending::new(Actor::Operator, Reason::EveryoneRevoked, None)
}

pub fn everyones(status: Status) -> Filter {
    Filter { status, ..Filter::default() }
}

pub fn users(user: UserKey, status: Status) -> Filter {
    Filter { whose: Whose::User(user), status, ..Filter::default() }
}

pub fn ids(sessions: &[Session]) -> Vec<SessionId> {
    sessions.iter().map(Session::id).collect()
}

/// How a session ended, if it did.
pub fn ended(verdict: &Verdict) -> Option<&Ended> {
    match verdict {
        Verdict::Ended(ended) => Some(ended),
        Verdict::Live | Verdict::Expired(_) => None,
    }
}

pub fn reason(verdict: &Verdict) -> Option<Reason> {
    ended(verdict).map(|ended| ended.reason)
}

pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_mins(1);
pub const HOUR: Duration = Duration::from_hours(1);
