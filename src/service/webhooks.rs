//! Webhooks: other programs are told of sign-ins and endings, in their order, each signed as Standard Webhooks has it.
//!
//! The audit log is the outbox: what is to be told stands in it by the same step as its change, so all that is kept for a
//! webhook is how far it has got. Each has one task of its own that goes through the log, and sends from a thread that
//! may be left behind; no request waits for any of it.

mod board;
mod public;
mod schedule;
mod secret;
mod target;
#[cfg(test)]
mod tests;
mod worker;

use std::collections::BTreeSet;

pub use self::board::{Board, Standing};
pub use self::secret::{SecretError, WebhookSecret};
pub use self::target::{Address, AddressError, Patience};
use super::feed::Kind;
use crate::domain::webhook::WebhookName;

/// One that the operator has set up.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// What it is called.
    pub name: WebhookName,
    /// Where it goes.
    pub address: Address,
    /// What it signs with: the present secret, and the one before while a receiver does not know the present one yet.
    pub secrets: Vec<WebhookSecret>,
    /// What it tells; nothing stands for everything. Gaps are told in any case.
    pub kinds: BTreeSet<Kind>,
    /// Whether it may lead to this machine and its neighbours.
    pub private: bool,
    /// How long an attempt may take.
    pub patience: Patience,
}

impl Webhook {
    fn tells(&self, kind: Kind) -> bool {
        kind == Kind::Gap || self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}
