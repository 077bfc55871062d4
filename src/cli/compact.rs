//! `sessiond compact`.

use clap::Args;

use serde_json::json;

use super::place::{Output, Place};
use super::reach::Remote;
use super::{Failure, counts, totals};
use crate::open;
use crate::service::operator::Compact;
use crate::store::sled::{Compacted, Sled};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = arguments.place.here("compact")?;
    let compacted = match Remote::find(&config).await {
        Some(remote) => remote.upkeep(Compact).await?,
        None => Sled::compact(&config.data, open::system(&config)).await?,
    };
    let Compacted { before, after, totals: all } = compacted;
    let object = json!({ "before": before, "after": after, "totals": totals(&all) });
    arguments.output.tell(&object, || format!("compacted from {before} to {after} bytes: {}", counts(&all)));
    Ok(())
}
