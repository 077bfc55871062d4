//! `sessiond restore`.

use std::path::PathBuf;

use clap::Args;

use super::{Data, Failure, counts};
use crate::open;
use crate::store::sled::{Restored, Sled};

#[derive(Args)]
pub struct Arguments {
    /// The backup to read
    file: PathBuf,
    #[command(flatten)]
    data: Data,
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (_, config) = arguments.data.config()?;
    let file = &arguments.file;
    let Restored { totals, ended } = Sled::restore(&config.data, open::system(&config), file).await?;
    println!("restored from {}: {}", file.display(), counts(&totals));
    println!("EVERYONE'S SESSIONS HAVE ENDED ({ended} were live in the backup): everybody has to sign in again");
    Ok(())
}
