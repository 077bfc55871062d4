//! `/admin/users`: everybody who may sign in, and finding somebody among them.

use rocket::form::FromForm;
use rocket::http::Status;
use rocket::{Route, get, routes};
use serde_json::{Value, json};

use super::admin_sessions::told;
use super::typed::{choice, url};
use crate::domain::listing::{ListingError, UserCursor, UserFilter, UserPage, UserQuery, UserState};
use crate::web::Core;
use crate::web::answer::Page;
use crate::web::error::PageError;
use crate::web::guards::{AdminSession, Server};
use crate::web::person::person;

/// The page that this is about.
pub const PATH: &str = "/admin/users";

pub fn routes() -> Vec<Route> {
    routes![page]
}

/// The question as it stands in the URL.
#[derive(Debug, Clone, Default, FromForm)]
struct Asked {
    #[field(default = "")]
    user: String,
    #[field(default = "")]
    state: String,
    #[field(default = "")]
    cursor: String,
}

impl Asked {
    fn query(&self) -> Result<UserQuery, ListingError> {
        let cursor = self.cursor.trim();
        let cursor = if cursor.is_empty() { None } else { Some(cursor.parse::<UserCursor>()?) };
        Ok(UserQuery { filter: UserFilter::parse(&self.user, &self.state)?, cursor, ..UserQuery::default() })
    }

    fn url(&self, cursor: &str) -> String {
        url(PATH, [("user", &*self.user), ("state", &*self.state), ("cursor", cursor)])
    }
}

#[get("/admin/users?<asked..>")]
async fn page(server: Server<'_>, admin: AdminSession<'_>, asked: Asked) -> Result<Page, PageError> {
    match asked.query() {
        Ok(query) => render(server.0, &admin, &asked, &query, None).await,
        Err(error) => {
            let error = error.to_string();
            let page = render(server.0, &admin, &asked, &UserQuery::default(), Some(&error)).await?;
            Ok(page.status(Status::BadRequest))
        }
    }
}

async fn render(
    core: &Core,
    admin: &AdminSession<'_>,
    asked: &Asked,
    query: &UserQuery,
    error: Option<&str>,
) -> Result<Page, PageError> {
    let service = &core.service;
    let page = match error {
        None => service.store().list_users(query).await?,
        Some(_) => UserPage { rows: Vec::new(), next: None, previous: None },
    };
    let mut rows = Vec::new();
    for user in &page.rows {
        let mut row = person(user, service.clock().now());
        row["live"] = json!(service.count_live(&user.id).await?);
        row["you"] = json!(user.id == *admin.user_id());
        rows.push(row);
    }
    let count = |state| {
        let filter = UserFilter { state, ..UserFilter::default() };
        async move { service.store().count_users(&filter).await.map(told) }
    };
    let state = asked.state.trim().parse().unwrap_or_default();
    let link = |cursor: Option<UserCursor>| cursor.map(|cursor| asked.url(&cursor.to_string()));
    let incomplete = page.rows.len() < query.most() && page.next.is_some();
    let context = json!({
        "rows": rows,
        "shown": page.rows.len(),
        "total_text": told(service.store().count_users(&query.filter).await?),
        "counts": {
            "all": count(UserState::Any).await?,
            "administrators": count(UserState::Administrators).await?,
            "blocked": count(UserState::Blocked).await?,
            "locked": count(UserState::Locked).await?,
        },
        "filter": { "user": asked.user, "states": states(state) },
        "filtered": query.filter != UserFilter::default(),
        "pager": { "first": "First", "previous": "Previous", "next": "Next" },
        "previous_url": link(page.previous),
        "next_url": link(page.next),
        "first_url": query.cursor.as_ref().map(|_| asked.url("")),
        "incomplete": incomplete,
        "error": error,
    });
    Ok(Page::new("pages/admin_users.html", "Users", context))
}

fn states(chosen: UserState) -> Vec<Value> {
    let label = |state| match state {
        UserState::Any => "Any",
        UserState::Active => "Active",
        UserState::Blocked => "Blocked",
        UserState::Locked => "Locked",
        UserState::Administrators => "Administrators",
    };
    UserState::ALL.into_iter().map(|state| choice(state.code(), label(state), state == chosen)).collect()
}
