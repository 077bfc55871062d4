//! Argon2id, rationed: as many hashes at once as there are cores, a short queue, and then "busy".

mod costs;
mod load;
mod memory;
mod pepper;
mod workers;

use std::hint::black_box;
use std::sync::Arc;

use argon2::{KeyId, Params, ParamsBuilder};
use serde::Deserialize;
use tokio::sync::Semaphore;

use self::costs::Costs;
pub use self::load::Load;
use self::load::Tally;
use self::memory::Memory;
pub use self::pepper::{Pepper, PepperError, Peppers};
use self::workers::Workers;
use crate::domain::clock::{Entropy, random};
use crate::domain::password::{Password, PasswordHash, PepperId, Recipe};

/// Hashes that may wait for each one under way: about half a second's worth.
const QUEUE_PER_CORE: usize = 32;

/// What one hash costs. The default is OWASP's: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

impl Cost {
    /// Whether Argon2 allows it.
    ///
    /// # Errors
    /// Says what it does not allow.
    pub fn check(self) -> Result<(), CostError> {
        self.params().map(drop)
    }

    fn params(self) -> Result<Params, CostError> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, None);
        params.map_err(|error| CostError(error.to_string()))
    }
}

/// How passwords are hashed.
#[derive(Debug, Clone, Default)]
pub struct Hashing {
    /// What one hash costs.
    pub cost: Cost,
    /// What goes into it beside the password.
    pub peppers: Peppers,
}

impl Hashing {
    /// The parameters of new hashes.
    fn params(&self) -> Result<Params, CostError> {
        let params = self.cost.params()?;
        let Some(pepper) = self.peppers.present() else { return Ok(params) };
        let mut named = ParamsBuilder::new();
        named.m_cost(params.m_cost()).t_cost(params.t_cost()).p_cost(params.p_cost());
        let id = KeyId::from_b64(pepper.id().as_str()).map_err(|error| CostError(error.to_string()))?;
        named.keyid(id).build().map_err(|error| CostError(error.to_string()))
    }
}

impl From<Cost> for Hashing {
    fn from(cost: Cost) -> Self {
        Self { cost, peppers: Peppers::default() }
    }
}

/// A cost that Argon2 does not know.
#[derive(Debug, thiserror::Error)]
#[error("argon2 allows no such cost: {0}")]
pub struct CostError(String);

/// Too many people sign in at once; try again in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once")]
pub struct Busy;

/// See the module.
pub struct Hasher {
    params: Params,
    peppers: Peppers,
    entropy: Arc<dyn Entropy>,
    workers: Workers,
    /// One permit for each hash that waits or runs.
    waiting: Arc<Semaphore>,
    /// How many of those there are.
    most: usize,
    tally: Arc<Tally>,
    /// What an unknown user's password is compared with: costs the same and never matches.
    nobody: PasswordHash,
    costs: Costs,
}

impl Hasher {
    /// A hasher for this machine's cores.
    pub fn new(hashing: impl Into<Hashing>, entropy: Arc<dyn Entropy>) -> Result<Self, CostError> {
        let error = |error: &dyn std::fmt::Display| CostError(error.to_string());
        let hashing = hashing.into();
        let (params, peppers) = (hashing.params()?, hashing.peppers);
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (password, salt) = (random::<32>(&*entropy), random::<16>(&*entropy));
        let pepper = peppers.present().map(|pepper| pepper.expose());
        let nobody = hash(&mut Memory::default(), &params, pepper, &password, &salt).map_err(|e| error(&e))?;
        let most = cores * (1 + QUEUE_PER_CORE);
        let waiting = Arc::new(Semaphore::new(most));
        let workers = Workers::start(cores).map_err(|e| error(&e))?;
        let costs = Costs::new(&nobody);
        Ok(Self { params, peppers, entropy, workers, waiting, most, tally: Arc::default(), nobody, costs })
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, Busy> {
        let salt = random::<16>(&*self.entropy);
        let (params, pepper) = (self.params.clone(), self.peppers.present().cloned());
        let hashed = self.run(move |memory| {
            let pepper = pepper.as_ref().map(|pepper| pepper.expose());
            hash(memory, &params, pepper, password.expose(), &salt)
        });
        let hashed = hashed.await?;
        hashed.map_err(|error| {
            tracing::error!(%error, "argon2 failed");
            Busy
        })
    }

    /// Whether `stored` was made at another cost, or with another pepper, than the one that is configured now.
    pub fn is_outdated(&self, stored: &PasswordHash) -> bool {
        stored.recipe() != self.nobody.recipe()
    }

    /// Whether nobody configured this pepper: no password can be found right by a hash that names it.
    pub fn is_missing(&self, id: &PepperId) -> bool {
        self.peppers.find(id).is_none()
    }

    /// Whether new passwords are hashed at this cost.
    pub fn is_present_cost(&self, cost: &str) -> bool {
        self.nobody.recipe().cost == cost
    }

    /// Notes that there are users whose passwords were hashed at this cost; see [`costs`].
    pub fn note_cost(&self, cost: &str) {
        self.costs.note(cost);
    }

    /// Whether `password` is the one that `stored` was made of, and `also` holds; `None`, for an unknown user, is never, and so is
    /// a hash with a pepper that is missing. Whatever it is that fails takes as long for one as for another.
    pub async fn verify(&self, password: Password, stored: Option<PasswordHash>, also: bool) -> Result<bool, Busy> {
        let stored = stored.filter(|stored| !stored.recipe().pepper.is_some_and(|id| self.is_missing(&id)));
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.clone());
        let Recipe { cost, pepper } = stored.recipe();
        let pepper = pepper.and_then(|id| self.peppers.find(&id)).cloned();
        self.costs.note(&cost);
        let decoys = self.costs.besides(&cost);
        // Cut, so that a huge body costs no more than a password; no password that long can have been chosen.
        let matches = self
            .run(move |memory| {
                let bytes = password.expose();
                let bytes = &bytes[..bytes.len().min(Password::LONGEST_BYTES + 1)];
                compare(memory, bytes, pepper.as_ref().map(|pepper| pepper.expose()), &stored, also, &decoys)
            })
            .await?;
        Ok(matches && known)
    }

    /// How much there is to hash.
    pub fn load(&self) -> Load {
        self.tally.load(self.most - self.waiting.available_permits().min(self.most))
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Result<T, Busy> {
        // Held until the hash is done, whatever becomes of whoever asked.
        let permit = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| {
            self.tally.refuse();
            Busy
        })?;
        let tally = Arc::clone(&self.tally);
        let done = self.workers.run(move |memory| {
            let running = tally.run();
            let done = work(memory);
            drop((permit, running));
            done
        });
        done.await.ok_or(Busy)
    }
}

fn hash(
    memory: &mut Memory,
    params: &Params,
    pepper: Option<&[u8]>,
    password: &[u8],
    salt: &[u8],
) -> argon2::password_hash::Result<PasswordHash> {
    Ok(PasswordHash::from_phc(memory.hash(params, pepper, password, salt)?.to_string()))
}

/// Whether the password is the one of `stored`, and `also` holds. If not, it is compared with the decoys as well, to no other end.
fn compare(
    memory: &mut Memory,
    password: &[u8],
    pepper: Option<&[u8]>,
    stored: &PasswordHash,
    also: bool,
    decoys: &[PasswordHash],
) -> bool {
    if memory.verify(password, pepper, stored.as_phc()) && also {
        return true;
    }
    for decoy in decoys {
        black_box(memory.verify(password, None, decoy.as_phc()));
    }
    false
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::domain::clock::OsEntropy;

    #[tokio::test]
    async fn asvs_11_4_2_passwords_are_hashed_with_argon2id_at_the_default_cost() {
        let hasher = Hasher::new(Cost::default(), Arc::new(OsEntropy)).unwrap();
        let typed = || Password::typed("correct horse battery".to_owned());
        let stored = hasher.hash(typed()).await.unwrap();
        assert!(stored.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(hasher.verify(typed(), Some(stored.clone()), true).await, Ok(true));
        assert_eq!(hasher.verify(Password::typed("wrong".to_owned()), Some(stored), true).await, Ok(false));
        assert_eq!(hasher.verify(typed(), None, true).await, Ok(false));
    }

    #[tokio::test]
    async fn asvs_6_3_8_a_wrong_password_does_the_work_of_every_cost_in_use_whoever_it_is_for() {
        let typed = || Password::typed("correct horse battery".to_owned());
        let cheap = Hasher::new(Cost { memory_kib: 8, passes: 1, lanes: 1 }, Arc::new(OsEntropy)).unwrap();
        let dear = Hasher::new(Cost { memory_kib: 64, passes: 1, lanes: 1 }, Arc::new(OsEntropy)).unwrap();
        let (own, old) = (cheap.hash(typed()).await.unwrap(), dear.hash(typed()).await.unwrap());
        assert_eq!(cheap.costs.besides(&own.recipe().cost), [], "one cost, one comparison");
        assert_eq!(cheap.verify(Password::typed("wrong".to_owned()), Some(old.clone()), true).await, Ok(false));
        for (stored, besides) in [(&own, &old), (&old, &own)] {
            let decoys = cheap.costs.besides(&stored.recipe().cost);
            let recipes: Vec<_> = decoys.iter().map(PasswordHash::recipe).collect();
            assert_eq!(recipes, [besides.recipe()]);
            // How much memory it took tells what was computed.
            let mut memory = Memory::default();
            assert!(compare(&mut memory, typed().expose(), None, stored, true, &decoys));
            assert_eq!(
                memory.blocks(),
                if stored == &own { 8 } else { 64 },
                "who knows the password waits for it alone"
            );
            for (password, also) in [(&b"wrong"[..], true), (typed().expose(), false)] {
                let mut memory = Memory::default();
                assert!(!compare(&mut memory, password, None, stored, also, &decoys));
                assert_eq!(memory.blocks(), 64);
            }
        }
        assert_eq!(cheap.verify(typed(), None, true).await, Ok(false));
    }

    fn pepper(first: u8) -> Pepper {
        Pepper::new(Zeroizing::new((first..first + 32).collect())).unwrap()
    }

    fn peppered(present: Option<u8>, previous: &[u8]) -> Hasher {
        let cost = Cost { memory_kib: 8, passes: 1, lanes: 1 };
        let peppers = Peppers::new(present.map(pepper), previous.iter().copied().map(pepper).collect());
        Hasher::new(Hashing { cost, peppers }, Arc::new(OsEntropy)).unwrap()
    }

    #[tokio::test]
    async fn asvs_11_4_2_a_hash_names_its_pepper_and_opens_with_no_other() {
        let typed = || Password::typed("correct horse battery".to_owned());
        let (plain, one, other) = (peppered(None, &[]), peppered(Some(1), &[]), peppered(Some(2), &[]));
        let stored = one.hash(typed()).await.unwrap();
        let named = format!("$argon2id$v=19$m=8,t=1,p=1,keyid={}$", pepper(1).id());
        assert!(stored.as_phc().starts_with(&named), "{}", stored.as_phc());
        assert_eq!(one.verify(typed(), Some(stored.clone()), true).await, Ok(true));
        assert_eq!(one.verify(Password::typed("wrong".to_owned()), Some(stored.clone()), true).await, Ok(false));
        for without in [&plain, &other] {
            assert_eq!(without.verify(typed(), Some(stored.clone()), true).await, Ok(false));
            assert!(without.is_missing(pepper(1).id()) && !one.is_missing(pepper(1).id()));
        }
        // The name alone is not what keeps them apart: the pepper goes into the hash.
        let renamed = stored.as_phc().replace(pepper(1).id().as_str(), pepper(2).id().as_str());
        assert_eq!(other.verify(typed(), Some(PasswordHash::from_phc(renamed)), true).await, Ok(false));
        let unnamed = stored.as_phc().replace(&format!(",keyid={}", pepper(1).id()), "");
        assert_eq!(plain.verify(typed(), Some(PasswordHash::from_phc(unnamed)), true).await, Ok(false));
    }

    #[tokio::test]
    async fn asvs_11_4_2_a_pepper_can_be_introduced_followed_by_another_and_given_up() {
        let typed = || Password::typed("correct horse battery".to_owned());
        let mut stored = peppered(None, &[]).hash(typed()).await.unwrap();
        for (hasher, named) in [
            (peppered(Some(1), &[]), Some(1)),
            (peppered(Some(2), &[1]), Some(2)),
            (peppered(Some(3), &[1, 2]), Some(3)),
            (peppered(None, &[3]), None),
        ] {
            assert_eq!(hasher.verify(typed(), Some(stored.clone()), true).await, Ok(true));
            assert!(hasher.is_outdated(&stored));
            stored = hasher.hash(typed()).await.unwrap();
            assert!(!hasher.is_outdated(&stored));
            assert_eq!(stored.recipe().pepper, named.map(|first| pepper(first).id().clone()));
        }
    }

    #[tokio::test]
    async fn asvs_15_2_2_beyond_the_queue_the_answer_is_busy() {
        let hasher = Hasher::new(Cost { memory_kib: 8, passes: 1, lanes: 1 }, Arc::new(OsEntropy)).unwrap();
        let all = u32::try_from(hasher.waiting.available_permits()).unwrap();
        let _taken = hasher.waiting.acquire_many(all).await.unwrap();
        assert_eq!(hasher.verify(Password::typed("any".to_owned()), None, true).await, Err(Busy));
    }

    #[tokio::test]
    async fn the_load_tells_what_waits_runs_is_done_and_was_refused() {
        let hasher = Arc::new(Hasher::new(Cost { memory_kib: 8, passes: 1, lanes: 1 }, Arc::new(OsEntropy)).unwrap());
        let idle = Load { waiting: 0, running: 0, done: 0, refused: 0 };
        assert_eq!(hasher.load(), idle);
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (hold, held) = tokio::sync::watch::channel(false);
        let (begun, mut begins) = tokio::sync::mpsc::unbounded_channel();
        let hashes: Vec<_> = (0..=threads)
            .map(|_| {
                let (hasher, held, begun) = (Arc::clone(&hasher), held.clone(), begun.clone());
                tokio::spawn(async move {
                    let work = move |_: &mut Memory| {
                        begun.send(()).unwrap();
                        while !*held.borrow() {
                            std::thread::yield_now();
                        }
                    };
                    hasher.run(work).await
                })
            })
            .collect();
        for _ in 0..threads {
            begins.recv().await.unwrap();
        }
        while hasher.load().waiting != 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(hasher.load(), Load { waiting: 1, running: threads as u64, ..idle });
        hold.send(true).unwrap();
        for hash in hashes {
            hash.await.unwrap().unwrap();
        }
        assert_eq!(hasher.load(), Load { done: threads as u64 + 1, ..idle });
        assert_eq!(hasher.run(|_| panic!("on purpose")).await, Err::<(), _>(Busy));
        assert_eq!(hasher.load(), Load { done: threads as u64 + 2, ..idle });

        let all = u32::try_from(hasher.waiting.available_permits()).unwrap();
        let taken = hasher.waiting.acquire_many(all).await.unwrap();
        assert_eq!(hasher.run(|_| ()).await, Err(Busy));
        drop(taken);
        assert_eq!(hasher.load().refused, 1);
    }
}
