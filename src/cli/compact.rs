//! `sessiond compact`.

use clap::Args;

use super::{Data, Failure, counts};
use crate::open;
use crate::store::sled::{Compacted, Sled};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    data: Data,
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (_, config) = arguments.data.config()?;
    let Compacted { before, after, totals } = Sled::compact(&config.data, open::system(&config)).await?;
    println!("compacted from {before} to {after} bytes: {}", counts(&totals));
    Ok(())
}
