//! Proving again who one is, in a session that is live already.

use std::fmt;
use std::net::IpAddr;

use super::Service;
use super::auth::SignInError;
use super::sessions::LiveSession;
use super::throttle::Guesser;
use crate::domain::audit::{Action, Draft, Outcome};
use crate::domain::ending::Actor;
use crate::domain::password::Password;
use crate::domain::safeguards::{Admission, Shown};
use crate::domain::session::SessionChange;
use crate::store::{Admitted, Change};

/// What somebody typed to prove who they are.
#[derive(Clone)]
pub struct Proof {
    /// The password.
    pub password: Password,
    /// The code of their app or a recovery code; empty if they have none.
    pub code: String,
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof")
    }
}

impl Service {
    /// Has somebody who is signed in prove again who they are, and notes in their session that they have. Where that cannot be
    /// noted, on a full disk say, they have proved it all the same: ending sessions must not fail for it.
    pub async fn reauthenticate(
        &self,
        live: &LiveSession,
        proof: Proof,
        from: Option<IpAddr>,
    ) -> Result<(), SignInError> {
        let admission = self.shown(live, proof, from).await?;
        let noted = match self.store.admit(live.user.key(), admission, from).await {
            Ok(Admitted::Yes(_)) => {
                let change = SessionChange::Reauthenticated;
                self.store.change_session(live.user.key(), live.session.id(), change, from).await
            }
            Ok(Admitted::No(_) | Admitted::NotFound) => {
                self.failed(Some(&live.user.id), true, failure(live, from)).await?;
                return Err(SignInError::Wrong);
            }
            Err(error) => Err(error),
        };
        match noted {
            Ok(Change::Done) => Ok(()),
            Ok(Change::AlreadyEnded(_) | Change::NotFound) => Err(SignInError::Stale),
            Err(error) => {
                tracing::warn!(%error, "a proof could not be noted; the next question will come sooner");
                Ok(())
            }
        }
    }

    /// The same of somebody whose proof is to be noted before anything rests on it: the code is used up.
    pub(super) async fn prove(
        &self,
        live: &LiveSession,
        proof: Proof,
        from: Option<IpAddr>,
    ) -> Result<(), SignInError> {
        let admission = self.shown(live, proof, from).await?;
        self.admit(&live.user, admission, failure(live, from)).await.map(drop)
    }

    /// Whether somebody who is signed in knows the password that their account has now, and the code if one is asked for: their
    /// request may have taken its time, and their session outlived a change of password. That they do not, or have tried too
    /// often, is written down and counts.
    async fn shown(&self, live: &LiveSession, proof: Proof, from: Option<IpAddr>) -> Result<Admission, SignInError> {
        let user = &live.user;
        let present = self.store.user(user.key()).await?.ok_or(SignInError::Stale)?;
        let denied = Draft { outcome: Outcome::Denied, ..failure(live, from) };
        let permit = self.may_guess(Guesser::Session(live.session.id()), denied).await?;
        let shown: Shown = user.safeguards.look_at(&proof.code, self.clock.now());
        let open = shown.is_good() && !user.safeguards.tries.is_locked(true);
        if !self.look(permit, proof.password, Some(present.password), open).await? {
            self.failed(Some(&user.id), true, failure(live, from)).await?;
            return Err(SignInError::Wrong);
        }
        Ok(Admission { known: true, spent: shown.spent(), ..Admission::default() })
    }
}

fn failure(live: &LiveSession, from: Option<IpAddr>) -> Draft {
    let user = &live.user.id;
    let draft = Draft::new(Actor::User(user.clone()), Action::Reauthenticate, Outcome::Failure);
    Draft { user: Some(user.clone()), session: Some(live.session.id()), from, ..draft }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asvs_16_2_5_a_proof_does_not_print_what_was_typed() {
        let proof = Proof { password: Password::typed("hunter2".to_owned()), code: "abcdef-234567".to_owned() };
        assert!(!format!("{proof:?}").contains("abcdef"), "{proof:?}");
    }
}
