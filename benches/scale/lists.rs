//! Pages and totals of every filter, and what holds them up or not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sessiond::domain::clock::Clock;
use sessiond::domain::ending::{Actor, Ending, Reason};
use sessiond::domain::listing::{
    Cursor, Direction, Filter, Order, Period, Query, Status, Total, Towards, Whose, parse_network,
};
use sessiond::domain::session::{Door, Session};
use sessiond::domain::user::User;
use sessiond::store::sled::Sled;
use sessiond::store::{Sessions, Store};

use super::crowd::Crowd;
use super::{median, opening, timed, told};

/// How often each page and total is asked for.
const TIMES: usize = 21;
/// Sessions of one user, as far as there are so many.
const EACH: u32 = 50;

/// What was measured, in the order in which it was.
type Figures = Vec<(String, Duration)>;

struct Lists {
    crowd: Crowd,
    size: u32,
    users: Vec<User>,
    sessions: Vec<Session>,
    /// Whose 100,000 sessions, or a tenth of all, end at once.
    heavy: User,
    figures: Figures,
}

/// Measures both sizes and tells them side by side.
pub async fn compare(small: u32, large: u32) {
    let few = Lists::measure(small).await;
    let many = Lists::measure(large).await;
    for ((what, base), (_, time)) in few.into_iter().zip(many) {
        told(&what, small, base, base);
        told(&what, large, time, base);
    }
}

fn live(filter: Filter) -> Query {
    Query::first(filter)
}

impl Lists {
    async fn measure(size: u32) -> Figures {
        let crowd = Crowd::open().await;
        let start = Instant::now();
        let users = crowd.users((size / EACH).max(4)).await;
        let heavy = crowd.user("heavy").await;
        let mut sessions = crowd.sessions(&users.iter().collect::<Vec<_>>(), size / 10 * 9).await;
        sessions.extend(crowd.sessions(&[&heavy], size / 10).await);
        println!("{size} sessions of {} users, filled in {:.0} s", users.len() + 1, start.elapsed().as_secs_f64());
        let mut lists = Self { crowd, size, users, sessions, heavy, figures: Vec::new() };
        lists.reopen().await;
        lists.pages().await;
        lists.one_user_ends().await;
        lists.most_end().await;
        lists.all_expire().await;
        lists.crowd.store.close().await.unwrap();
        lists.figures
    }

    fn note(&mut self, what: impl Into<String>, time: Duration) {
        self.figures.push((what.into(), time));
    }

    /// Closes, has another process open and close, and opens again.
    async fn reopen(&mut self) {
        self.crowd.store.close().await.unwrap();
        let (path, environment) = (self.crowd.folder.path().to_owned(), self.crowd.environment.clone());
        // The old one goes first: it holds the files.
        let elsewhere = tempfile::tempdir().unwrap();
        self.crowd.store = Arc::new(Sled::open(elsewhere.path(), environment.clone()).await.unwrap());
        opening::in_another_process(&path, self.crowd.clock.now(), &format!("{} sessions", self.size));
        self.crowd.store = Arc::new(Sled::open(&path, environment).await.unwrap());
    }

    async fn page(&mut self, what: &str, query: Query) {
        let mut times = Vec::new();
        let mut rows = 0;
        for _ in 0..TIMES {
            let (page, time) = timed(self.crowd.store.page(&query)).await;
            rows = page.unwrap().rows.len();
            times.push(time);
        }
        assert!(rows > 0 || what.contains("nothing"), "{what} shows no row");
        self.note(format!("page: {what}"), median(times));
    }

    async fn total(&mut self, what: &str, filter: &Filter) -> Total {
        let mut times = Vec::new();
        let mut total = None;
        for _ in 0..TIMES {
            let (counted, time) = timed(self.crowd.store.total(filter)).await;
            total = Some(counted.unwrap());
            times.push(time);
        }
        self.note(format!("total: {what}"), median(times));
        total.unwrap()
    }

    fn cursor(&self, order: Order, at: usize) -> Cursor {
        let session = &self.sessions[at];
        let (towards, direction) = (Towards::Next, Direction::Descending);
        Cursor { towards, order, direction, at: session.created(), id: session.id() }
    }

    async fn pages(&mut self) {
        let middle = self.sessions.len() / 2;
        for order in Order::ALL {
            let query = Query { order, ..live(Filter::default()) };
            let deep = Query { cursor: Some(self.cursor(order, middle)), ..query.clone() };
            let last = Query { cursor: Some(self.cursor(order, 40)), ..query.clone() };
            let oldest = Query { direction: Direction::Ascending, ..query.clone() };
            self.page(&format!("all by {}, first", order.code()), query).await;
            self.page(&format!("all by {}, in the middle", order.code()), deep).await;
            self.page(&format!("all by {}, last", order.code()), last).await;
            self.page(&format!("all by {}, oldest first", order.code()), oldest).await;
        }
        self.page("any status", live(Filter { status: Status::Any, ..Filter::default() })).await;
        self.total("all", &Filter::default()).await;

        let period = Period {
            from: Some(self.sessions[middle].created()),
            to: Some(self.sessions[middle].created() + Duration::from_millis(20)),
        };
        let wide = Period { from: Some(self.sessions[middle].created()), to: None };
        let any = Filter::default;
        let network = |text| Filter { network: Some(parse_network(text).unwrap()), ..any() };
        let agent = |text: &str| Filter { agent: Some(text.to_owned()), ..any() };
        let text = |text: &str| Filter { whose: Whose::Matching(text.to_owned()), ..any() };
        let filters = [
            ("one user", Filter { whose: Whose::User(self.users[1].key()), ..any() }),
            ("a user with a tenth of all", Filter { whose: Whose::User(self.heavy.key()), ..any() }),
            ("text that few users have", text("user3@")),
            ("text that all users have", text("example.com")),
            ("text that nobody has: nothing", text("nobody")),
            ("one address", network("10.0.0.9")),
            ("a small network", network("10.0.0.0/25")),
            ("a large network", network("10.0.0.0/8")),
            ("another network: nothing", network("192.0.2.0/24")),
            ("a rare device", agent("plan 9")),
            ("a common device", agent("firefox on windows")),
            ("no such device: nothing", agent("lynx")),
            ("a door", Filter { door: Some(Door::Pages), ..any() }),
            ("a short span of sign-in", Filter { created: period, ..any() }),
            ("a long span of sign-in", Filter { created: wide, ..any() }),
            ("a short span of activity", Filter { seen: period, ..any() }),
            (
                "a large network and a common device",
                Filter { agent: Some("firefox".to_owned()), ..network("10.0.0.0/8") },
            ),
            ("a large network and a rare device", Filter { agent: Some("plan 9".to_owned()), ..network("10.0.0.0/8") }),
        ];
        for (what, filter) in filters {
            self.page(&format!("{what}, first"), live(filter.clone())).await;
            let order = Order::SignedIn;
            self.page(&format!("{what}, by sign-in"), Query { order, ..live(filter.clone()) }).await;
            self.total(what, &filter).await;
        }
        // Half of all are in each of the two spans, and none is in both: neither part is few.
        let apart = Filter { created: wide, seen: Period { from: None, to: wide.from }, ..any() };
        self.page("two common parts that mean nothing together: nothing", live(apart.clone())).await;
        self.total("two common parts that mean nothing together: nothing", &apart).await;
    }

    fn ending() -> Ending {
        Ending::new(Actor::Operator, Reason::Revoked, None)
    }

    async fn sign_in(&mut self, what: &str) {
        let mut times = Vec::new();
        for number in 0..TIMES {
            let user = self.users[0].clone();
            let (_, time) = timed(self.crowd.session(&user, u32::try_from(number).unwrap())).await;
            times.push(time);
        }
        self.note(format!("sign-in {what}"), median(times));
    }

    /// A tenth of all sessions end in one step; nothing has been reaped when the pages are asked for.
    async fn one_user_ends(&mut self) {
        self.sign_in("before that").await;
        let (ended, time) = timed(self.crowd.store.end_user(self.heavy.key(), None, Self::ending())).await;
        ended.unwrap();
        self.note("a user with a tenth of all ends them", time);
        self.page("live, right after that", live(Filter::default())).await;
        let ended = Filter { status: Status::Ended, ..Filter::default() };
        self.page("ended, right after that", live(ended.clone())).await;
        self.page("any status, right after that", live(Filter { status: Status::Any, ..Filter::default() })).await;
        let total = self.total("ended, right after that", &ended).await;
        assert_eq!(total, Total::Exactly(u64::from(self.size / 10)));
        self.sign_in("right after that").await;
        let ((), time) = timed(async { while self.crowd.store.reap(256).await.unwrap() > 0 {} }).await;
        println!("{} sessions reaped in {:.1} s", self.size / 10, time.as_secs_f64());
    }

    /// Eight of nine users end all of theirs, so that nine in ten have ended.
    async fn most_end(&mut self) {
        let users: Vec<User> =
            self.users.iter().enumerate().filter(|(n, _)| n % 9 != 0).map(|(_, user)| user.clone()).collect();
        for chunk in users.chunks(512) {
            let ending = chunk.iter().map(|user| self.crowd.store.end_user(user.key(), None, Self::ending()));
            rocket::futures::future::join_all(ending).await.into_iter().for_each(|ended| assert!(ended.is_ok()));
        }
        self.page("live, with nine in ten ended, not reaped", live(Filter::default())).await;
        let ended = Filter { status: Status::Ended, ..Filter::default() };
        self.page("ended, with nine in ten ended, not reaped", live(ended.clone())).await;
        self.total("live, with nine in ten ended, not reaped", &Filter::default()).await;
        while self.crowd.store.reap(256).await.unwrap() > 0 {}
        self.page("live, with nine in ten ended", live(Filter::default())).await;
        self.page("ended, with nine in ten ended", live(ended.clone())).await;
        self.total("live, with nine in ten ended", &Filter::default()).await;
        let small = Filter { network: Some(parse_network("10.0.0.0/25").unwrap()), ..ended };
        self.page("ended, a small network, with nine in ten ended", live(small.clone())).await;
        self.total("ended, a small network, with nine in ten ended", &small).await;
        self.sign_in("with nine in ten ended").await;
    }

    /// New sessions, and all that are left, run out in the same moment.
    async fn all_expire(&mut self) {
        let fresh = self.crowd.user("fresh").await;
        // A quarter as many: filling takes the time, and what counts is that they are very many.
        self.crowd.sessions(&[&fresh], self.size / 4).await;
        // What the filling left to be written in the background is no part of the question.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let user = self.users[0].clone();
        // The first change after a rest pays for it, whatever it is.
        let (_, rested) = timed(self.crowd.session(&user, 1)).await;
        self.note("first sign-in after a rest", rested);
        self.crowd.clock.advance(Duration::from_hours(3));
        let (_, first) = timed(self.crowd.session(&user, 1)).await;
        self.note("first sign-in when all have run out at once", first);
        let (total, time) = timed(self.crowd.store.total(&Filter::default())).await;
        assert_eq!(total.unwrap(), Total::Exactly(1));
        self.note("total: live, when all have run out at once", time);
        let (page, time) = timed(self.crowd.store.page(&live(Filter::default()))).await;
        assert_eq!(page.unwrap().rows.len(), 1);
        self.note("page: live, when all have run out at once", time);
        let expired = Filter { status: Status::Expired, ..Filter::default() };
        let (page, time) = timed(self.crowd.store.page(&live(expired))).await;
        assert!(!page.unwrap().rows.is_empty());
        self.note("page: expired, when all have run out at once", time);
        // While the entries are moved in the background.
        let start = Instant::now();
        let mut times = Vec::new();
        while times.len() < 200 && start.elapsed() < Duration::from_secs(10) {
            times.push(timed(self.crowd.session(&user, 2)).await.1);
        }
        times.sort();
        self.note("sign-in while they are moved, median", times[times.len() / 2]);
        self.note("sign-in while they are moved, the longest of 200", times[times.len() - 1]);
    }
}
