//! Users whom somebody else creates: they get a password for one use, and choose their own when they first sign in.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Service;
use super::passwords::OneTime;
use super::users::{NewUserError, Particulars, particulars};
use crate::domain::ending::Actor;
use crate::domain::password::Password;
use crate::domain::safeguards::Safeguards;
use crate::domain::user::{Label, User};

/// A user to be created, as typed.
pub struct Invited {
    /// The e-mail address.
    pub email: String,
    /// What people call them; empty: the part of the address before the `@`.
    pub name: String,
    /// Their labels.
    pub labels: BTreeSet<Label>,
    /// Where the order comes from.
    pub from: Option<IpAddr>,
}

impl Service {
    /// Creates a user with a password for one use.
    pub async fn invite(&self, new: Invited, by: Actor) -> Result<(User, OneTime), NewUserError> {
        let Invited { email, name, labels, from } = new;
        let (email, name) = particulars(&email, &name)?;
        let one_time = OneTime::draw(self.entropy(), self.clock.now());
        let password = Password::typed(one_time.secret.clone());
        let safeguards = Safeguards { one_time_until: Some(one_time.until), ..Safeguards::default() };
        let new = Particulars { id: None, email, name, password, labels, safeguards };
        Ok((self.register(new, false, by, from).await?, one_time))
    }
}
