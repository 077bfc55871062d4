//! Signing in.

use std::net::IpAddr;
use std::time::Duration;

use super::Service;
use super::hasher::Busy;
use super::proofs::Proof;
use super::sessions::LiveSession;
use super::throttle::{Device, Guesser, Later};
use crate::domain::audit::{Action, Detail, Draft, Outcome};
use crate::domain::client::Client;
use crate::domain::credential::Credential;
use crate::domain::device::{DeviceId, DeviceName};
use crate::domain::ending::{Actor, Ending, Reason};
use crate::domain::epoch::Epochs;
use crate::domain::id::{SessionId, UserId};
use crate::domain::lifetime::Kind;
use crate::domain::listing::{Filter, Query, Status, Whose};
use crate::domain::safeguards::{Admission, NewDevice, Shown};
use crate::domain::session::{Door, Session, Start};
use crate::domain::user::{Email, User};
use crate::store::{Admitted, Created, StoreError};

/// What somebody typed, and with what.
pub struct Attempt {
    /// The address as typed; anything.
    pub email: String,
    /// The password and the code as typed.
    pub proof: Proof,
    /// How they come in.
    pub entrance: Entrance,
}

/// How somebody comes in, once they have proved who they are.
pub struct Entrance {
    /// "Keep me signed in".
    pub keep: bool,
    /// The session lasts no longer than this, whatever the configuration allows.
    pub longest: Option<Duration>,
    /// Where they come in.
    pub door: Door,
    /// With what.
    pub client: Client,
    /// The live session that the same browser holds already.
    pub present: Option<LiveSession>,
    /// The browser, and the users who have signed in in it before, as far as it can prove it.
    pub device: Device,
}

/// What a right password opens.
pub enum Entry {
    /// A session.
    SignedIn(Box<SignedIn>),
    /// Nothing but the choice of another password: this one was for one use.
    MustChoose(Ticket),
}

/// The right to choose a password in the place of one for one use: as long as that is the one there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Whose.
    pub user: UserId,
    /// Which one it was.
    pub used: [u8; 16],
}

/// Somebody is signed in.
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// Whose.
    pub user: User,
    /// The only copy of its secret.
    pub credential: Credential,
    /// Sessions that had to make room.
    pub displaced: Vec<SessionId>,
}

/// Why nobody is.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown address, wrong password, wrong code, or too many of them before: nobody learns which.
    #[error("the e-mail address, the password or the code is wrong")]
    Wrong,
    /// The password is right, and they may not sign in. Nobody who does not know the password learns it.
    #[error("the account is blocked")]
    Blocked,
    /// The password was for one use, and its time is over. Nobody who does not know it learns it.
    #[error("the one-time password has run out")]
    OneTimeOver,
    /// All sessions were ended while the password was checked.
    #[error("all sessions were ended at this very moment")]
    Stale,
    /// Nobody has looked at the password: there were too many wrong ones. Whether there is such a user makes no difference.
    #[error(transparent)]
    Later(Later),
    /// Try again.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Sessions of a user that are looked through for the last one in a browser.
const LOOKED_THROUGH: usize = 100;

impl Service {
    /// Checks the password, and the code where one is asked for, and creates a session. A session that the same browser
    /// holds already ends: in the same step if it is the same user's, else right after.
    pub async fn sign_in(&self, attempt: Attempt) -> Result<Entry, SignInError> {
        let door = attempt.entrance.door;
        let entry = self.try_sign_in(attempt).await;
        self.metrics.tried(door, &entry);
        entry
    }

    async fn try_sign_in(&self, attempt: Attempt) -> Result<Entry, SignInError> {
        let Attempt { email, proof: Proof { password, code }, entrance } = attempt;
        let from = entrance.client.address;
        let user = match email.parse::<Email>() {
            Ok(email) => self.store.user_by_email(&email).await?,
            Err(_) => None,
        };
        // Epochs first, the password after: an end-all in between makes this sign-in stillborn.
        let server = self.store.server_epoch().await?;
        let stored = user.as_ref().map(|user| user.password.clone());
        let named = user.as_ref().map(|user| user.id.clone());
        let known = named.as_ref().is_some_and(|user| entrance.device.knows(user));
        let guesser = match &named {
            Some(user) if known => Guesser::Device { id: &entrance.device.id, user },
            _ => Guesser::Stranger { from, account: &email },
        };
        let by_nobody = |outcome| {
            let draft = Draft::new(Actor::Anonymous, Action::SignIn, outcome);
            Draft { user: named.clone(), from, ..draft }
        };
        let permit = self.may_guess(guesser, by_nobody(Outcome::Denied)).await?;
        // Whatever is wrong, all of it is looked at: how long it takes tells nothing.
        let shown = user.as_ref().map_or(Shown::Needless, |user| user.safeguards.look_at(&code, self.clock.now()));
        let locked = user.as_ref().is_some_and(|user| user.safeguards.tries.is_locked(known));
        let right = self.look(permit, password.clone(), stored, shown.is_good() && !locked).await?;
        let Some(user) = user.filter(|_| right) else {
            self.failed(named.as_ref(), known, by_nobody(Outcome::Failure)).await?;
            return Err(SignInError::Wrong);
        };
        self.may_be_in(&user, from).await?;

        #[cfg(feature = "seeded-bugs")]
        let (user, server) = if crate::domain::seeded::has("late-epochs") {
            (self.store.user(user.key()).await?.unwrap_or(user), self.store.server_epoch().await?)
        } else {
            (user, server)
        };
        let epochs = Epochs { user: user.epoch, server };
        let admission = Admission { known, spent: shown.spent(), ..Admission::default() };
        if user.safeguards.one_time_until.is_some() {
            self.admit(&user, admission, by_nobody(Outcome::Failure)).await?;
            return Ok(Entry::MustChoose(Ticket { used: user.password.digest(), user: user.id }));
        }
        let signed_in = self.enter(user, epochs, entrance, admission).await?;
        self.rehash(&signed_in.user, password).await;
        Ok(Entry::SignedIn(Box::new(signed_in)))
    }

    /// Somebody who has proved who they are gets a session, unless others have been faster with the same code or with wrong
    /// passwords.
    pub(super) async fn enter(
        &self,
        user: User,
        epochs: Epochs,
        entrance: Entrance,
        admission: Admission,
    ) -> Result<SignedIn, SignInError> {
        let Entrance { keep, longest, door, client, present, device } = entrance;
        let from = client.address;
        let known = device.knows(&user.id);
        let id = DeviceId::of(&device.id);
        let earlier = if known { self.last_in(&user, id).await? } else { None };
        let what = client.device.clone();
        let origin = Origin { door, client, device: Some(id), name: None, longest };
        let (mut session, credential) = self.fresh_session(&user, epochs, keep, origin);
        if let Some(earlier) = earlier {
            session.follow(&earlier);
        }
        // Programs keep no cookie: of one that signs in from the same place again nobody is told twice.
        let told = session.door() != Door::Pages && user.safeguards.has_been_told_of(from, &what);
        let new = NewDevice { session: session.id(), at: session.created(), from, device: what };
        let admission = Admission { device: (!known && !told).then_some(new), ..admission };
        let failure = Draft::new(Actor::Anonymous, Action::SignIn, Outcome::Failure);
        let failure = Draft { user: Some(user.id.clone()), from, ..failure };
        let user = self.admit(&user, admission, failure).await?;
        let replaces = present.as_ref().filter(|live| live.user.id == user.id).map(|live| live.session.id());
        let signed_in = self.begin(user, session, credential, replaces).await?;
        if let Some(other) = present.filter(|live| live.user.id != signed_in.user.id) {
            // If this fails the new credential is not handed out: two people's sessions never share a browser.
            let ending = Ending::new(Actor::User(other.user.id.clone()), Reason::Replaced, from);
            self.store.end(other.user.key(), other.session.id(), ending).await?;
        }
        self.metrics.signed_in(signed_in.session.door());
        Ok(signed_in)
    }

    /// Whether somebody with the right password may come in as far as their account goes. That they may not is written down.
    async fn may_be_in(&self, user: &User, from: Option<IpAddr>) -> Result<(), SignInError> {
        let now = self.clock.now();
        let over = user.safeguards.one_time_until.is_some_and(|until| until <= now);
        let (error, reason, detail) = if user.blocked {
            (SignInError::Blocked, Some(Reason::Blocked), None)
        } else if over {
            (SignInError::OneTimeOver, None, Some(Detail::new("the one-time password has run out")))
        } else {
            return Ok(());
        };
        let draft = Draft::new(Actor::User(user.id.clone()), Action::SignIn, Outcome::Failure);
        self.store.record(Draft { user: Some(user.id.clone()), from, reason, detail, ..draft }).await?;
        Err(error)
    }

    /// Uses the code up and forgets wrong passwords; or writes down that somebody else was faster.
    pub(super) async fn admit(&self, user: &User, admission: Admission, failure: Draft) -> Result<User, SignInError> {
        let known = admission.known;
        match self.store.admit(user.key(), admission, failure.from).await? {
            Admitted::Yes(user) => Ok(*user),
            Admitted::No(_) | Admitted::NotFound => {
                self.failed(Some(&user.id), known, failure).await?;
                Err(SignInError::Wrong)
            }
        }
    }

    /// Writes down a wrong password or code, and counts it where there is such a user.
    pub(super) async fn failed(&self, user: Option<&UserId>, known: bool, draft: Draft) -> Result<(), StoreError> {
        match user {
            Some(user) => self.store.sign_in_failed(user.key(), known, draft).await,
            None => self.store.record(draft).await.map(drop),
        }
    }

    /// The user's last session in this browser.
    async fn last_in(&self, user: &User, device: DeviceId) -> Result<Option<Session>, StoreError> {
        let filter = Filter { whose: Whose::User(user.key()), status: Status::Any, ..Filter::default() };
        let page = self.store.page(&Query { rows: LOOKED_THROUGH, ..Query::first(filter) }).await?;
        let sessions = page.rows.into_iter().map(|(standing, _)| standing.session);
        Ok(sessions.filter(|session| session.device() == Some(&device)).max_by_key(Session::created))
    }

    /// Puts the session of somebody who has just proved who they are into the store.
    pub(super) async fn begin(
        &self,
        user: User,
        session: Session,
        credential: Credential,
        replaces: Option<SessionId>,
    ) -> Result<SignedIn, SignInError> {
        match self.store.create(session.clone(), replaces).await? {
            Created::Done { displaced } => Ok(SignedIn { session, user, credential, displaced }),
            Created::Stale => Err(SignInError::Stale),
        }
    }

    /// A session that is in no store yet.
    pub(super) fn fresh_session(
        &self,
        user: &User,
        epochs: Epochs,
        keep: bool,
        origin: Origin,
    ) -> (Session, Credential) {
        let kind = match (user.is_administrator(), keep) {
            (true, _) => Kind::Administrator,
            (false, true) => Kind::Persistent,
            (false, false) => Kind::Standard,
        };
        let at = self.clock.now();
        let Origin { door, client, device, name, longest } = origin;
        let lifetime = longest.map_or(self.limits.of(kind), |longest| self.limits.of(kind).within(longest));
        let start = Start { user: user.id.clone(), epochs, at, kind, lifetime, door, client, device, name };
        Session::start(start, &*self.entropy)
    }
}

/// Where a session comes from.
pub(super) struct Origin {
    pub door: Door,
    pub client: Client,
    pub device: Option<DeviceId>,
    pub name: Option<DeviceName>,
    /// It lasts no longer than this, whatever the configuration allows.
    pub longest: Option<Duration>,
}

impl Origin {
    /// Of a session that takes the place of this one.
    pub fn of(live: &LiveSession, client: Client) -> Self {
        let session = &live.session;
        let (device, name) = (session.device().copied(), session.name().cloned());
        Self { door: session.door(), client, device, name, longest: Some(session.longest()) }
    }
}
