//! `sessiond user list`, `show`, `reset` and `delete`.

use clap::Args;

use super::reach::Reach;
use super::user::Named;
use super::{Data, Failure};
use crate::service::operator::{
    DeleteUser, InviteUser, ListUsers, ListedUsers, OneTimePassword, ResetPassword, ShowUser, UserRow,
};

#[derive(Args)]
pub struct List {
    /// Part of an id, an e-mail address or a name
    #[arg(default_value = "")]
    text: String,
    /// any, active, blocked, locked or administrators
    #[arg(long, default_value = "any")]
    state: String,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

#[derive(Args)]
pub struct Show {
    /// An e-mail address or a user id
    user: String,
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

pub async fn list(list: List) -> Result<(), Failure> {
    let first = ListUsers { text: list.text.clone(), state: list.state.clone(), cursor: String::new() };
    first.query()?;
    let (_, config) = list.data.config()?;
    let reach = Reach::find(&config).await?;
    let done = pages(&reach, first, list.json).await;
    reach.close().await?;
    done
}

async fn pages(reach: &Reach, mut page: ListUsers, json: bool) -> Result<(), Failure> {
    let mut headed = json;
    loop {
        let ListedUsers { rows, next } = reach.run(page.clone()).await?;
        if !headed {
            println!("{:<36}  {:<32}  {:>8}  STATE, LABELS, NAME", "ID", "E-MAIL", "SESSIONS");
            headed = true;
        }
        for row in &rows {
            if json {
                println!("{}", object(row)?);
            } else {
                let state = [state(row), row.labels.join(" "), row.name.clone()];
                let state: Vec<_> = state.into_iter().filter(|part| !part.is_empty()).collect();
                println!("{:<36}  {:<32}  {:>8}  {}", row.id, row.email, row.live_sessions, state.join(", "));
            }
        }
        let Some(next) = next else { return Ok(()) };
        page.cursor = next;
    }
}

fn object(row: &UserRow) -> Result<String, Failure> {
    serde_json::to_string(row).map_err(Failure::failed)
}

/// What is out of the ordinary, in words.
fn state(row: &UserRow) -> String {
    let words = [
        (row.blocked, "blocked"),
        (row.locked, "locked"),
        (row.one_time_password_until.is_some(), "one-time password"),
        (row.second_factor, "second factor"),
    ];
    let words: Vec<_> = words.iter().filter(|(so, _)| *so).map(|(_, word)| *word).collect();
    if words.is_empty() { "active".to_owned() } else { words.join(" and ") }
}

pub async fn show(show: Show) -> Result<(), Failure> {
    let (_, config) = show.data.config()?;
    let reach = Reach::find(&config).await?;
    let shown = reach.run(ShowUser { user: show.user }).await;
    reach.close().await?;
    let row = shown?;
    if show.json {
        println!("{}", object(&row)?);
        return Ok(());
    }
    let until = row.one_time_password_until.as_deref().map(|until| format!("for one use, good until {until}"));
    let labels = if row.labels.is_empty() { "none".to_owned() } else { row.labels.join(" ") };
    for (what, value) in [
        ("id", row.id.clone()),
        ("e-mail", row.email.clone()),
        ("name", row.name.clone()),
        ("labels", labels),
        ("created", row.created.clone()),
        ("state", state(&row)),
        ("password", until.unwrap_or_else(|| "their own".to_owned())),
        ("wrong tries", format!("{} in a row", row.wrong_tries)),
        ("live sessions", row.live_sessions.to_string()),
    ] {
        println!("{what:<14} {value}");
    }
    Ok(())
}

/// The password stands alone on the last line, for scripts.
fn hand_out(line: &str, handed: &OneTimePassword) {
    println!("{line}");
    println!("{}", handed.password);
}

pub async fn reset(Named { user, reason, data }: Named) -> Result<(), Failure> {
    let (_, config) = data.config()?;
    let reach = Reach::find(&config).await?;
    let done = reach.run(ResetPassword { user: user.clone(), reason }).await;
    reach.close().await?;
    let handed = done?;
    let line = format!(
        "{user} has a one-time password, good until {} and to be changed at the next sign-in, {} sessions ended",
        handed.until, handed.ended
    );
    hand_out(&line, &handed);
    Ok(())
}

pub async fn invite(data: Data, new: InviteUser) -> Result<(), Failure> {
    let (_, config) = data.config()?;
    let reach = Reach::find(&config).await?;
    let done = reach.run(new).await;
    reach.close().await?;
    let handed = done?;
    hand_out(&handed.id, &handed);
    Ok(())
}

pub async fn delete(Named { user, reason, data }: Named) -> Result<(), Failure> {
    let (_, config) = data.config()?;
    let reach = Reach::find(&config).await?;
    let done = reach.run(DeleteUser { user: user.clone(), reason }).await;
    reach.close().await?;
    println!(
        "{user} deleted, {} sessions ended; the audit log keeps the id and a fingerprint of the address",
        done?.ended
    );
    Ok(())
}
