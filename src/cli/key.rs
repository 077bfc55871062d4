//! `sessiond key …`.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Failure;
use super::place::{Output, Place};
use super::reach::Reach;
use crate::service::operator::{CreateKey, How, KeyMade, KeyRow, ListKeys, ListedKeys, RevokeKey};

#[derive(Subcommand)]
pub enum Verb {
    /// Create an API key and print it, this once, alone on the last line
    Create(Create),
    /// List API keys, the oldest first; their secrets are nowhere
    List(List),
    /// Revoke an API key: from the next request on it opens nothing
    Revoke(Revoke),
}

#[derive(Args)]
pub struct Create {
    /// What to call it, so that you know later what it is for
    #[arg(long)]
    name: String,
    /// What it may do: `all`, or some of sessions.read, sessions.write, users.read, users.write, audit.read and
    /// metrics.read with commas between them. Who may write users can make an administrator
    #[arg(long, value_name = "SCOPES")]
    scope: String,
    /// How long it is good, such as 30d or 12h; for ever unless given
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub struct List {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub struct Revoke {
    /// The key's id, as it is listed
    id: String,
    /// What to write into the audit log
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

pub async fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Create(create) => self::create(create).await,
        Verb::List(list) => self::list(list).await,
        Verb::Revoke(revoke) => self::revoke(revoke).await,
    }
}

async fn create(create: Create) -> Result<(), Failure> {
    let Create { name, scope: scopes, expires, output, place } = create;
    let config = place.here("key create")?;
    let lifetime = expires.map(|lifetime| lifetime.as_secs());
    let reach = Reach::find(&config).await?;
    let made = reach.run(CreateKey { name, scopes, lifetime }, How::ForGood).await;
    reach.close().await?;
    let KeyMade { id, name, scopes, expires, key } = made?;
    let whole = json!({ "id": id, "name": name, "scopes": scopes, "expires": expires, "key": key });
    output.tell(&whole, || {
        let until = expires.map_or_else(|| "for ever".to_owned(), |at| format!("until {at}"));
        let scopes = scopes.join(",");
        format!("{id} ({name}) is good for {scopes}, {until}. This is the key; it is shown this once:\n{key}")
    });
    Ok(())
}

async fn list(list: List) -> Result<(), Failure> {
    let ListedKeys { rows } = list.place.run(ListKeys, How::ForGood).await?;
    if !list.output.json {
        println!(
            "{:<16}  {:<7}  {:<16}  {:<16}  {:<16}  SCOPES, NAME",
            "ID", "STATUS", "CREATED", "EXPIRES", "LAST USED"
        );
    }
    for row in &rows {
        let object = serde_json::to_value(row).map_err(Failure::failed)?;
        list.output.tell(&object, || line(row));
    }
    Ok(())
}

fn line(row: &KeyRow) -> String {
    let minute = |time: &str| time.get(..16).unwrap_or(time).replace('T', " ");
    let perhaps = |time: &Option<String>| time.as_deref().map_or_else(|| "-".to_owned(), minute);
    format!(
        "{}  {:<7}  {:<16}  {:<16}  {:<16}  {}, {}",
        row.id,
        row.status,
        minute(&row.created),
        perhaps(&row.expires),
        perhaps(&row.last_used),
        row.scopes.join(","),
        row.name,
    )
}

async fn revoke(revoke: Revoke) -> Result<(), Failure> {
    let Revoke { id, reason, output, place } = revoke;
    let command = RevokeKey { id: id.clone(), reason };
    command.check()?;
    let gone = place.run(command, How::ForGood).await?;
    let told: Value = json!({ "id": id, "revoked": gone.now });
    output.tell(&told, || if gone.now { format!("{id} revoked") } else { format!("{id} was revoked before") });
    Ok(())
}
