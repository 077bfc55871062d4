//! The operator and an open database.

use serde::{Deserialize, Serialize};

use super::{Command, Operator, Refused};
use crate::store::sled::{Compacted, Report};

/// Reads every record as of this moment and tells what is wrong.
#[derive(Serialize, Deserialize)]
pub struct Check;

impl Command for Check {
    const NAME: &'static str = "check";
    type Answer = Report;

    async fn run(self, operator: &Operator) -> Result<Report, Refused> {
        Ok(operator.store.check_open().await?)
    }
}

/// Writes the database anew without the room that it no longer needs.
#[derive(Serialize, Deserialize)]
pub struct Compact;

impl Command for Compact {
    const NAME: &'static str = "compact";
    type Answer = Compacted;

    async fn run(self, operator: &Operator) -> Result<Compacted, Refused> {
        Ok(operator.store.compact_open().await?)
    }
}
