//! `sessiond session …`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Data, Failure};
use crate::domain::ending::{Actor, Note};
use crate::domain::id::SessionId;
use crate::domain::listing::{Query, Typed, Whose};
use crate::domain::session::{Standing, Verdict};
use crate::open;
use crate::service::Service;
use crate::service::sessions::Order;
use crate::store::{End, EndUser};

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
    /// One JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
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
    data: Data,
}

impl List {
    /// What was asked, before it is known who is meant.
    fn query(&self) -> Result<Query, Failure> {
        let typed = Typed {
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
        };
        typed.query(Whose::Everyones).map_err(Failure::usage)
    }
}

pub async fn run(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::List(list) => self::list(list).await,
        Verb::Revoke(revoke) => self::revoke(revoke).await,
    }
}

async fn list(list: List) -> Result<(), Failure> {
    let asked = list.query()?;
    let (_, config) = list.data.config()?;
    let service = open::open(&config).await?;
    let mut query = Query { rows: Query::MOST_ROWS, ..asked };
    query.filter.whose = service.whose(&list.user).await?;
    if !list.json {
        println!(
            "{:<36}  {:<8}  {:<20}  {:<20}  {:<39}  DEVICE, USER",
            "ID", "STATUS", "SIGNED IN", "LAST ACTIVE", "ADDRESS"
        );
    }
    loop {
        let page = service.list(&query).await?;
        for (standing, verdict) in &page.rows {
            if list.json {
                println!("{}", object(&service, standing, verdict));
            } else {
                println!("{}", line(standing, verdict));
            }
        }
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    service.store().close().await?;
    Ok(())
}

const fn code(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Live => "live",
        Verdict::Ended(_) => "ended",
        Verdict::Expired(_) => "expired",
    }
}

fn line(standing: &Standing, verdict: &Verdict) -> String {
    let session = &standing.session;
    let address = session.client().address.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
    let user = standing.user.as_ref().map_or_else(|| session.user().to_string(), |user| user.email.to_string());
    format!(
        "{}  {:<8}  {:<20}  {:<20}  {address:<39}  {}, {user}",
        session.id(),
        code(verdict),
        session.created().minute(),
        standing.seen.minute(),
        session.client().device,
    )
}

fn object(service: &Service, standing: &Standing, verdict: &Verdict) -> serde_json::Value {
    let session = &standing.session;
    let ended = match verdict {
        Verdict::Ended(ended) => json!({
            "at": ended.at.to_string(),
            "by": ended.by.to_string(),
            "reason": ended.reason.code(),
            "note": ended.note.as_ref().map(Note::as_str),
        }),
        _ => serde_json::Value::Null,
    };
    json!({
        "id": session.id().to_string(),
        "user": session.user().as_str(),
        "email": standing.user.as_ref().map(|user| user.email.as_str()),
        "status": code(verdict),
        "created": session.created().to_string(),
        "lastActive": standing.seen.to_string(),
        "expires": standing.deadline(service.limits()).to_string(),
        "address": session.client().address.map(|ip| ip.to_string()),
        "device": session.client().device.to_string(),
        "agent": session.client().agent,
        "ended": ended,
    })
}

async fn revoke(revoke: Revoke) -> Result<(), Failure> {
    let note = Note::parse(&revoke.reason).map_err(Failure::usage)?;
    let order = Order { by: Actor::Operator, note, from: None };
    let (_, config) = revoke.data.config()?;
    let service = open::open(&config).await?;
    let done = run_revoke(&service, &revoke, &order).await;
    service.store().close().await?;
    done
}

async fn run_revoke(service: &Service, revoke: &Revoke, order: &Order) -> Result<(), Failure> {
    if revoke.everyone {
        let done = service.revoke_everyone(order).await?;
        println!("ended {}", done.count);
    } else if let Some(typed) = &revoke.user {
        let Whose::User(key) = service.whose(typed).await? else {
            return Err(Failure::failed(format!("there is no user with the e-mail address or id {typed}")));
        };
        let user = service.store().user(key).await?.ok_or_else(|| Failure::failed("the user is gone"))?;
        match service.revoke_user(&user.id, None, order).await? {
            EndUser::Done { count, .. } => println!("ended {count}"),
            EndUser::KeeperEnded | EndUser::NotFound => return Err(Failure::failed("the user is gone")),
        }
    } else {
        let mut missing = Vec::new();
        for id in &revoke.ids {
            match service.revoke(*id, order).await? {
                End::Done(_) => println!("{id} ended"),
                End::AlreadyEnded(_) => println!("{id} had ended before"),
                End::NotFound => missing.push(id.to_string()),
            }
        }
        if !missing.is_empty() {
            return Err(Failure::failed(format!("there is no session {}", missing.join(", "))));
        }
    }
    Ok(())
}
