//! Ending everyone's sessions: what asks for the password once more.

use super::Service;
use super::auth::{Origin, SignInError, SignedIn};
use super::proofs::Proof;
use super::sessions::{LiveSession, Order};
use crate::domain::client::Client;
use crate::domain::ending::Reason;
use crate::domain::epoch::Epochs;
use crate::store::{EndedEveryone, Result};

impl Service {
    /// Ends everyone's sessions, on the word of the machine's operator.
    pub async fn revoke_everyone(&self, order: &Order) -> Result<EndedEveryone> {
        let ended = self.store.end_everyone(order.ending(Reason::EveryoneRevoked)).await?;
        self.unreaped.notify_one();
        Ok(ended)
    }

    /// Ends everyone's sessions and gives the administrator who asked, and who has proved again who they are, a new one.
    /// Answers how many of others' sessions ended; without a new session, the administrator has to sign in again.
    pub async fn revoke_everyone_else(
        &self,
        live: &LiveSession,
        proof: Proof,
        order: &Order,
        client: Client,
    ) -> std::result::Result<(u64, Option<SignedIn>), SignInError> {
        self.reauthenticate(live, proof, order.from).await?;
        let EndedEveryone { count, epoch, .. } = self.revoke_everyone(order).await?;
        // Done is done: whatever fails from here on must not look as if nobody's session had ended.
        // Both epochs are older than this moment: whoever ends everything meanwhile ends this session, too.
        let epochs = Epochs { user: live.user.epoch, server: epoch };
        let (session, credential) = self.fresh_session(&live.user, epochs, false, Origin::of(live, client));
        let signed_in = match self.begin(live.user.clone(), session, credential, None).await {
            Ok(signed_in) => Some(signed_in),
            Err(error) => {
                tracing::warn!(%error, "everyone's sessions ended, and the administrator's new one could not be made");
                None
            }
        };
        Ok((count.saturating_sub(1), signed_in))
    }
}
