//! `sessiond restore`.

use std::fs::File;
use std::path::PathBuf;

use clap::Args;

use serde_json::json;

use super::place::{Output, Place};
use super::reach::{Remote, blocking};
use super::{Failure, counts, totals};
use crate::open;
use crate::store::sled::{Restored, Sled, UpkeepError};

#[derive(Args)]
pub struct Arguments {
    /// The backup to read
    file: PathBuf,
    /// Put it in the place of a database that is there, which is then gone; back that one up first
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = arguments.place.here("restore")?;
    let file = &arguments.file;
    let restored = match Remote::find(&config).await {
        Some(remote) if arguments.replace => {
            let from = File::open(file).map_err(|error| {
                Failure::failed(format!("{} is not restored, since it cannot be read: {error}", file.display()))
            })?;
            blocking(move || remote.restore(from)).await?
        }
        Some(_) => return Err(UpkeepError::Occupied(config.data).into()),
        None => Sled::restore(&config.data, open::system(&config), file, arguments.replace).await?,
    };
    let Restored { totals: all, ended, keys } = restored;
    if arguments.output.json {
        let file = file.display().to_string();
        println!("{}", json!({ "file": file, "totals": totals(&all), "ended": ended, "keysRevoked": keys }));
        return Ok(());
    }
    println!("restored from {}: {}", file.display(), counts(&all));
    println!("EVERYONE'S SESSIONS HAVE ENDED ({ended} were live in the backup): everybody has to sign in again");
    if keys > 0 {
        println!("EVERY API KEY IS REVOKED ({keys} were good in the backup): create new ones");
    }
    Ok(())
}
