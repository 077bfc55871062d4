//! `sessiond audit`.

use std::io::{self, Write};

use clap::Args;

use super::Failure;
use super::place::{Output, Place};
use super::reach::Reach;
use crate::domain::audit::Typed;
use crate::plain;
use crate::service::audit::Line;
use crate::service::operator::{Events, How, ListEvents};

#[derive(Args)]
pub struct Arguments {
    /// Whom it concerns, whether they did it or it was done to them: an e-mail address or a user id
    #[arg(long, default_value = "")]
    user: String,
    /// Who did it: the same, or operator, system, anonymous, key:ID
    #[arg(long, default_value = "")]
    actor: String,
    /// To whom it was done: an e-mail address or a user id
    #[arg(long, default_value = "")]
    target: String,
    /// What was done, such as session.create; may be repeated
    #[arg(long = "action", value_name = "ACTION")]
    actions: Vec<String>,
    /// success, failure or denied
    #[arg(long, default_value = "")]
    outcome: String,
    /// At this time or later: 2026-11-20 or 2026-11-20T09:30Z, in UTC
    #[arg(long, value_name = "TIME", default_value = "")]
    from: String,
    /// Before this time
    #[arg(long, value_name = "TIME", default_value = "")]
    to: String,
    /// From this address or network
    #[arg(long, default_value = "")]
    address: String,
    /// To the session with this id
    #[arg(long, value_name = "ID", default_value = "")]
    session: String,
    /// desc (newest first) or asc (oldest first)
    #[arg(long, default_value = "")]
    direction: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

impl Arguments {
    fn typed(&self) -> Typed {
        Typed {
            user: self.user.clone(),
            actor: self.actor.clone(),
            target: self.target.clone(),
            actions: self.actions.clone(),
            outcome: self.outcome.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            address: self.address.clone(),
            session: self.session.clone(),
            direction: self.direction.clone(),
            ..Typed::default()
        }
    }
}

pub async fn run(arguments: Arguments) -> Result<(), Failure> {
    let first = ListEvents { typed: arguments.typed() };
    first.check()?;
    let reach = arguments.place.reach().await?;
    let done = pages(&reach, first, arguments.output.json).await;
    reach.close().await?;
    done
}

async fn pages(reach: &Reach, mut page: ListEvents, json: bool) -> Result<(), Failure> {
    let mut headed = json;
    loop {
        let Events { rows, next } = reach.run(page.clone(), How::ForGood).await?;
        let mut text = String::new();
        if !headed {
            text = format!(
                "{:<9}  {:<19}  {:<26}  {:<25}  {:<7}  {:<26}  {:<39}  WHY AND DETAILS\n",
                "NUMBER", "WHEN", "WHO", "WHAT", "OUTCOME", "WHOM", "ADDRESS"
            );
            headed = true;
        }
        for row in &rows {
            if json {
                text.push_str(&plain::json(&serde_json::to_string(row).map_err(Failure::failed)?));
            } else {
                text.push_str(&plain::shown(&line(row)));
            }
            text.push('\n');
        }
        match io::stdout().lock().write_all(text.as_bytes()) {
            Ok(()) => {}
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::failed(error)),
        }
        let Some(next) = next else { return Ok(()) };
        page.typed.cursor = next;
    }
}

fn line(row: &Line) -> String {
    let when = row.at.get(..19).unwrap_or(&row.at).replace('T', " ");
    let ended = (row.ended > 0).then(|| format!("{} ended", row.ended));
    let session = row.session.as_ref().map(|id| format!("session {id}"));
    let note = row.note.as_ref().map(|note| format!("“{note}”"));
    let why: Vec<_> = [row.reason.clone(), ended, session, note, row.detail.clone()].into_iter().flatten().collect();
    let line = format!(
        "{:<9}  {when:<19}  {:<26}  {:<25}  {:<7}  {:<26}  {:<39}  {}",
        row.number,
        row.actor,
        row.action,
        row.outcome,
        row.user.as_deref().unwrap_or("-"),
        row.address.as_deref().unwrap_or("-"),
        why.join("; "),
    );
    line.trim_end().to_owned()
}
