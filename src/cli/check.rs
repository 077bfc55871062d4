//! `sessiond check`.

use clap::Args;
use serde_json::json;

use super::place::{Output, Place};
use super::reach::Remote;
use super::{Failure, counts, totals};
use crate::open;
use crate::plain;
use crate::service::operator::Check;
use crate::store::sled::Sled;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let config = arguments.place.here("check")?;
    let report = match Remote::find(&config).await {
        Some(remote) => remote.upkeep(Check).await?,
        None => Sled::check(&config.data, open::system(&config)).await?,
    };
    let sound = report.found == 0;
    if arguments.output.json {
        let totals = totals(&report.totals);
        let told = json!({"sound": sound, "found": report.found, "findings": report.findings, "totals": totals});
        println!("{}", plain::json(&told.to_string()));
    } else {
        for finding in &report.findings {
            println!("{}", plain::shown(finding));
        }
        println!("read {}", counts(&report.totals));
        if sound {
            println!("the database is sound");
        }
    }
    match report.found {
        0 => Ok(()),
        1 => Err(Failure::failed("the database is not sound: 1 finding")),
        found => Err(Failure::failed(format!("the database is not sound: {found} findings"))),
    }
}
