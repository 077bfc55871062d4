//! Setting up, replacing and removing the second factor.

use std::collections::BTreeSet;

use super::Service;
use super::auth::SignedIn;
use super::passwords::PasswordChangeError;
use super::proofs::Proof;
use super::sessions::{LiveSession, Order};
use crate::domain::change::{NewSecondFactor, UserChange};
use crate::domain::client::Client;
use crate::domain::ending::{Actor, Ending, Reason};
use crate::domain::second_factor::{RecoveryDigest, SecondFactor, TotpSecret, digests, recovery_codes};
use crate::domain::user::User;
use crate::store::{StoreError, UserChanged};

/// Why the second factor is what it was.
#[derive(Debug, thiserror::Error)]
pub enum SecondFactorError {
    /// The app does not show the code that it should.
    #[error("that is not the code that the app should show now; look whether the clock of its device is right")]
    NotTheApps,
    /// Administrators must have one here.
    #[error("administrators must have a second factor here; replace it instead")]
    Required,
    /// There is none.
    #[error("there is no second factor")]
    None,
    /// Everything that a new password may fail for as well.
    #[error(transparent)]
    Proof(#[from] PasswordChangeError),
}

impl From<StoreError> for SecondFactorError {
    fn from(error: StoreError) -> Self {
        Self::Proof(error.into())
    }
}

/// Somebody has a second factor, and a new session in the place of the one in which they asked.
pub struct SecondFactorSet {
    /// The new session.
    pub signed_in: SignedIn,
    /// How many of their other sessions ended.
    pub others: u64,
    /// The only copy of their recovery codes; none if they have no second factor any more.
    pub recovery_codes: Vec<String>,
}

impl Service {
    /// Whether administrators can do nothing as such before they have a second factor.
    pub fn lacks_second_factor(&self, user: &User) -> bool {
        self.second_factor_required && user.is_administrator() && user.safeguards.second_factor.is_none()
    }

    /// A secret that nobody has yet.
    pub fn draw_totp_secret(&self) -> TotpSecret {
        TotpSecret::draw(&*self.entropy)
    }

    /// Sets up a second factor, or replaces it, for somebody who proves who they are and that their app has the secret. Their
    /// other sessions end in the same step.
    pub async fn set_second_factor(
        &self,
        live: &LiveSession,
        proof: Proof,
        secret: TotpSecret,
        shown: &str,
        client: Client,
    ) -> Result<SecondFactorSet, SecondFactorError> {
        let digits: String = shown.chars().filter(|c| !c.is_whitespace()).collect();
        let step = secret.step_of(&digits, self.clock.now()).ok_or(SecondFactorError::NotTheApps)?;
        let codes = recovery_codes(&*self.entropy);
        let factor = SecondFactor::new(secret, step, digests(&codes));
        let set = self.replace_factor(live, proof, Some(factor), client).await?;
        Ok(SecondFactorSet { recovery_codes: codes, ..set })
    }

    /// Removes it, for somebody who proves once more that they have it.
    pub async fn remove_second_factor(
        &self,
        live: &LiveSession,
        proof: Proof,
        client: Client,
    ) -> Result<SecondFactorSet, SecondFactorError> {
        if live.user.safeguards.second_factor.is_none() {
            return Err(SecondFactorError::None);
        }
        if self.second_factor_required && live.user.is_administrator() {
            return Err(SecondFactorError::Required);
        }
        self.replace_factor(live, proof, None, client).await
    }

    /// Removes somebody else's, who has lost it and all recovery codes. All of their sessions end. Answers how many.
    pub async fn strip_second_factor(&self, user: &User, order: &Order) -> Result<u64, SecondFactorError> {
        let change = UserChange::SecondFactor(Box::new(NewSecondFactor { factor: None, asked: None }));
        match self.change_user(&user.id, change, order).await? {
            UserChanged::Done { ended, .. } => Ok(ended),
            UserChanged::Unchanged => Err(SecondFactorError::None),
            _ => Err(PasswordChangeError::NoUser.into()),
        }
    }

    /// Draws new recovery codes for somebody who proves who they are; the old ones are good no longer.
    pub async fn renew_recovery_codes(
        &self,
        live: &LiveSession,
        proof: Proof,
        client: &Client,
    ) -> Result<Vec<String>, SecondFactorError> {
        if live.user.safeguards.second_factor.is_none() {
            return Err(SecondFactorError::None);
        }
        self.prove(live, proof, client.address).await.map_err(PasswordChangeError::from)?;
        let codes = recovery_codes(&*self.entropy);
        let kept: BTreeSet<RecoveryDigest> = digests(&codes);
        let ending = Ending::new(Actor::User(live.user.id.clone()), Reason::SecondFactorChanged, client.address);
        // Whatever has become of the second factor or the password meanwhile has ended the session.
        let change = UserChange::RecoveryCodes { session: live.session.id(), codes: kept };
        match self.store.change_user(live.user.key(), change, ending).await? {
            UserChanged::Done { .. } => Ok(codes),
            UserChanged::Unchanged => Err(SecondFactorError::None),
            _ => Err(PasswordChangeError::Stale.into()),
        }
    }

    async fn replace_factor(
        &self,
        live: &LiveSession,
        proof: Proof,
        factor: Option<SecondFactor>,
        client: Client,
    ) -> Result<SecondFactorSet, SecondFactorError> {
        let from = client.address;
        let verified = live.user.password.clone();
        self.prove(live, proof, from).await.map_err(PasswordChangeError::from)?;
        let (asked, credential) = self.succeeding(live, verified, client);
        let session = asked.successor.clone();
        let ending = Ending::new(Actor::User(live.user.id.clone()), Reason::SecondFactorChanged, from);
        let change = UserChange::SecondFactor(Box::new(NewSecondFactor { factor, asked: Some(asked) }));
        let changed = self.store.change_user(live.user.key(), change, ending).await?;
        self.unreaped.notify_one();
        match changed {
            UserChanged::Done { user, ended } => {
                let signed_in = SignedIn { session, user: *user, credential, displaced: Vec::new() };
                let others = ended.saturating_sub(1);
                Ok(SecondFactorSet { signed_in, others, recovery_codes: Vec::new() })
            }
            _ => Err(PasswordChangeError::Stale.into()),
        }
    }
}
