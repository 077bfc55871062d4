//! `/admin/sessions`: everybody's sessions, and ending those that are ticked.

use std::collections::BTreeMap;

use rocket::form::FromForm;
use rocket::http::Status as HttpStatus;
use rocket::{Route, get, post, routes};
use serde_json::{Value, json};

use crate::domain::ending::{Actor, Ended, Note};
use crate::domain::id::{SessionId, UserId};
use crate::domain::listing::{
    self as domain, Cursor, Filter, ListingError, Order, Query, Status, Total, parse_network,
};
use crate::domain::session::Verdict;
use crate::service::sessions::{Order as Command, Selection};
use crate::store::StoreError;
use crate::web::Core;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::format::thousands;
use crate::web::guards::{AdminSession, Caller, Server};
use crate::web::next::Next;
use crate::web::view::Viewer;

pub fn routes() -> Vec<Route> {
    routes![start, page, end]
}

#[get("/admin")]
fn start(_admin: AdminSession<'_>) -> SeeOther {
    SeeOther::to("/admin/sessions")
}

/// The question as it stands in the URL.
#[derive(Debug, Clone, Default, FromForm)]
struct Typed {
    user: Option<String>,
    address: Option<String>,
    status: Option<String>,
    order: Option<String>,
    cursor: Option<String>,
}

#[get("/admin/sessions?<typed..>")]
async fn page(server: Server<'_>, admin: AdminSession<'_>, typed: Typed) -> Result<Page, PageError> {
    let core = server.0;
    match parse(core, &typed).await? {
        Ok(query) => render(core, &admin, &typed, &query, None).await,
        Err(error) => {
            let query = Query::first(Filter::default());
            let page = render(core, &admin, &typed, &query, Some(&error.to_string())).await?;
            Ok(page.status(HttpStatus::BadRequest))
        }
    }
}

/// The question, or what is wrong with it.
async fn parse(core: &Core, typed: &Typed) -> Result<Result<Query, ListingError>, StoreError> {
    let filled =
        |field: &Option<String>| field.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let whose = core.service.whose(typed.user.as_deref().unwrap_or("")).await?;
    let rest = || -> Result<Query, ListingError> {
        let network = filled(&typed.address).map(|text| parse_network(&text)).transpose()?;
        let status = filled(&typed.status).map_or(Ok(Status::default()), |code| code.parse())?;
        let order = filled(&typed.order).map_or(Ok(Order::default()), |code| code.parse())?;
        let cursor: Option<Cursor> = filled(&typed.cursor).map(|text| text.parse()).transpose()?;
        if cursor.is_some_and(|cursor| cursor.order != order) {
            return Err(ListingError::Cursor);
        }
        Ok(Query { filter: Filter { whose, status, network }, order, cursor, rows: Query::ROWS })
    };
    Ok(rest())
}

async fn render(
    core: &Core,
    admin: &AdminSession<'_>,
    typed: &Typed,
    query: &Query,
    error: Option<&str>,
) -> Result<Page, PageError> {
    let service = &core.service;
    // A filter that was not understood must not show what it does not say: somebody could end the wrong sessions.
    let page = match error {
        None => service.list(query).await?,
        Some(_) => domain::Page { rows: Vec::new(), older: None, newer: None },
    };
    let names = enders(core, &page).await?;
    let viewer = Viewer { now: service.clock().now(), limits: service.limits(), own: admin.id(), names: Some(&names) };
    let endable =
        page.rows.iter().any(|(standing, verdict)| *verdict == Verdict::Live && standing.session.id() != viewer.own);
    let total = service.count(&query.filter).await?;
    let count = |status| {
        let filter = Filter { status, ..Filter::default() };
        async move { service.count(&filter).await.map(told) }
    };
    let link = |cursor: Option<Cursor>| cursor.map(|cursor| typed.url(Some(&cursor.to_string())));
    let choice = |code: &str, label: &str, selected| json!({ "code": code, "label": label, "selected": selected });
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let context = json!({
        "rows": page.rows.iter().map(|(standing, verdict)| viewer.row(standing, verdict)).collect::<Vec<Value>>(),
        "total_text": told(total),
        "shown": page.rows.len(),
        "filter": { "user": text(&typed.user), "address": text(&typed.address), "status": query.filter.status.code() },
        "statuses": [
            choice("live", "Live", query.filter.status == Status::Live),
            choice("ended", "Ended", query.filter.status == Status::Ended),
            choice("expired", "Expired", query.filter.status == Status::Expired),
            choice("any", "Any", query.filter.status == Status::Any),
        ],
        "orders": [
            choice("last-active", "Last active", query.order == Order::LastActive),
            choice("signed-in", "Signed in", query.order == Order::SignedIn),
        ],
        "newer_url": link(page.newer),
        "older_url": link(page.older),
        "first_url": query.cursor.map(|_| typed.url(None)),
        "filtered": query.filter != Filter::default(),
        "error": error,
        "counts": { "live": count(Status::Live).await?, "ended": count(Status::Ended).await?, "expired": count(Status::Expired).await? },
        "endable": endable,
        "incomplete": page.rows.len() < query.rows && page.older.is_some(),
        "here": typed.url(typed.cursor.as_deref()),
    });
    Ok(Page::new("pages/admin_sessions.html", "Sessions", context))
}

/// What those who ended these sessions are called.
async fn enders(core: &Core, page: &domain::Page) -> Result<BTreeMap<UserId, String>, StoreError> {
    let mut names = BTreeMap::new();
    for (_, verdict) in &page.rows {
        if let Verdict::Ended(Ended { by: Actor::User(id), .. }) = verdict
            && !names.contains_key(id)
        {
            let user = core.service.store().user(id.key()).await?;
            names.insert(id.clone(), user.map_or_else(|| id.to_string(), |user| user.name.to_string()));
        }
    }
    Ok(names)
}

fn told(total: Total) -> String {
    match total {
        Total::Exactly(count) => thousands(count),
        Total::MoreThan(count) => format!("{}+", thousands(count)),
    }
}

impl Typed {
    /// This listing's address, at another place.
    fn url(&self, cursor: Option<&str>) -> String {
        let encode =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let fields = [
            ("user", self.user.as_deref()),
            ("address", self.address.as_deref()),
            ("status", self.status.as_deref()),
            ("order", self.order.as_deref()),
            ("cursor", cursor),
        ];
        let fields =
            fields.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
        let query: Vec<_> = fields.map(|(name, value)| format!("{name}={}", encode(value))).collect();
        if query.is_empty() { "/admin/sessions".to_owned() } else { format!("/admin/sessions?{}", query.join("&")) }
    }
}

#[derive(FromForm)]
struct Ticked {
    session: Vec<String>,
    /// The row whose own button was pressed.
    only: Option<String>,
    note: Option<String>,
    back: Option<String>,
}

/// Ends the ticked ones, or the one whose button was pressed.
#[post("/admin/sessions/end", data = "<ticked>")]
async fn end(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    ticked: Filled<Ticked>,
) -> Result<Answer, PageError> {
    let Filled(ticked) = ticked;
    let note =
        Note::parse(ticked.note.as_deref().unwrap_or("")).map_err(|error| PageError::BadRequest(error.to_string()))?;
    let named = ticked.only.as_ref().map_or(&ticked.session[..], std::slice::from_ref);
    let ids: Vec<SessionId> =
        named.iter().map(|id| id.parse()).collect::<Result<_, _>>().map_err(|_| PageError::NotFound)?;
    let command = Command { by: admin.actor(), note, from: caller.address };
    let Selection { ended, already, unknown } = server.0.service.revoke_selection(&ids, &command).await?;
    let back = ticked.back.as_deref().and_then(Next::parse).filter(|back| back.as_str().starts_with("/admin/sessions"));
    let back = back.as_ref().map_or("/admin/sessions", Next::as_str);
    Ok(SeeOther::to(back).flash(server.0, Flash::Ended { ended, already, unknown }).into())
}
