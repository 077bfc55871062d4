//! `sessiond session …`.

use clap::{Args, Subcommand};

use serde_json::{Value, json};

use super::Failure;
use super::place::{Output, Place, Trial};
use super::reach::Reach;
use crate::domain::id::SessionId;
use crate::domain::listing::Typed;
use crate::plain;
use crate::service::operator::{Ended, How, ListSessions, Listed, RevokeSessions, Row};

#[derive(Subcommand)]
pub enum Verb {
    /// List sessions, newest activity first unless told otherwise
    List(List),
    /// End sessions: by id, all of a user's, or everyone's
    Revoke(Revoke),
}

#[derive(Args)]
pub struct List {
    /// Whose: an e-mail address, a user id, or part of either or of a name
    #[arg(long, default_value = "")]
    user: String,
    /// live, ended, expired or any
    #[arg(long, default_value = "live")]
    status: String,
    /// Signed in from this address or network
    #[arg(long, default_value = "")]
    address: String,
    /// Part of the device or of what the browser sent, such as "Firefox on Windows"
    #[arg(long, default_value = "")]
    device: String,
    /// Signed in through this door: pages
    #[arg(long, default_value = "")]
    door: String,
    /// Signed in at this time or later: 2026-11-20 or 2026-11-20T09:30Z, in UTC
    #[arg(long, value_name = "TIME", default_value = "")]
    created_from: String,
    /// Signed in before this time
    #[arg(long, value_name = "TIME", default_value = "")]
    created_to: String,
    /// Last active at this time or later
    #[arg(long, value_name = "TIME", default_value = "")]
    seen_from: String,
    /// Last active before this time
    #[arg(long, value_name = "TIME", default_value = "")]
    seen_to: String,
    /// last-active or signed-in
    #[arg(long, default_value = "")]
    order: String,
    /// desc (newest first) or asc (oldest first)
    #[arg(long, default_value = "")]
    direction: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub struct Revoke {
    /// Session ids
    #[arg(required_unless_present_any = ["user", "everyone"])]
    ids: Vec<SessionId>,
    /// All sessions of this user: an e-mail address or a user id
    #[arg(long, conflicts_with_all = ["ids", "everyone"])]
    user: Option<String>,
    /// Everyone's sessions
    #[arg(long, conflicts_with = "ids")]
    everyone: bool,
    /// What to write into the audit log
    #[arg(long, default_value = "")]
    reason: String,
    #[command(flatten)]
    trial: Trial,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

impl List {
    /// What was asked, but for whose.
    fn typed(&self) -> Typed {
        Typed {
            address: self.address.clone(),
            device: self.device.clone(),
            door: self.door.clone(),
            status: self.status.clone(),
            created_from: self.created_from.clone(),
            created_to: self.created_to.clone(),
            seen_from: self.seen_from.clone(),
            seen_to: self.seen_to.clone(),
            order: self.order.clone(),
            direction: self.direction.clone(),
            ..Typed::default()
        }
    }
}

pub async fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => self::list(list).await,
        Verb::Revoke(revoke) => self::revoke(revoke).await,
    }
}

async fn list(list: List) -> Result<(), Failure> {
    let first = ListSessions { user: list.user.clone(), typed: list.typed() };
    first.check()?;
    let reach = list.place.reach().await?;
    let done = pages(&reach, first, list.output.json).await;
    reach.close().await?;
    done
}

async fn pages(reach: &Reach, mut page: ListSessions, json: bool) -> Result<(), Failure> {
    let mut headed = json;
    loop {
        let Listed { rows, next } = reach.run(page.clone(), How::ForGood).await?;
        if !headed {
            println!(
                "{:<36}  {:<8}  {:<20}  {:<20}  {:<39}  DEVICE, USER",
                "ID", "STATUS", "SIGNED IN", "LAST ACTIVE", "ADDRESS"
            );
            headed = true;
        }
        for row in &rows {
            if json {
                println!("{}", plain::json(&serde_json::to_string(row).map_err(Failure::failed)?));
            } else {
                println!("{}", plain::shown(&line(row)));
            }
        }
        let Some(next) = next else { return Ok(()) };
        page.typed.cursor = next;
    }
}

fn line(row: &Row) -> String {
    let minute = |time: &str| time.get(..16).unwrap_or(time).replace('T', " ");
    format!(
        "{}  {:<8}  {:<20}  {:<20}  {:<39}  {}, {}",
        row.id,
        row.status,
        minute(&row.created),
        minute(&row.last_active),
        row.address.as_deref().unwrap_or("-"),
        row.device,
        row.email.as_ref().unwrap_or(&row.user),
    )
}

async fn revoke(revoke: Revoke) -> Result<(), Failure> {
    let Revoke { ids, user, everyone, reason, trial, output, place } = revoke;
    let command = match user {
        _ if everyone => RevokeSessions::Everyone { reason },
        Some(user) => RevokeSessions::User { user, reason },
        None => RevokeSessions::These { ids: ids.clone(), reason },
    };
    let how = trial.how();
    match place.run(command, how).await? {
        Ended::All(count) => {
            let object = json!({ "dryRun": how == How::DryRun, "ended": count });
            output.tell(&object, || match how {
                How::ForGood => format!("ended {count}"),
                How::DryRun => format!("would end {count}"),
            });
            Ok(())
        }
        each @ Ended::Each { .. } => each_told(&ids, each, how, &output),
    }
}

/// Tells what became, or would become, of each.
fn each_told(ids: &[SessionId], each: Ended, how: How, output: &Output) -> Result<(), Failure> {
    let Ended::Each { ended, before, missing, broken } = each else { return Ok(()) };
    let texts = |ids: &[SessionId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    if output.json {
        let (ended, before, missing) = (texts(&ended), texts(&before), texts(&missing));
        let dry_run = how == How::DryRun;
        let told: Value =
            json!({ "dryRun": dry_run, "ended": ended.len(), "ids": ended, "before": before, "missing": missing });
        println!("{}", plain::json(&told.to_string()));
    } else {
        for id in ids {
            match how {
                _ if before.contains(id) && !ended.contains(id) => println!("{id} had ended before"),
                _ if !ended.contains(id) => {}
                How::ForGood => println!("{id} ended"),
                How::DryRun => println!("{id} would end"),
            }
        }
    }
    if let Some(broken) = broken {
        return Err(Failure::failed(broken));
    }
    if !missing.is_empty() {
        return Err(Failure::failed(format!("there is no session {}", texts(&missing).join(", "))));
    }
    Ok(())
}
