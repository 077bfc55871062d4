//! `sessiond backup`.

use std::path::PathBuf;

use clap::Args;

use serde_json::json;

use super::place::{Output, Place};
use super::reach::{Remote, blocking};
use super::{Failure, counts, totals};
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
    output: Output,
    #[command(flatten)]
    place: Place,
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = arguments.place.here("backup")?;
    let file = &arguments.file;
    let all = match Remote::find(&config).await {
        Some(remote) => {
            let (to, force) = (file.clone(), arguments.force);
            blocking(move || Ok(Sled::keep_backup(remote.backup()?, &to, force)?)).await?
        }
        None => Sled::back_up(&config.data, open::system(&config), file, arguments.force).await?,
    };
    let object = json!({ "file": file.display().to_string(), "totals": totals(&all) });
    arguments.output.tell(&object, || format!("backed up to {}: {}", file.display(), counts(&all)));
    Ok(())
}
