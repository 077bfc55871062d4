//! What a change would do if it were made now. Changes nothing and writes no event.

use super::Service;
use super::passwords::OneTime;
use crate::domain::change::{UserChange, takes_administrator};
use crate::domain::id::{SessionId, UserId};
use crate::domain::listing::{Filter, Status, Total};
use crate::domain::session::Verdict;
use crate::domain::user::User;
use crate::store::{Result, UserChanged, UserDeleted};

impl Service {
    /// What [`Service::change_user`] would answer.
    pub async fn foresee_change(&self, user: &UserId, change: &UserChange) -> Result<UserChanged> {
        let Some(before) = self.store.user(user.key()).await? else { return Ok(UserChanged::NotFound) };
        if !change.still_holds(&before) {
            return Ok(UserChanged::Stale);
        }
        let Some(after) = change.applied(&before) else { return Ok(UserChanged::Unchanged) };
        if takes_administrator(&before, &after) && !self.store.has_other_administrator(user.key()).await? {
            return Ok(UserChanged::LastAdministrator);
        }
        if after.email != before.email && self.store.user_by_email(&after.email).await?.is_some() {
            return Ok(UserChanged::EmailTaken);
        }
        let ended = if change.ends_sessions(&before, &after) { self.count_live(user).await? } else { 0 };
        Ok(UserChanged::Done { user: Box::new(after), ended })
    }

    /// What [`Service::reset_password`] would answer, but for the secret, which is empty.
    pub async fn foresee_reset(&self, user: &User) -> Result<(OneTime, u64)> {
        let one_time = OneTime { secret: String::new(), until: OneTime::draw(self.entropy(), self.clock.now()).until };
        Ok((one_time, self.count_live(&user.id).await?))
    }

    /// What [`Service::delete_user`] would answer.
    pub async fn foresee_delete(&self, user: &UserId) -> Result<UserDeleted> {
        let Some(before) = self.store.user(user.key()).await? else { return Ok(UserDeleted::NotFound) };
        if before.may_administrate() && !self.store.has_other_administrator(user.key()).await? {
            return Ok(UserDeleted::LastAdministrator);
        }
        Ok(UserDeleted::Done { ended: self.count_live(user).await? })
    }

    /// What this session is worth, whoever's it is; `None` if there is none.
    pub async fn foresee_end(&self, id: SessionId) -> Result<Option<Verdict>> {
        let Some(user) = self.store.owner(id).await? else { return Ok(None) };
        let standing = self.store.session(user, id).await?;
        Ok(standing.map(|standing| standing.verdict(self.clock.now(), &self.limits)))
    }

    /// How many sessions there are to end.
    pub async fn count_everyones(&self) -> Result<u64> {
        match self.store.total(&Filter { status: Status::Live, ..Filter::default() }).await? {
            Total::Exactly(count) | Total::MoreThan(count) => Ok(count),
        }
    }
}
