//! `/admin/audit`: what happened: who, what, whom, when, from where, how it went and why.

use std::collections::BTreeMap;

use rocket::http::Status;
use rocket::{Route, get, routes};
use serde_json::{Value, json};

use super::audit_filter::{Asked, PATH};
use super::typed;
use crate::domain::audit::Event;
use crate::domain::audit::search::{Cursor, Filter, Page as Found, Query};
use crate::domain::id::{EventSeq, UserId};
use crate::domain::user::User;
use crate::service::audit::AskError;
use crate::store::StoreError;
use crate::web::Core;
use crate::web::answer::Page;
use crate::web::error::PageError;
use crate::web::events::Reader;
use crate::web::format::Time;
use crate::web::guards::{AdminSession, Server};

pub fn routes() -> Vec<Route> {
    routes![page]
}

#[get("/admin/audit?<asked..>")]
async fn page(server: Server<'_>, _admin: AdminSession<'_>, asked: Asked) -> Result<Page, PageError> {
    answer(server.0, &asked).await
}

/// The page; what was not understood is said above the form, with 400.
pub async fn answer(core: &Core, asked: &Asked) -> Result<Page, PageError> {
    match core.service.asked(&asked.typed()).await {
        Ok(query) => render(core, asked, &query, None).await,
        Err(AskError::Typed(error)) => {
            let query = Query::first(Filter::default());
            let page = render(core, asked, &query, Some(&error.to_string())).await?;
            Ok(page.status(Status::BadRequest))
        }
        Err(AskError::Store(error)) => Err(error.into()),
    }
}

async fn render(core: &Core, asked: &Asked, query: &Query, error: Option<&str>) -> Result<Page, PageError> {
    let service = &core.service;
    // What a filter that was not understood means, nobody knows.
    let page = match error {
        None => service.find(query).await?,
        Some(_) => Found { rows: Vec::new(), next: None, previous: None },
    };
    let users = users(core, &page.rows).await?;
    let now = service.clock().now();
    let reader = Reader { now, users: &users };
    let link = |cursor: Option<Cursor>| cursor.map(|cursor| asked.url(&cursor.to_string()));
    let oldest = service.oldest_event().await?;
    let context = json!({
        "rows": page.rows.iter().map(|event| reader.row(event)).collect::<Vec<Value>>(),
        "shown": page.rows.len(),
        "filter": asked.form(query),
        "pager": typed::pager(query.direction),
        "previous_url": link(page.previous),
        "next_url": link(page.next),
        "first_url": query.cursor.map(|_| asked.url("")),
        "filtered": query.filter != Filter::default(),
        "error": error,
        "incomplete": page.rows.len() < query.rows && page.next.is_some(),
        "since": oldest.as_ref().map(|event| Time::new(event.at, now)),
        "swept": oldest.is_some_and(|event| event.seq > EventSeq(1)),
        "csv": asked.file("csv"),
        "ndjson": asked.file("ndjson"),
        "start": PATH,
    });
    Ok(Page::new("pages/admin_audit.html", "Audit", context))
}

/// Those whom the events concern and who are still there.
pub async fn users(core: &Core, events: &[Event]) -> Result<BTreeMap<UserId, User>, StoreError> {
    let mut users = BTreeMap::new();
    for id in events.iter().flat_map(|event| event.draft.concerned()) {
        if !users.contains_key(id)
            && let Some(user) = core.service.store().user(id.key()).await?
        {
            users.insert(id.clone(), user);
        }
    }
    Ok(users)
}
