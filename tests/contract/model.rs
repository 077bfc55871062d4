//! Random histories, told to a backend and to the memory store alike: both must say the same of everything.
//!
//! The two draw their own epochs, so each gets its own copy of every session, with the same id, time and client.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use super::bench::*;
use super::history::{Operation, PEOPLE, next};
use sessiond::domain::audit::{Action, Draft, Outcome as Went};
use sessiond::domain::change::{Asked, NewPassword, UserChange};
use sessiond::domain::clock::{Clock, ManualClock};
use sessiond::domain::ending::{Actor, Ended, Ending, Reason};
use sessiond::domain::epoch::{Epoch, Epochs};
use sessiond::domain::id::SessionId;
use sessiond::domain::lifetime::{Lifetime, Limits};
use sessiond::domain::listing::{
    Direction, Filter, Order, Period, Query, Status, Total, UserFilter, UserState, Whose, parse_network,
};
use sessiond::domain::password::PasswordHash;
use sessiond::domain::safeguards::Admission;
use sessiond::domain::session::{Door, Session, SessionChange, Start, State, Verdict};
use sessiond::domain::timestamp::Timestamp;
use sessiond::domain::user::User;
use sessiond::store::{Admitted, Created, EndedEveryone, UserChanged, UserCreated, UserDeleted};

store_contract! {
    a_random_history_reads_the_same_as_in_the_model,
}

const OPERATIONS: usize = 200;

/// Short lives and little room, so that expiry and displacement happen all the time.
const LIMITS: Limits = Limits {
    standard: Lifetime { idle: Duration::from_mins(30), absolute: Duration::from_hours(3) },
    persistent: Lifetime { idle: Duration::from_hours(2), absolute: Duration::from_hours(8) },
    administrator: Lifetime { idle: Duration::from_mins(15), absolute: Duration::from_hours(1) },
    sessions_per_user: 4,
};

const DEVICES: [[&str; 2]; 3] = [["Firefox", "Windows"], ["Safari", "macOS"], ["curl", ""]];

/// What a store answered, without what the two cannot share.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Nothing,
    Ended(u64, Ended),
    Told(String),
}

fn told(answer: &impl Debug) -> Answer {
    Answer::Told(format!("{answer:?}"))
}

/// One of the two stores, with what it handed out itself.
struct Side {
    bench: Bench,
    /// The epochs that each user's next sign-in is stamped with.
    begun: [Option<Epochs>; 3],
    sessions: Vec<Session>,
    people: Vec<User>,
    /// How often a session took the place of the one in which a new password was asked for.
    succeeded: usize,
    /// How often somebody was deleted.
    deleted: usize,
}

impl Side {
    async fn open(backend: &'static dyn Backend, clock: Arc<ManualClock>, seed: u64) -> Result<Self, Failure> {
        let bench = Bench::on_clock(backend, LIMITS, clock, seed).await?;
        let people = PEOPLE.map(|id| person(id, bench.now(), &*bench.dice)).to_vec();
        Ok(Self { bench, begun: [None; 3], sessions: Vec::new(), people, succeeded: 0, deleted: 0 })
    }

    async fn apply(&mut self, operation: &Operation) -> Result<Answer, Failure> {
        let Self { bench, people, .. } = self;
        let store = &bench.store;
        let key = |user: &usize| people[*user].key();
        let revoked = || Ending::new(Actor::Operator, Reason::Revoked, None);
        Ok(match operation {
            Operation::Begin(user) => {
                self.begun[*user] = bench.epochs(&people[*user]).await.ok();
                Answer::Nothing
            }
            Operation::SignIn { user, slow, replaces, seed, kind, address, device } => {
                let fresh = bench.epochs(&people[*user]).await.ok();
                let Some(epochs) = (if *slow { self.begun[*user] } else { fresh }) else { return Ok(Answer::Nothing) };
                let start = bench.start(&people[*user], epochs);
                let client = client_with(*address, &format!("agent/{device}"), DEVICES[*device]);
                let start = Start { kind: *kind, lifetime: LIMITS.of(*kind), client, ..start };
                let session = Session::start(start, &Dice::new(*seed)).0;
                let created = store.create(session.clone(), *replaces).await?;
                if matches!(created, Created::Done { .. }) {
                    self.sessions.push(session);
                }
                told(&created)
            }
            Operation::CreateAgain(id) => match self.sessions.iter().find(|session| session.id() == *id) {
                Some(session) => told(&store.create(session.clone(), None).await?),
                None => Answer::Nothing,
            },
            Operation::End(user, id) => told(&store.end(key(user), *id, revoked()).await?),
            Operation::EndUser(user, keep) => told(&store.end_user(key(user), *keep, revoked()).await?),
            Operation::EndEveryone => {
                let EndedEveryone { count, ended, .. } = store.end_everyone(everyone_revoked()).await?;
                Answer::Ended(count, ended)
            }
            Operation::Touch(user, id) => {
                store.touch(key(user), *id).await?;
                store.ready().await?;
                Answer::Nothing
            }
            Operation::Reauthenticate(user, id) => {
                // Both write the session; the one of them its last request as well.
                let renewed = id.bytes()[15].is_multiple_of(2);
                let change = if renewed { SessionChange::Renewed } else { SessionChange::Reauthenticated };
                told(&store.change_session(key(user), *id, change, None).await?)
            }
            Operation::Reap(most) => self.reap(*most).await?,
            Operation::AddUser(user) => {
                // Nobody begins with an epoch that somebody had before.
                let new = User { epoch: Epoch::draw(&*bench.dice), ..people[*user].clone() };
                let created = store.create_user(new, false, Actor::Operator, None).await?;
                assert_ne!(created, UserCreated::NotFirst);
                told(&created)
            }
            Operation::DeleteUser(user) => {
                let ending = Ending::new(Actor::Operator, Reason::Deleted, None);
                let deleted = store.delete_user(key(user), ending).await?;
                self.deleted += usize::from(matches!(deleted, UserDeleted::Done { .. }));
                told(&deleted)
            }
            Operation::Fail(user, known) => {
                let draft = Draft::new(Actor::Anonymous, Action::SignIn, Went::Failure);
                store.sign_in_failed(key(user), *known, draft).await?;
                Answer::Nothing
            }
            Operation::Admit(user, known) => {
                let admission = Admission { known: *known, ..Admission::default() };
                match store.admit(key(user), admission, None).await? {
                    Admitted::Yes(user) => Answer::Told(format!("{:?}", user.safeguards)),
                    other => told(&other),
                }
            }
            Operation::Change(user, change) => {
                let ending = Ending::new(Actor::Operator, change.reason(), None);
                match store.change_user(key(user), change.clone(), ending).await? {
                    UserChanged::Done { user, ended } => Answer::Told(format!(
                        "{:?} {} {} {} {:?} {ended}",
                        user.labels, user.blocked, user.email, user.name, user.safeguards
                    )),
                    other => told(&other),
                }
            }
            Operation::Password { .. } => self.new_password(operation).await?,
            Operation::Reopen => {
                bench.reopen().await?;
                Answer::Nothing
            }
            Operation::Wait(_) => Answer::Nothing,
        })
    }

    async fn new_password(&mut self, operation: &Operation) -> Result<Answer, Failure> {
        let Operation::Password { user, asked, rehash, slow, right, number } = operation else {
            return Ok(Answer::Nothing);
        };
        let (bench, person) = (&self.bench, &self.people[*user]);
        let present = bench.store.user(person.key()).await?.map(|user| user.password);
        let verified = present.filter(|_| *right).unwrap_or_else(|| PasswordHash::from_phc("wrong".to_owned()));
        let hash = PasswordHash::from_phc(format!("hash {number}"));
        let epochs = if *slow { self.begun[*user] } else { bench.epochs(person).await.ok() };
        let mut successor = None;
        if let (Some((_, seed)), Some(epochs)) = (asked, epochs) {
            let start = Start { lifetime: LIMITS.standard, ..bench.start(person, epochs) };
            successor = Some(Session::start(start, &Dice::new(*seed)).0);
        }
        let asked = asked.zip(successor.clone()).map(|((session, _), successor)| Asked {
            verified: verified.clone(),
            session,
            successor,
        });
        let change = if *rehash {
            UserChange::Rehash { verified, fresh: hash }
        } else {
            UserChange::Password(Box::new(NewPassword { hash, asked }))
        };
        let ending = Ending::new(Actor::Operator, change.reason(), None);
        match bench.store.change_user(person.key(), change, ending).await? {
            UserChanged::Done { user, ended } => {
                let begun = successor.filter(|_| !rehash);
                self.succeeded += usize::from(begun.is_some());
                self.sessions.extend(begun);
                Ok(Answer::Told(format!("{} {ended}", user.password.as_phc())))
            }
            other => Ok(told(&other)),
        }
    }

    /// How many it writes, and which, is each store's own affair, but none only if there are none.
    async fn reap(&self, most: usize) -> Result<Answer, Failure> {
        let written = self.bench.store.reap(most).await?;
        assert!(written <= most);
        if written == 0 && most > 0 {
            assert_eq!(self.withdrawn().await?, []);
        }
        Ok(Answer::Nothing)
    }

    /// The sessions that have ended by what the log says alone.
    async fn withdrawn(&self) -> Result<Vec<SessionId>, Failure> {
        let mut withdrawn = Vec::new();
        for session in &self.sessions {
            let standing = self.bench.standing(session).await?;
            let ended = matches!(standing.verdict(self.bench.now(), &LIMITS), Verdict::Ended(_));
            if ended && *standing.session.state() == State::Live {
                withdrawn.push(session.id());
            }
        }
        Ok(withdrawn)
    }

    /// What it says of every session: verdict, last request seen, last authentication.
    async fn stories(&self) -> Result<Vec<(SessionId, Verdict, Timestamp, Timestamp)>, Failure> {
        let mut stories = Vec::new();
        for session in &self.sessions {
            let standing = self.bench.standing(session).await?;
            let verdict = standing.verdict(self.bench.now(), &LIMITS);
            stories.push((session.id(), verdict, standing.seen, standing.session.authenticated()));
        }
        Ok(stories)
    }

    /// What it lists, walked in pages, with the totals.
    async fn lists(&self, asked: &[Query]) -> Result<Vec<(Total, Vec<SessionId>)>, Failure> {
        let mut lists = Vec::new();
        for query in asked {
            let rows = self.bench.walk_on(query.clone()).await?;
            let total = self.bench.total(&query.filter).await?;
            assert_eq!(total, Total::Exactly(rows.len() as u64), "{query:?}");
            lists.push((total, rows));
        }
        Ok(lists)
    }

    /// Everybody, as they are listed and by address.
    async fn people(&self) -> Result<String, Failure> {
        let mut told = String::new();
        for state in UserState::ALL {
            for text in ["", "a", "bob"] {
                let filter = UserFilter { text: text.to_owned(), state };
                let listed = super::people::walk(&self.bench, &filter, 2).await?;
                let total = self.bench.store.count_users(&filter).await?;
                assert_eq!(total, Total::Exactly(listed.len() as u64), "{filter:?}");
                told = format!("{told}\n{filter:?} {listed:?}");
            }
        }
        for name in ["ada", "bob", "cleo", "zoe"] {
            let found = self.bench.store.user_by_email(&format!("{name}@example.com").parse()?).await?;
            let found = found.map(|user| format!("{} {} {:?}", user.id, user.email, user.safeguards.tries));
            told = format!("{told}\n{name} {found:?}");
        }
        Ok(told)
    }

    /// The newest page and the one after it, row by row.
    async fn pages(&self) -> Result<Vec<(SessionId, Verdict)>, Failure> {
        let mut found = Vec::new();
        let mut query = Query { rows: 3, ..Query::first(everyones(Status::Any)) };
        for _ in 0..2 {
            let page = self.bench.store.page(&query).await?;
            found.extend(page.rows.into_iter().map(|(standing, verdict)| (standing.session.id(), verdict)));
            query.cursor = page.next;
        }
        Ok(found)
    }
}

/// Every plain listing, in both orders, and as many narrower ones by chance.
fn questions(people: &[User], dice: &Dice, now: Timestamp) -> Result<Vec<Query>, Failure> {
    let rows = 1 + dice.below(7);
    let mut questions = Vec::new();
    for status in Status::ALL {
        let mut filters = vec![everyones(status)];
        filters.extend(people.iter().map(|user| users(user.key(), status)));
        filters.push(Filter { whose: Whose::Matching("b".to_owned()), ..everyones(status) });
        filters.push(Filter { network: Some(parse_network("10.1.0.0/16")?), ..everyones(status) });
        for _ in 0..4 {
            filters.push(by_chance(people, dice, now, status)?);
        }
        for filter in filters {
            for order in Order::ALL {
                let direction = Direction::ALL[dice.below(2)];
                questions.push(Query { order, direction, rows, ..Query::first(filter.clone()) });
            }
        }
    }
    Ok(questions)
}

/// Each part of the filter, or not.
fn by_chance(people: &[User], dice: &Dice, now: Timestamp, status: Status) -> Result<Filter, Failure> {
    let agents = ["firefox on windows", "agent/1", "a", "safari on macos", "lynx"];
    let whose = match dice.below(4) {
        0 => Whose::User(people[dice.below(people.len())].key()),
        1 => Whose::Matching(["b", "example", "ada@"][dice.below(3)].to_owned()),
        _ => Whose::Everyones,
    };
    let network = ["10.0.0.0/15", "10.2.0.1", "192.0.2.0/24"][dice.below(3)];
    let moment = || (dice.below(2) == 0).then(|| now - Duration::from_secs(dice.next() % 14_400));
    let period = || match (moment(), moment()) {
        (Some(a), Some(b)) => Period { from: Some(a.min(b)), to: Some(a.max(b)) },
        (from, to) => Period { from, to },
    };
    let sometimes = || dice.below(3) == 0;
    Ok(Filter {
        whose,
        status,
        network: sometimes().then(|| parse_network(network)).transpose()?,
        agent: sometimes().then(|| agents[dice.below(agents.len())].to_owned()),
        door: sometimes().then_some(Door::Pages),
        created: if sometimes() { period() } else { Period::default() },
        seen: if sometimes() { period() } else { Period::default() },
    })
}

async fn a_random_history_reads_the_same_as_in_the_model(backend: &'static dyn Backend) -> Outcome {
    let (mut succeeded, mut deleted) = (0, 0);
    for seed in 0..backend.histories() {
        let told = history(backend, seed).await.map_err(|error| format!("history {seed}: {error}"))?;
        (succeeded, deleted) = (succeeded + told.0, deleted + told.1);
    }
    assert!(succeeded > 0, "nobody changed their password");
    assert!(deleted > 0, "nobody was deleted");
    Ok(())
}

/// One history, how many sessions took another's place in it, and how many users were deleted. Its number is its seed: call it alone to run it again.
async fn history(backend: &'static dyn Backend, seed: u64) -> Result<(usize, usize), Failure> {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_767_323_045_678)));
    let mut model = Side::open(&InMemory, clock.clone(), !seed).await?;
    let mut other = Side::open(backend, clock.clone(), seed).await?;
    let dice = Dice::new(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
    let mut known = Vec::new();
    for n in 0..OPERATIONS {
        let operation = if n < 2 { Operation::AddUser(n) } else { next(&dice, &known, &model.people) };
        let what = format!("history {seed}, operation {n}: {operation:?}");
        if let Operation::Wait(time) = operation {
            clock.advance(time);
        }
        let answers = (model.apply(&operation).await?, other.apply(&operation).await?);
        assert_eq!(answers.0, answers.1, "{what}");
        known = model.sessions.iter().map(|session| (session.user_key(), session.id())).collect();
        if n % 5 == 0 {
            assert_eq!(model.stories().await?, other.stories().await?, "{what}");
            assert_eq!(model.pages().await?, other.pages().await?, "{what}");
        }
        if n % 20 == 0 || n + 1 == OPERATIONS {
            let asked = questions(&model.people, &dice, clock.now())?;
            assert_eq!(model.lists(&asked).await?, other.lists(&asked).await?, "{what}");
            assert_eq!(model.bench.events().await?, other.bench.events().await?, "{what}");
            assert_eq!(model.people().await?, other.people().await?, "{what}");
        }
    }
    Ok((other.succeeded, other.deleted))
}
