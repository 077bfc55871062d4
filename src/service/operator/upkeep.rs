//! The operator and an open database: what only whoever has a shell on the machine may want done.

use std::future::Future;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Refused;
use crate::store::sled::{Compacted, Report, Sled};

/// Something that concerns the database as a whole.
pub trait Upkeep: Serialize + DeserializeOwned + Send {
    /// What it is called.
    const NAME: &'static str;
    /// What is answered.
    type Answer: Serialize + DeserializeOwned + Send;

    /// Does it.
    fn run(self, store: &Sled) -> impl Future<Output = Result<Self::Answer, Refused>> + Send;
}

/// Reads every record as of this moment and tells what is wrong.
#[derive(Serialize, Deserialize)]
pub struct Check;

impl Upkeep for Check {
    const NAME: &'static str = "check";
    type Answer = Report;

    async fn run(self, store: &Sled) -> Result<Report, Refused> {
        Ok(store.check_open().await?)
    }
}

/// Writes the database anew without the room that it no longer needs.
#[derive(Serialize, Deserialize)]
pub struct Compact;

impl Upkeep for Compact {
    const NAME: &'static str = "compact";
    type Answer = Compacted;

    async fn run(self, store: &Sled) -> Result<Compacted, Refused> {
        Ok(store.compact_open().await?)
    }
}
