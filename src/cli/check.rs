//! `sessiond check`.

use clap::Args;
use serde_json::{Map, Value, json};

use super::reach::Remote;
use super::{Data, Failure, counts};
use crate::open;
use crate::plain;
use crate::service::operator::Check;
use crate::store::sled::Sled;

#[derive(Args)]
pub struct Arguments {
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (_, config) = arguments.data.config()?;
    let report = match Remote::find(&config).await {
        Some(remote) => remote.run(Check).await?,
        None => Sled::check(&config.data, open::system(&config)).await?,
    };
    let sound = report.found == 0;
    if arguments.json {
        let totals: Map<_, _> =
            report.totals.iter().map(|(name, count)| (name.to_owned(), Value::from(count))).collect();
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
