//! `sessiond user list`, `show`, `reset` and `delete`.

use clap::Args;

use serde_json::json;

use super::Failure;
use super::place::{Output, Place};
use super::reach::Reach;
use super::user::Named;
use crate::plain;
use crate::service::operator::{
    DeleteUser, How, InviteUser, ListUsers, ListedUsers, OneTimePassword, ResetPassword, ShowUser, UserRow,
};

#[derive(Args)]
pub struct List {
    /// Part of an id, an e-mail address or a name
    #[arg(default_value = "")]
    text: String,
    /// any, active, blocked, locked or administrators
    #[arg(long, default_value = "any")]
    state: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
pub struct Show {
    /// An e-mail address or a user id
    user: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

pub async fn list(list: List) -> Result<(), Failure> {
    let first = ListUsers { text: list.text.clone(), state: list.state.clone(), cursor: String::new() };
    first.query()?;
    let reach = list.place.reach().await?;
    let done = pages(&reach, first, list.output.json).await;
    reach.close().await?;
    done
}

async fn pages(reach: &Reach, mut page: ListUsers, json: bool) -> Result<(), Failure> {
    let mut headed = json;
    loop {
        let ListedUsers { rows, next } = reach.run(page.clone(), How::ForGood).await?;
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
                let line = format!("{:<36}  {:<32}  {:>8}  {}", row.id, row.email, row.live_sessions, state.join(", "));
                println!("{}", plain::shown(&line));
            }
        }
        let Some(next) = next else { return Ok(()) };
        page.cursor = next;
    }
}

fn object(row: &UserRow) -> Result<String, Failure> {
    Ok(plain::json(&serde_json::to_string(row).map_err(Failure::failed)?))
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
    let row = show.place.run(ShowUser { user: show.user }, How::ForGood).await?;
    if show.output.json {
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
        println!("{what:<14} {}", plain::shown(&value));
    }
    Ok(())
}

/// The password stands alone on the last line, for scripts.
fn hand_out(output: &Output, line: &str, handed: &OneTimePassword) -> Result<(), Failure> {
    let object = serde_json::to_value(handed).map_err(Failure::failed)?;
    output.tell(&object, || format!("{line}\n{}", handed.password));
    Ok(())
}

pub async fn reset(named: Named) -> Result<(), Failure> {
    let Named { user, reason, trial, output, place } = &named;
    let command = ResetPassword { user: user.clone(), reason: reason.clone() };
    let handed = place.run(command, trial.how()).await?;
    if trial.how() == How::DryRun {
        named.tell(["", "would have a one-time password"], Some(handed.ended));
        return Ok(());
    }
    let line = format!(
        "{user} has a one-time password, good until {} and to be changed at the next sign-in, {} sessions ended",
        handed.until, handed.ended
    );
    hand_out(output, &line, &handed)
}

pub async fn invite(place: &Place, output: &Output, new: InviteUser) -> Result<(), Failure> {
    let handed = place.run(new, How::ForGood).await?;
    hand_out(output, &handed.id, &handed)
}

pub async fn delete(named: Named) -> Result<(), Failure> {
    let Named { user, reason, trial, output, place } = &named;
    let (how, command) = (trial.how(), DeleteUser { user: user.clone(), reason: reason.clone() });
    let ended = place.run(command, how).await?.ended;
    output.tell(&json!({ "dryRun": how == How::DryRun, "user": user, "ended": ended }), || match how {
        How::ForGood => format!(
            "{user} deleted, {ended} sessions ended; the audit log keeps the id and a fingerprint of the address"
        ),
        How::DryRun => format!("{user} would be deleted, {ended} sessions would end"),
    });
    Ok(())
}
