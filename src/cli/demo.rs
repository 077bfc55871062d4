//! `--demo`: a team of 200 with 1,000 sessions, played through on a clock of its own that ends at the present.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use super::Failure;
use crate::config::Config;
use crate::domain::client::Client;
use crate::domain::clock::{Clock, ManualClock, OsEntropy, SystemClock, random};
use crate::domain::ending::{Actor, Ending, Note, Reason};
use crate::domain::epoch::{Epoch, Epochs};
use crate::domain::id::{UserId, hex};
use crate::domain::lifetime::{Kind, Limits};
use crate::domain::password::Password;
use crate::domain::safeguards::Safeguards;
use crate::domain::session::{Door, Session, Start};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Label, Profile, User};
use crate::open;
use crate::service::Service;
use crate::store::{Environment, Sessions, Store};

const USERS: u32 = 200;
const SESSIONS: u32 = 1_000;
const MINUTE: Duration = Duration::from_mins(1);

const GIVEN: [&str; 20] = [
    "Amara",
    "Benedikt",
    "Chiara",
    "Dmitri",
    "Elif",
    "Farid",
    "Greta",
    "Haruki",
    "Ingrid",
    "Jamal",
    "Katarzyna",
    "Lucía",
    "Mateo",
    "Noor",
    "Oluwaseun",
    "Priya",
    "Quentin",
    "Rosa",
    "Søren",
    "Thandiwe",
];
const FAMILY: [&str; 20] = [
    "Abara",
    "Brandt",
    "Castillo",
    "Dimitrova",
    "Eriksson",
    "Fontaine",
    "García",
    "Hoang",
    "Ito",
    "Jansen",
    "Kowalski",
    "Lindqvist",
    "Moreau",
    "Nakamura",
    "Okafor",
    "Patel",
    "Quispe",
    "Rossi",
    "Schneider",
    "Tanaka",
];
const AGENTS: [&str; 8] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0",
];
const NOTES: [&str; 4] =
    ["Laptop lost on the train", "Left the team", "Unknown device, asked by the user", "Shared computer"];

/// Who can sign in to the demo.
pub struct Administrator {
    pub email: String,
    pub password: String,
}

/// What happens at one time in the life of a session.
enum Happening {
    SignIn(usize),
    Seen(usize),
    End(usize),
}

struct Life {
    user: usize,
    kind: Kind,
    client: Client,
    reason: Option<Reason>,
    session: Option<Session>,
}

/// Fills the database of `config` and closes it again.
pub async fn fill(config: &Config) -> Result<Administrator, Failure> {
    let now = SystemClock::new().now();
    let clock = Arc::new(ManualClock::new(now - Duration::from_hours(24 * 21)));
    let environment = Environment { clock: clock.clone(), entropy: Arc::new(OsEntropy), limits: config.limits };
    let service = open::open_in(config, environment).await?.service;
    let store = service.store();
    let mut dice = Dice(0x5e55_10bd);

    let password = hex(&random::<12>(&OsEntropy));
    let users = team(&service, &password, &mut dice).await?;
    for user in &users {
        let _ = store.create_user(user.clone(), false, Actor::Operator, None).await?;
    }
    let server = store.server_epoch().await?;

    let (mut lives, mut happenings) = (Vec::new(), Vec::new());
    for index in 0..SESSIONS as usize {
        let (life, times) = imagine(index, &users, now, config, &mut dice);
        lives.push(life);
        happenings.extend(times);
    }
    happenings.sort_by_key(|(at, _)| *at);
    let stage = Stage { store, clock: &*clock, limits: config.limits, users: &users, server };
    for (at, happening) in happenings {
        clock.advance(at.since(clock.now()));
        play(&stage, &mut lives, happening, &mut dice).await?;
    }
    store.close().await?;
    Ok(Administrator { email: users[0].email.to_string(), password })
}

async fn team(service: &Service, password: &str, dice: &mut Dice) -> Result<Vec<User>, Failure> {
    // One hash for all: nobody but the administrator is told the password.
    let hash = service.hash(Password::typed(password.to_owned())).await.map_err(Failure::failed)?;
    let mut users: Vec<User> = Vec::new();
    for index in 0..USERS {
        let given = GIVEN[index as usize % GIVEN.len()];
        let family = FAMILY[(index as usize / GIVEN.len() + dice.below(2) as usize * 10) % FAMILY.len()];
        let name = if index == 0 { "Ada Example".to_owned() } else { format!("{given} {family}") };
        let email = if index == 0 { "ada@example.com".to_owned() } else { format!("user{index}@example.com") };
        users.push(User {
            id: UserId::new(&OsEntropy),
            email: email.parse().map_err(Failure::failed)?,
            name: name.parse().map_err(Failure::failed)?,
            password: hash.clone(),
            labels: if index < 3 { BTreeSet::from([Label::admin()]) } else { BTreeSet::new() },
            epoch: Epoch::draw(&OsEntropy),
            created: service.clock().now(),
            blocked: false,
            safeguards: Safeguards::default(),
            profile: Profile::default(),
        });
    }
    Ok(users)
}

/// One session's life: who, with what, from when to when, and how it ends.
fn imagine(
    index: usize,
    users: &[User],
    now: Timestamp,
    config: &Config,
    dice: &mut Dice,
) -> (Life, Vec<(Timestamp, Happening)>) {
    let user = dice.below(USERS) as usize;
    let kind = match (users[user].is_administrator(), dice.below(3)) {
        (true, _) => Kind::Administrator,
        (false, 0) => Kind::Persistent,
        (false, _) => Kind::Standard,
    };
    let address = match dice.below(4) {
        0 => Ipv4Addr::new(203, 0, 113, dice.byte()),
        1 => Ipv4Addr::new(198, 51, 100, dice.byte()),
        _ => Ipv4Addr::new(10, 20, dice.byte() % 8, dice.byte()),
    };
    let agent = AGENTS[dice.below(8) as usize];
    let client = Client::new(Some(IpAddr::V4(address)), agent);
    let lifetime = config.limits.of(kind);
    // Six in ten are live at the end, two and a half are ended, the rest run out.
    let (last, reason) = match dice.below(20) {
        0..12 => (now - lifetime.idle.min(Duration::from_hours(20)).mul_f64(dice.fraction() * 0.9), None),
        12..17 => {
            let reasons = [Reason::SignedOut, Reason::SignedOut, Reason::Revoked, Reason::SignedOutElsewhere];
            (now - MINUTE * dice.below(3 * 1440), Some(reasons[dice.below(4) as usize]))
        }
        _ => (now - lifetime.idle * 2 - MINUTE * dice.below(2 * 1440), None),
    };
    let used = lifetime.idle.min(Duration::from_hours(40)).mul_f64(0.05 + dice.fraction() * 0.8);
    let start = last - used;
    let mut times = vec![(start, Happening::SignIn(index)), (last, Happening::Seen(index))];
    if reason.is_some() {
        times.push((last + MINUTE, Happening::End(index)));
    }
    (Life { user, kind, client, reason, session: None }, times)
}

/// What all scenes of the play share.
struct Stage<'a> {
    store: &'a dyn Store,
    clock: &'a dyn Clock,
    limits: Limits,
    users: &'a [User],
    server: Epoch,
}

async fn play(stage: &Stage<'_>, lives: &mut [Life], happening: Happening, dice: &mut Dice) -> Result<(), Failure> {
    let Stage { store, clock, limits, users, server } = *stage;
    match happening {
        Happening::SignIn(index) => {
            let life = &mut lives[index];
            let user = &users[life.user];
            let start = Start {
                user: user.id.clone(),
                epochs: Epochs { user: user.epoch, server },
                at: clock.now(),
                kind: life.kind,
                lifetime: limits.of(life.kind),
                door: Door::Pages,
                client: life.client.clone(),
                device: None,
                name: None,
            };
            let (session, _) = Session::start(start, &OsEntropy);
            Sessions::create(store, session.clone(), None).await?;
            life.session = Some(session);
        }
        Happening::Seen(index) => {
            if let Some(session) = &lives[index].session {
                store.touch(session.user_key(), session.id()).await?;
                store.ready().await?;
            }
        }
        Happening::End(index) => {
            let life = &lives[index];
            let (Some(session), Some(reason)) = (&life.session, life.reason) else { return Ok(()) };
            let revoked = reason == Reason::Revoked;
            let by = if revoked { &users[0] } else { &users[life.user] };
            let note = if revoked { Note::parse(NOTES[dice.below(4) as usize]).ok().flatten() } else { None };
            let ending = Ending { by: Actor::User(by.id.clone()), reason, note, from: life.client.address };
            store.end(session.user_key(), session.id(), ending).await?;
        }
    }
    Ok(())
}

/// Repeatable chance: the demo looks the same each time.
struct Dice(u64);

impl Dice {
    /// One of 0..n.
    fn below(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        u32::try_from((self.0 >> 11) % u64::from(n.max(1))).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(254) + 1).unwrap_or(1)
    }

    fn fraction(&mut self) -> f64 {
        f64::from(self.below(10_000)) / 10_000.0
    }
}
