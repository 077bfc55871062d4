//! `sessiond backup`.

use std::path::PathBuf;

use clap::Args;

use super::reach::{Remote, blocking};
use super::{Data, Failure, counts};
use crate::open;
use crate::store::sled::Sled;

#[derive(Args)]
pub struct Arguments {
    /// The file to write
    file: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    data: Data,
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (_, config) = arguments.data.config()?;
    let file = &arguments.file;
    let totals = match Remote::find(&config).await {
        Some(remote) => {
            let (to, force) = (file.clone(), arguments.force);
            blocking(move || Ok(Sled::keep_backup(remote.backup()?, &to, force)?)).await?
        }
        None => Sled::back_up(&config.data, open::system(&config), file, arguments.force).await?,
    };
    println!("backed up to {}: {}", file.display(), counts(&totals));
    Ok(())
}
