//! A store whose database takes nothing, and what becomes of that.

mod damaged;

use std::collections::{BTreeMap, BTreeSet};

use super::super::trees::{PLACES, Place};
use super::super::view::View;
use super::*;
use crate::domain::audit::{Action, Draft, Outcome, search};
use crate::domain::change::{NewPassword, UserChange};
use crate::domain::client::Client;
use crate::domain::clock::{Clock, ManualClock, OsEntropy};
use crate::domain::ending::{Actor, Ending, Reason};
use crate::domain::epoch::{Epoch, Epochs};
use crate::domain::id::{EventSeq, SessionId};
use crate::domain::key::{ApiKey, KeyCredential, KeyParticulars, KeyVerdict};
use crate::domain::lifetime::{Kind, Limits};
use crate::domain::listing::{Filter, Query, Status, Total};
use crate::domain::password::PasswordHash;
use crate::domain::safeguards::Safeguards;
use crate::domain::session::{Door, Session, Start, Verdict};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Profile, User};
use crate::store::{
    Audit, Created, End, EndUser, Environment, KeyCreated, KeyRevoked, Keys, Sessions, Store, StoreError, UserChanged,
    Users,
};

struct Bench {
    folder: tempfile::TempDir,
    clock: Arc<ManualClock>,
    environment: Environment,
    sled: Sled,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_767_323_045_678)));
        let limits = Limits::default();
        let environment = Environment { clock: clock.clone(), entropy: Arc::new(OsEntropy), limits };
        let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
        Self { folder, clock, environment, sled }
    }

    /// Has the database take nothing any more, as it does while it is compacted.
    async fn hold(&self) -> Claim {
        let claim = self.sled.claim().unwrap();
        assert!(self.sled.handle().await.unwrap().committer.hold().await);
        claim
    }

    async fn user(&self, id: &str) -> User {
        let user = User {
            id: id.parse().unwrap(),
            email: format!("{id}@example.com").parse().unwrap(),
            name: id.parse().unwrap(),
            password: PasswordHash::from_phc(String::new()),
            labels: BTreeSet::new(),
            epoch: Epoch::draw(&OsEntropy),
            created: self.clock.now(),
            blocked: false,
            safeguards: Safeguards::default(),
            profile: Profile::default(),
        };
        self.sled.create_user(user.clone(), false, Actor::Operator, None).await.unwrap();
        user
    }

    async fn try_sign_in(&self, user: &User) -> Result<Session, StoreError> {
        let user = self.sled.user(user.key()).await?.unwrap();
        let start = Start {
            user: user.id.clone(),
            epochs: Epochs { user: user.epoch, server: self.sled.server_epoch().await? },
            at: self.clock.now(),
            kind: Kind::Standard,
            lifetime: self.environment.limits.standard,
            door: Door::Pages,
            client: Client::new(None, ""),
            device: None,
            name: None,
        };
        let (session, _) = Session::start(start, &OsEntropy);
        match self.sled.create(session.clone(), None).await? {
            Created::Done { .. } => Ok(session),
            Created::Stale => panic!("stale"),
        }
    }

    async fn sign_in(&self, user: &User) -> Session {
        self.try_sign_in(user).await.unwrap()
    }

    async fn verdict(&self, session: &Session) -> Verdict {
        let standing = self.sled.session(session.user_key(), session.id()).await.unwrap().unwrap();
        standing.verdict(self.clock.now(), &self.environment.limits)
    }

    async fn live(&self) -> (usize, Total) {
        let filter = Filter { status: Status::Live, ..Filter::default() };
        let page = self.sled.page(&Query { rows: 100, ..Query::first(filter.clone()) }).await.unwrap();
        (page.rows.len(), self.sled.total(&filter).await.unwrap())
    }

    /// The same folder, as a new process finds it.
    async fn after_a_crash(self) -> Self {
        let Self { folder, clock, environment, sled } = self;
        drop(sled);
        let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
        Self { folder, clock, environment, sled }
    }
}

fn revoked() -> Ending {
    Ending::new(Actor::Operator, Reason::Revoked, None)
}

/// Five people with two sessions each; what ends of them while the database takes nothing: the first of Ada, all of
/// Bob, all but the first of Cyd.
async fn ended_by_the_journal(bench: &Bench) -> (Claim, Vec<Session>, Vec<Session>) {
    let (mut live, mut gone) = (Vec::new(), Vec::new());
    let mut users = Vec::new();
    for name in ["ada", "bob", "cyd", "dan", "eve"] {
        let user = bench.user(name).await;
        users.push((user.key(), [bench.sign_in(&user).await, bench.sign_in(&user).await]));
    }
    let claim = bench.hold().await;
    for (number, (key, [first, second])) in users.into_iter().enumerate() {
        match number {
            0 => {
                assert!(matches!(bench.sled.end(key, first.id(), revoked()).await, Ok(End::Done(_))));
                assert!(matches!(bench.sled.end(key, first.id(), revoked()).await, Ok(End::AlreadyEnded(_))));
                gone.push(first);
                live.push(second);
            }
            1 => {
                let ended = bench.sled.end_user(key, None, revoked()).await;
                assert!(matches!(ended, Ok(EndUser::Done { count: 2, .. })));
                gone.extend([first, second]);
            }
            2 => {
                let ended = bench.sled.end_user(key, Some(first.id()), revoked()).await;
                assert!(matches!(ended, Ok(EndUser::Done { count: 1, .. })));
                live.push(first);
                gone.push(second);
            }
            _ => live.extend([first, second]),
        }
    }
    (claim, live, gone)
}

async fn assert_told(bench: &Bench, live: &[Session], gone: &[Session]) {
    for session in live {
        assert_eq!(bench.verdict(session).await, Verdict::Live);
    }
    for session in gone {
        let Verdict::Ended(ended) = bench.verdict(session).await else { panic!("it has not ended") };
        assert_eq!((ended.by, ended.reason), (Actor::Operator, Reason::Revoked));
    }
    assert_eq!(bench.live().await, (live.len(), Total::Exactly(live.len() as u64)));
    // Five users, ten sign-ins, three endings, newest first and without a gap.
    let numbers: Vec<_> = bench.sled.events(None, 100).await.unwrap().iter().map(|event| event.seq.0).collect();
    assert_eq!(numbers, (1..=18).rev().collect::<Vec<_>>());
    let before = bench.sled.events(Some(EventSeq(17)), 2).await.unwrap();
    assert_eq!(before.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [16, 15]);
    // A search finds what the journal alone knows, by whom it concerns and by what it is.
    for (name, ended) in
        [("ada", Action::EndSession), ("bob", Action::EndUserSessions), ("cyd", Action::EndUserSessions)]
    {
        let filter = search::Filter { user: Some(name.parse().unwrap()), ..search::Filter::default() };
        let found = bench.sled.find(&search::Query::first(filter)).await.unwrap();
        let told: Vec<_> = found.rows.iter().map(|event| event.draft.action).collect();
        assert_eq!(told, [ended, Action::SignIn, Action::SignIn, Action::CreateUser]);
        assert_eq!(found.next, None);
    }
    // Whoever follows the log has heard of all.
    assert_eq!(*bench.sled.watch_events().borrow(), EventSeq(18));
    let followed = bench.sled.events_after(EventSeq(0), 100).await.unwrap();
    assert_eq!(followed.iter().map(|event| event.seq.0).collect::<Vec<_>>(), (1..=18).collect::<Vec<_>>());
    assert!(followed.iter().all(|event| event.draft.action != Action::Lost));
    let filter = search::Filter { actions: vec![Action::EndUserSessions], ..search::Filter::default() };
    let found = bench.sled.find(&search::Query::first(filter).oldest_first()).await.unwrap();
    assert_eq!(found.rows.iter().map(|event| event.seq.0).collect::<Vec<_>>(), [17, 18]);
}

#[tokio::test]
async fn what_ends_while_the_database_takes_nothing_has_ended_for_every_reader() {
    let bench = Bench::new().await;
    let (claim, live, gone) = ended_by_the_journal(&bench).await;
    assert_told(&bench, &live, &gone).await;
    let dan = bench.sled.user_by_email(&"dan@example.com".parse().unwrap()).await.unwrap().unwrap();
    let refused = bench.try_sign_in(&dan);
    assert!(matches!(refused.await, Err(StoreError::Unavailable { .. })));
    assert!(bench.sled.ready().await.is_err());
    assert_told(&bench, &live, &gone).await;
    drop(claim);
}

#[tokio::test]
async fn what_ended_by_the_journal_stays_ended_when_the_store_is_mended_and_after_a_crash() {
    let bench = Bench::new().await;
    let (claim, live, gone) = ended_by_the_journal(&bench).await;
    drop(claim);
    // Upkeep that was broken off: the next to come has the store opened anew.
    while bench.sled.ready().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_told(&bench, &live, &gone).await;
    let bench = bench.after_a_crash().await;
    assert_told(&bench, &live, &gone).await;

    let bench = Bench::new().await;
    let (claim, live, gone) = ended_by_the_journal(&bench).await;
    drop(claim);
    let bench = bench.after_a_crash().await;
    assert_told(&bench, &live, &gone).await;
}

#[tokio::test]
async fn a_key_is_revoked_without_the_database_and_stays_so_after_a_crash() {
    let bench = Bench::new().await;
    let mut ids = Vec::new();
    for name in ["gone", "stays"] {
        let (name, scopes) = (name.parse().unwrap(), "all".parse().unwrap());
        let created = bench.clock.now();
        let particulars = KeyParticulars { name, scopes, created, expires: None, by: Actor::Operator };
        let key = ApiKey::new(&KeyCredential::new(&OsEntropy), particulars);
        ids.push(key.id);
        assert_eq!(bench.sled.create_key(key, None).await.unwrap(), KeyCreated::Done);
    }
    let claim = bench.hold().await;
    let KeyRevoked::Done(ended) = bench.sled.revoke_key(ids[0], revoked()).await.unwrap() else {
        panic!("not revoked")
    };
    let again = bench.sled.revoke_key(ids[0], revoked()).await.unwrap();
    assert_eq!(again, KeyRevoked::AlreadyRevoked(ended.clone()));
    bench.sled.note_key_use(ids[1]).await.unwrap();
    let verdicts = async |bench: &Bench| {
        let keys = bench.sled.keys().await.unwrap();
        keys.iter().map(|stored| (stored.key.id, stored.key.verdict(bench.clock.now()))).collect::<BTreeMap<_, _>>()
    };
    let wanted = BTreeMap::from([(ids[0], KeyVerdict::Revoked(ended)), (ids[1], KeyVerdict::Live)]);
    assert_eq!(verdicts(&bench).await, wanted);
    drop(claim);
    let bench = bench.after_a_crash().await;
    assert_eq!(verdicts(&bench).await, wanted);
}

#[tokio::test]
async fn the_end_of_everyone_needs_no_database() {
    let bench = Bench::new().await;
    let ada = bench.user("ada").await;
    let sessions = [bench.sign_in(&ada).await, bench.sign_in(&ada).await];
    let claim = bench.hold().await;
    assert_eq!(bench.sled.end_everyone(revoked()).await.unwrap().count, 2);
    assert_eq!(bench.live().await, (0, Total::Exactly(0)));
    drop(claim);
    let bench = bench.after_a_crash().await;
    for session in &sessions {
        assert!(matches!(bench.verdict(session).await, Verdict::Ended(_)));
    }
    let fresh = bench.sign_in(&ada).await;
    assert_eq!(bench.verdict(&fresh).await, Verdict::Live);
}

/// Somebody who ends nothing over and over must not take from others what they need to end something.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_fills_up_keeps_room_for_the_end_of_everyone() {
    let bench = Arc::new(Bench::new().await);
    let (ada, bob) = (bench.user("ada").await, bench.user("bob").await);
    let session = bench.sign_in(&bob).await;
    let claim = bench.hold().await;
    let mut refused = false;
    while !refused {
        let mut running = tokio::task::JoinSet::new();
        for _ in 0..512 {
            let (bench, key) = (Arc::clone(&bench), ada.key());
            running.spawn(async move { bench.sled.end_user(key, None, revoked()).await });
        }
        for answer in running.join_all().await {
            match answer {
                Ok(EndUser::Done { .. }) => {}
                Err(StoreError::Unavailable { .. }) => refused = true,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!(bench.verdict(&session).await, Verdict::Live, "it goes on resolving");
    assert!(bench.sled.end(bob.key(), session.id(), revoked()).await.is_err());
    assert_eq!(bench.sled.end_everyone(revoked()).await.unwrap().count, 1);
    drop(claim);
    let bench = Arc::into_inner(bench).unwrap().after_a_crash().await;
    assert!(matches!(bench.verdict(&session).await, Verdict::Ended(_)));
}

#[tokio::test]
async fn whoever_is_active_while_the_database_takes_nothing_stays_signed_in() {
    let bench = Bench::new().await;
    let ada = bench.user("ada").await;
    let session = bench.sign_in(&ada).await;
    let claim = bench.hold().await;
    for _ in 0..4 {
        bench.clock.advance(Duration::from_mins(30));
        bench.sled.touch(ada.key(), session.id()).await.unwrap();
        // Behind the touch in the queue.
        let nobody = SessionId::new(bench.clock.now(), &OsEntropy);
        assert_eq!(bench.sled.end(ada.key(), nobody, revoked()).await.unwrap(), End::NotFound);
        assert_eq!(bench.verdict(&session).await, Verdict::Live);
    }
    drop(claim);
    while bench.sled.ready().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(bench.verdict(&session).await, Verdict::Live);
    bench.clock.advance(Duration::from_hours(2));
    assert!(matches!(bench.verdict(&session).await, Verdict::Expired(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_shows_one_moment_whatever_is_written_meanwhile() {
    let bench = Arc::new(Bench::new().await);
    let (ada, bob) = (bench.user("ada").await, bench.user("bob").await);
    let sessions = [bench.sign_in(&ada).await, bench.sign_in(&ada).await, bench.sign_in(&bob).await];
    let writing = {
        let bench = Arc::clone(&bench);
        async move || {
            bench.sled.end(ada.key(), sessions[0].id(), revoked()).await.unwrap();
            bench.sled.end_user(ada.key(), None, revoked()).await.unwrap();
            bench.sled.end_everyone(revoked()).await.unwrap();
            bench.sign_in(&bench.user("aaa").await).await;
            bench.sign_in(&bob).await;
            // All that has ended goes, and the events before.
            while bench.sled.reap(100).await.unwrap() > 0 {}
            bench.clock.advance(Duration::from_hours(100 * 24));
            while bench.sled.sweep(bench.clock.now(), 100).await.unwrap() > 0 {}
        }
    };
    let runtime = Runtime::current();
    let all = |view: &dyn Fn(Place) -> Vec<(Vec<u8>, Vec<u8>)>| PLACES.map(view);
    let read = bench.sled.as_of_now(move |snapshot| {
        let records = |place: Place| {
            let records = snapshot.iter(place).map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())));
            records.collect::<Result<Vec<_>, _>>().unwrap()
        };
        let before = all(&records);
        // One record of each tree has been read when the rest is written over.
        let mut under_way: Vec<_> = PLACES.iter().map(|place| (*place, snapshot.iter(*place))).collect();
        let first: Vec<_> = under_way.iter_mut().map(|(_, records)| records.next().map(Result::unwrap)).collect();
        runtime.block_on(writing());
        for ((place, rest), first) in under_way.into_iter().zip(first) {
            let whole = first.into_iter().chain(rest.map(Result::unwrap));
            let whole: Vec<_> = whole.map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
            assert_eq!(whole, before[place as usize], "{}", place.name());
        }
        assert_eq!(all(&records), before);
        for (place, records) in PLACES.into_iter().zip(&before) {
            for (key, value) in records {
                assert_eq!(snapshot.bytes(place, key).unwrap().as_deref(), Some(&**value), "{}", place.name());
            }
        }
        Ok(before.map(|records| records.len()))
    });
    let [sessions, _, users, ..] = read.await.unwrap();
    assert_eq!((sessions, users), (3, 2));
    let present = bench.sled.as_of_now(|snapshot| Ok(snapshot.iter(Place::Users).count())).await.unwrap();
    assert_eq!(present, 3, "something was written meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_changed_while_the_database_takes_nothing() {
    let bench = Bench::new().await;
    let ada = bench.user("ada").await;
    let session = bench.sign_in(&ada).await;
    let claim = bench.hold().await;
    let change = || {
        let hash = PasswordHash::from_phc("new".to_owned());
        bench.sled.change_user(ada.key(), UserChange::Password(Box::new(NewPassword { hash, asked: None })), revoked())
    };
    assert!(matches!(change().await, Err(StoreError::Unavailable { .. })));
    assert_eq!(bench.sled.user(ada.key()).await.unwrap().unwrap(), ada);
    assert_eq!(bench.verdict(&session).await, Verdict::Live);
    drop(claim);
    while bench.sled.ready().await.is_err() {
        tokio::task::yield_now().await;
    }
    assert!(matches!(change().await, Ok(UserChanged::Done { ended: 1, .. })));
}
