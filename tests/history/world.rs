//! What all threads of a round share: where the server is, who has which credential, and how far the round has got.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use super::operator::Door;
use super::record::{Server, Session, User};
use super::wire::Wire;
use crate::contract::dice::Dice;

/// Live sessions of these places are everybody's favourites, so that ends and resolves of the same one meet.
const CONTESTED: usize = 3;
/// Ended sessions that wait for other threads to try them.
const FRESH: usize = 64;

/// Somebody with an id and an address to sign in with.
pub struct Person {
    pub id: String,
    pub email: String,
}

/// A session whose credential was handed out.
pub struct Known {
    pub number: Session,
    pub user: User,
    pub credential: String,
    /// For forms, once somebody has opened a page with one.
    pub token: OnceLock<String>,
}

/// Where to connect to.
#[derive(Debug, Clone, Copy)]
struct Serving {
    server: Server,
    address: SocketAddr,
    /// Its id in the system.
    process: u32,
}

impl Serving {
    /// Whether it lives: what is left of a process that nobody has waited for has no program any more.
    fn is_alive(self) -> bool {
        fs::read_link(format!("/proc/{}/exe", self.process)).is_ok()
    }
}

pub struct World {
    /// The first is an administrator.
    pub people: Vec<Person>,
    server: Mutex<Option<Serving>>,
    /// The data folder of all processes.
    data: PathBuf,
    /// Held by whoever has blocked somebody.
    blocking: Mutex<()>,
    /// The number of the process that is about to be killed, or was killed last, plus one.
    doomed: AtomicU32,
    done: AtomicU64,
    unconfirmed: AtomicU64,
    compacted: AtomicU64,
    budget: u64,
    broken: AtomicBool,
    emptied: AtomicBool,
    all: Mutex<Vec<Arc<Known>>>,
    live: Mutex<Vec<Arc<Known>>>,
    fresh: Mutex<Vec<Arc<Known>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub fn new(people: Vec<Person>, data: PathBuf, budget: u64) -> Self {
        Self {
            people,
            data,
            blocking: Mutex::default(),
            server: Mutex::default(),
            doomed: AtomicU32::new(0),
            done: AtomicU64::new(0),
            unconfirmed: AtomicU64::new(0),
            compacted: AtomicU64::new(0),
            budget,
            broken: AtomicBool::new(false),
            emptied: AtomicBool::new(false),
            all: Mutex::default(),
            live: Mutex::default(),
            fresh: Mutex::default(),
        }
    }

    pub fn serve(&self, server: Server, address: SocketAddr, process: u32) {
        *locked(&self.server) = Some(Serving { server, address, process });
    }

    /// Says, before the signal is sent, that this process will be gone.
    pub fn doom(&self, server: Server) {
        self.doomed.store(server + 1, Ordering::SeqCst);
    }

    /// Whether there is a process to ask.
    pub fn is_served(&self) -> bool {
        locked(&self.server).is_some_and(Serving::is_alive)
    }

    /// Counts one operation.
    pub fn note(&self) {
        self.done.fetch_add(1, Ordering::SeqCst);
    }

    pub fn count(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    /// Counts one answer that said that nothing could be confirmed.
    pub fn note_unconfirmed(&self) {
        self.unconfirmed.fetch_add(1, Ordering::SeqCst);
    }

    pub fn unconfirmed(&self) -> u64 {
        self.unconfirmed.load(Ordering::SeqCst)
    }

    /// Counts one compaction that was done.
    pub fn note_compacted(&self) {
        self.compacted.fetch_add(1, Ordering::SeqCst);
    }

    pub fn compacted(&self) -> usize {
        usize::try_from(self.compacted.load(Ordering::SeqCst)).unwrap_or(usize::MAX)
    }

    /// There is nobody to sign in with any more: what there was is what will be judged.
    pub fn finish(&self) {
        self.emptied.store(true, Ordering::SeqCst);
    }

    pub fn is_emptied(&self) -> bool {
        self.emptied.load(Ordering::SeqCst)
    }

    /// Whether there have been enough.
    pub fn is_over(&self) -> bool {
        self.is_given_up() || self.is_emptied() || self.count() >= self.budget
    }

    /// Lets everybody go home, whatever they wait for.
    pub fn give_up(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    pub fn is_given_up(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    /// A connection to the process that it names: one that lived and was not doomed yet when the connection stood, since
    /// afterwards its port may be anybody's. `None` if there will be no server any more: once there have been enough
    /// operations, nobody starts another one for those who are still at it.
    pub fn connect(&self) -> Option<Wire> {
        while !self.broken.load(Ordering::SeqCst) {
            let serving = *locked(&self.server);
            if let Some(serving) = serving
                && let Ok(wire) = Wire::connect(serving.server, serving.address)
                && serving.is_alive()
                && self.doomed.load(Ordering::SeqCst) <= serving.server
            {
                return Some(wire);
            }
            if self.is_over() && !serving.is_some_and(Serving::is_alive) {
                return None;
            }
            thread::sleep(Duration::from_millis(1));
        }
        None
    }

    /// The operator's door of the process that it names; see [`World::connect`].
    pub fn operator(&self) -> Option<(Server, Door)> {
        let serving = (*locked(&self.server))?;
        let door = Door::find(&self.data)?;
        let alive = serving.is_alive() && self.doomed.load(Ordering::SeqCst) <= serving.server;
        alive.then_some((serving.server, door))
    }

    /// The right to block somebody, unless somebody else has it.
    pub fn blocking(&self) -> Option<MutexGuard<'_, ()>> {
        self.blocking.try_lock().ok()
    }

    /// A credential was handed out. `shared`: for anybody to use.
    pub fn signed_in(&self, user: User, credential: &str, shared: bool) -> Arc<Known> {
        let mut all = locked(&self.all);
        let number = Session::try_from(all.len()).expect("a number");
        let known = Known { number, user, credential: credential.to_owned(), token: OnceLock::new() };
        let known = Arc::new(known);
        all.push(Arc::clone(&known));
        if shared {
            locked(&self.live).push(Arc::clone(&known));
        }
        known
    }

    /// One that is probably live.
    pub fn pick(&self, dice: &Dice) -> Option<Arc<Known>> {
        let live = locked(&self.live);
        let among = if dice.below(2) == 0 { CONTESTED.min(live.len()) } else { live.len() };
        dice.pick(&live[..among]).cloned()
    }

    pub fn live(&self) -> usize {
        locked(&self.live).len()
    }

    /// It was turned away, or ended.
    pub fn forget(&self, number: Session) {
        locked(&self.live).retain(|known| known.number != number);
    }

    /// An end of it was acknowledged just now.
    pub fn ended(&self, known: &Arc<Known>) {
        self.forget(known.number);
        self.offer(Arc::clone(known));
    }

    /// An end of all these was acknowledged just now. Answers one of them.
    pub fn swept(&self, user: Option<User>, keep: Option<Session>) -> Option<Arc<Known>> {
        let mut gone = Vec::new();
        locked(&self.live).retain(|known| {
            let covered = user.is_none_or(|user| known.user == user) && Some(known.number) != keep;
            if covered {
                gone.push(Arc::clone(known));
            }
            !covered
        });
        let last = gone.pop();
        gone.into_iter().take(4).for_each(|known| self.offer(known));
        last
    }

    fn offer(&self, known: Arc<Known>) {
        let mut fresh = locked(&self.fresh);
        if fresh.len() < FRESH {
            fresh.push(known);
        }
    }

    /// The one that another thread has ended last.
    pub fn fresh(&self) -> Option<Arc<Known>> {
        locked(&self.fresh).pop()
    }

    /// Everyone who ever signed in.
    pub fn all(&self) -> Vec<Arc<Known>> {
        locked(&self.all).clone()
    }
}
