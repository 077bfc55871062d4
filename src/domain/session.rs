//! A session, its life, and the one rule by which gate, lists and counts call it live.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::audit::Action;
use super::client::Client;
use super::clock::Entropy;
use super::credential::{Credential, SecretDigest};
use super::device::{DeviceId, DeviceName};
use super::ending::{Actor, Ended, Reason};
use super::epoch::{Epoch, Epochs};
use super::id::{EventSeq, SessionId, UserId, UserKey};
use super::lifetime::{Kind, Lifetime, Limits};
use super::safeguards::NewDevice;
use super::timestamp::Timestamp;
use super::user::User;

/// How long a proof of who one is stays fresh.
pub const FRESH: Duration = Duration::from_mins(10);

/// So many wrong passwords in a row end the session in which they were typed.
pub const MOST_WRONG_PROOFS: u8 = 10;

/// Where the person came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Door {
    /// The sign-in page.
    Pages,
    /// The API, with a password.
    Api,
    /// The API, with a one-time token.
    Token,
    /// An application's server, which vouches for the person with its API key.
    Server,
}

impl Door {
    /// Every door.
    pub const ALL: [Self; 4] = [Self::Pages, Self::Api, Self::Token, Self::Server];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Api => "api",
            Self::Token => "token",
            Self::Server => "server",
        }
    }

    /// The door with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|door| door.code() == code)
    }
}

/// What the record itself says. A live record may still be expired or carry a replaced epoch: see [`Standing`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// Not ended by name.
    Live,
    /// Ended; nothing leads back.
    Ended(Ended),
    /// Ran out at this time, and somebody has been told so: nothing leads back from there either.
    Expired(Timestamp),
}

/// A change was refused because the session is past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session has ended or run out")]
pub struct AlreadyEnded;

/// One sign-in of one user with one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    id: SessionId,
    user: UserId,
    digest: SecretDigest,
    epochs: Epochs,
    created: Timestamp,
    authenticated: Timestamp,
    kind: Kind,
    lifetime: Lifetime,
    door: Door,
    client: Client,
    state: State,
    /// The browser, if it can prove to be the same one again.
    device: Option<DeviceId>,
    /// What the person calls it.
    name: Option<DeviceName>,
    /// Up to when the person has read of sign-ins in new browsers, or need not.
    acknowledged: Timestamp,
    /// Wrong passwords in a row that were typed in it.
    wrong_proofs: u8,
}

/// What is needed to create a session.
#[derive(Debug, Clone)]
pub struct Start {
    /// Whose.
    pub user: UserId,
    /// The epochs, read before the password was hashed.
    pub epochs: Epochs,
    /// When.
    pub at: Timestamp,
    /// Which lifetime.
    pub kind: Kind,
    /// Its limits at this moment; later ones count only where they are smaller.
    pub lifetime: Lifetime,
    /// Where the person came in.
    pub door: Door,
    /// With what.
    pub client: Client,
    /// The browser, if it can prove to be the same one again.
    pub device: Option<DeviceId>,
    /// What the person called it before.
    pub name: Option<DeviceName>,
}

/// A change to a session that leaves it live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionChange {
    /// The person has just proved again who they are.
    Reauthenticated,
    /// The person calls the device so, or nothing any more.
    Named(Option<DeviceName>),
    /// The person has read of sign-ins in new browsers up to this time: a later one they cannot have seen.
    Acknowledged(Timestamp),
    /// It was asked to go on: it counts as seen now, on disk.
    Renewed,
}

impl SessionChange {
    /// What the audit log calls it.
    pub const fn action(&self) -> Action {
        match self {
            Self::Reauthenticated => Action::Reauthenticate,
            Self::Named(_) => Action::NameDevice,
            Self::Acknowledged(_) => Action::Acknowledge,
            Self::Renewed => Action::RenewSession,
        }
    }
}

impl Session {
    /// A live session and the only copy of its credential.
    pub fn start(start: Start, entropy: &dyn Entropy) -> (Self, Credential) {
        let id = SessionId::new(start.at, entropy);
        let credential = Credential::new(start.user.key(), id, entropy);
        let session = Self {
            id,
            user: start.user,
            digest: credential.digest(),
            epochs: start.epochs,
            created: start.at,
            authenticated: start.at,
            kind: start.kind,
            lifetime: start.lifetime,
            door: start.door,
            client: start.client,
            state: State::Live,
            device: start.device,
            name: start.name,
            acknowledged: start.at,
            wrong_proofs: 0,
        };
        (session, credential)
    }

    /// Its public id.
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// Whose it is.
    pub const fn user(&self) -> &UserId {
        &self.user
    }

    /// The prefix under which it is stored.
    pub fn user_key(&self) -> UserKey {
        self.user.key()
    }

    /// The epochs it is stamped with.
    pub const fn epochs(&self) -> Epochs {
        self.epochs
    }

    /// When it was created.
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// When the person last proved who they are.
    pub const fn authenticated(&self) -> Timestamp {
        self.authenticated
    }

    /// The absolute limit that it was created with.
    pub const fn longest(&self) -> Duration {
        self.lifetime.absolute
    }

    /// Which lifetime it has.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Where the person came in.
    pub const fn door(&self) -> Door {
        self.door
    }

    /// With what they came in.
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The browser, if it can prove to be the same one again.
    pub const fn device(&self) -> Option<&DeviceId> {
        self.device.as_ref()
    }

    /// What the person calls the device.
    pub const fn name(&self) -> Option<&DeviceName> {
        self.name.as_ref()
    }

    /// Sign-ins in new browsers of which the person has not said that they have read.
    pub fn untold<'a>(&self, user: &'a User) -> impl Iterator<Item = &'a NewDevice> {
        let (own, told) = (self.id, self.acknowledged);
        user.safeguards.new_devices.iter().filter(move |device| device.at > told && device.session != own)
    }

    /// Goes on where an earlier session in the same browser stopped: with what the person calls it, and with what they have
    /// read. Of a sign-in in between nobody else has told them.
    pub fn follow(&mut self, earlier: &Self) {
        self.name.clone_from(&earlier.name);
        self.acknowledged = self.acknowledged.min(earlier.acknowledged);
    }

    /// Whether the person has proved who they are so lately that they need not do it again.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.authenticated) < FRESH
    }

    /// What the record says.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Whether `credential` holds this session's secret. Ask before anything else.
    pub fn opens_with(&self, credential: &Credential) -> bool {
        self.digest.opens(credential)
    }

    /// The smaller of the stored and the configured limits.
    pub fn lifetime(&self, limits: &Limits) -> Lifetime {
        self.lifetime.min(limits.of(self.kind))
    }

    /// When it expires if nothing more is seen of it: never before idle has really passed since the last request,
    /// hence the touch step.
    pub fn deadline(&self, seen: Timestamp, limits: &Limits) -> Timestamp {
        let lifetime = self.lifetime(limits);
        let idle = seen.max(self.created) + lifetime.idle + lifetime.touch_step();
        idle.min(self.created + lifetime.absolute)
    }

    /// Ends it.
    pub fn end(&mut self, ended: Ended) -> Result<(), AlreadyEnded> {
        self.live()?;
        self.state = State::Ended(ended);
        Ok(())
    }

    /// Writes down that it ran out, so that no later setting or clock can say otherwise.
    pub fn expire(&mut self, at: Timestamp) -> Result<(), AlreadyEnded> {
        self.live()?;
        self.state = State::Expired(at);
        Ok(())
    }

    /// Stamps it with a new epoch of its user: the one session that survives "all others".
    pub fn restamp(&mut self, user: Epoch) -> Result<(), AlreadyEnded> {
        self.live()?;
        self.epochs.user = user;
        Ok(())
    }

    /// Changes it.
    pub fn change(&mut self, change: &SessionChange, at: Timestamp) -> Result<(), AlreadyEnded> {
        self.live()?;
        match change {
            SessionChange::Reauthenticated => {
                self.authenticated = at;
                self.wrong_proofs = 0;
            }
            SessionChange::Named(name) => self.name.clone_from(name),
            SessionChange::Renewed => {}
            SessionChange::Acknowledged(until) => self.acknowledged = self.acknowledged.max(*until).min(at),
        }
        Ok(())
    }

    /// Notes that somebody did not know the password in it; answers whether that was once too often. Whoever has come by a
    /// session guesses no further, and does not use up the tries that its user has.
    pub fn note_wrong_proof(&mut self) -> Result<bool, AlreadyEnded> {
        self.live()?;
        self.wrong_proofs = self.wrong_proofs.saturating_add(1);
        Ok(self.wrong_proofs >= MOST_WRONG_PROOFS)
    }

    fn live(&self) -> Result<(), AlreadyEnded> {
        match &self.state {
            State::Live => Ok(()),
            State::Ended(_) | State::Expired(_) => Err(AlreadyEnded),
        }
    }
}

/// A session with all that decides whether it is live, read together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The record.
    pub session: Session,
    /// The newest request written down.
    pub seen: Timestamp,
    /// Its user, unless deleted since.
    pub user: Option<User>,
    /// The server's present epoch.
    pub server: Epoch,
    /// If an epoch of the session has been replaced: what the log says of the earliest replacement.
    pub replaced: Option<Ended>,
}

/// What a session is at one moment. Once past, it stays what it was: sweeping and reaping change no verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It would be accepted.
    Live,
    /// Somebody or something ended it.
    Ended(Ended),
    /// It ran out at this time.
    Expired(Timestamp),
}

impl Verdict {
    /// Since when it is past; `None` if it is live.
    pub fn since(&self) -> Option<Timestamp> {
        match self {
            Self::Live => None,
            Self::Ended(ended) => Some(ended.at),
            Self::Expired(at) => Some(*at),
        }
    }
}

impl Standing {
    /// The rule.
    pub fn verdict(&self, now: Timestamp, limits: &Limits) -> Verdict {
        match self.session.state() {
            State::Live => {}
            State::Ended(ended) => return Verdict::Ended(ended.clone()),
            State::Expired(at) => return Verdict::Expired(*at),
        }
        let deadline = self.deadline(limits);
        match self.withdrawn() {
            // What ran out before somebody ended everything ran out.
            Some(ended) if ended.at < deadline => Verdict::Ended(ended),
            _ if deadline <= now => Verdict::Expired(deadline),
            Some(ended) => Verdict::Ended(ended),
            None => Verdict::Live,
        }
    }

    /// When it expires, or expired.
    pub fn deadline(&self, limits: &Limits) -> Timestamp {
        self.session.deadline(self.seen, limits)
    }

    /// Whether an epoch that it is stamped with has been replaced, or its user is gone.
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn().is_some()
    }

    /// How it ended if one of its epochs is no longer the present one.
    fn withdrawn(&self) -> Option<Ended> {
        let epochs = self.session.epochs();
        let shared = self.user.as_ref().is_some_and(|user| user.epoch == epochs.user) && self.server == epochs.server;
        if shared {
            return None;
        }
        // A replaced epoch that the log does not know still ends the session; only the story is lost.
        Some(self.replaced.clone().unwrap_or(Ended {
            at: self.seen,
            by: Actor::System,
            reason: Reason::Safety,
            note: None,
            event: EventSeq::default(),
        }))
    }
}
