//! `sessiond compact`.

use clap::Args;

use super::reach::Remote;
use super::{Data, Failure, counts};
use crate::open;
use crate::service::operator::Compact;
use crate::store::sled::{Compacted, Sled};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    data: Data,
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (_, config) = arguments.data.config()?;
    let compacted = match Remote::find(&config).await {
        Some(remote) => remote.run(Compact).await?,
        None => Sled::compact(&config.data, open::system(&config)).await?,
    };
    let Compacted { before, after, totals } = compacted;
    println!("compacted from {before} to {after} bytes: {}", counts(&totals));
    Ok(())
}
