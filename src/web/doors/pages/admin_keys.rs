//! `/admin/keys`: API keys; creating one, which is shown once, and revoking one.

use std::time::Duration;

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::{Value, json};

use super::typed::choice;
use crate::domain::ending::{Actor, Note};
use crate::domain::id::KeyId;
use crate::domain::key::{ApiKey, KeyCredential, KeyVerdict, Scope, StoredKey};
use crate::service::keys::{NewKey, NewKeyError};
use crate::service::sessions::Order;
use crate::store::KeyRevoked;
use crate::web::Core;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::confirm::{Confirmed, Proof, Question, confirmed};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::{Deed, Flash};
use crate::web::format::Time;
use crate::web::guards::{AdminSession, Caller, Server};
use crate::web::text::sentence;

const PATH: &str = "/admin/keys";
const NEW: &str = "/admin/keys/new";
const DAY: Duration = Duration::from_hours(24);

/// How long a key may be good, by the code in the form.
const LIFETIMES: [(&str, &str, Option<Duration>); 5] = [
    ("30d", "30 days", Some(DAY.saturating_mul(30))),
    ("90d", "90 days", Some(DAY.saturating_mul(90))),
    ("1y", "A year", Some(DAY.saturating_mul(365))),
    ("1d", "A day", Some(DAY)),
    ("never", "Until it is revoked", None),
];

pub fn routes() -> Vec<Route> {
    routes![list, page, create, ask, revoke]
}

#[get("/admin/keys")]
async fn list(server: Server<'_>, _admin: AdminSession<'_>) -> Result<Page, PageError> {
    let core = server.0;
    let mut keys = core.service.keys().await?;
    keys.reverse();
    let now = core.service.clock().now();
    let live = keys.iter().filter(|stored| stored.key.verdict(now) == KeyVerdict::Live).count();
    let mut rows = Vec::new();
    for stored in &keys {
        rows.push(row(core, stored).await?);
    }
    Ok(Page::new("pages/admin_keys.html", "API keys", json!({ "rows": rows, "live": live })))
}

async fn row(core: &Core, stored: &StoredKey) -> Result<Value, PageError> {
    let now = core.service.clock().now();
    let StoredKey { key, last_used: used } = stored;
    let verdict = key.verdict(now);
    let (code, label) = match &verdict {
        KeyVerdict::Live => ("live", "Live"),
        KeyVerdict::Revoked(_) => ("ended", "Revoked"),
        KeyVerdict::Expired(_) => ("expired", "Expired"),
    };
    let by = match &key.by {
        Actor::User(id) => match core.service.store().user(id.key()).await? {
            Some(user) => user.email.to_string(),
            None => id.to_string(),
        },
        Actor::Operator => "The operator".to_owned(),
        other => other.to_string(),
    };
    Ok(json!({
        "id": key.id.to_string(),
        "name": key.name.as_str(),
        "scopes": key.scopes.iter().map(Scope::code).collect::<Vec<_>>(),
        "status": { "code": code, "label": label },
        "live": verdict == KeyVerdict::Live,
        "by": by,
        "created": Time::new(key.created, now),
        "expires": key.expires.map(|at| Time::new(at, now)),
        "used": used.map(|at| Time::new(at, now)),
    }))
}

/// What was typed, to be shown again.
#[derive(Default)]
struct Typed {
    name: String,
    scopes: Vec<String>,
    lifetime: String,
}

#[get("/admin/keys/new")]
fn page(_admin: AdminSession<'_>) -> Page {
    form(&Typed::default(), None)
}

fn form(typed: &Typed, error: Option<&str>) -> Page {
    let scopes: Vec<_> = Scope::ALL
        .iter()
        .map(|scope| {
            let mut choice = choice(scope.code(), scope.code(), typed.scopes.iter().any(|one| one == scope.code()));
            choice["hint"] = json!(hint(*scope));
            choice
        })
        .collect();
    let lifetimes: Vec<_> =
        LIFETIMES.iter().map(|(code, label, _)| choice(code, label, *code == typed.lifetime)).collect();
    let context = json!({ "name": typed.name, "scopes": scopes, "lifetimes": lifetimes, "error": error });
    Page::new("pages/admin_key_new.html", "New API key", context)
}

const fn hint(scope: Scope) -> &'static str {
    match scope {
        Scope::SessionsRead => "See everybody’s sessions, and be told of sign-ins and endings.",
        Scope::SessionsWrite => "End sessions, and begin them for users who are no administrators.",
        Scope::UsersRead => "See users, and the keys there are.",
        Scope::UsersWrite => "Create and change users. Can make an administrator, and so do everything.",
        Scope::AuditRead => "Read the audit log.",
        Scope::MetricsRead => "Read the server’s metrics.",
    }
}

#[derive(FromForm)]
struct Fields {
    name: Option<String>,
    scope: Vec<String>,
    lifetime: Option<String>,
    confirm: Proof,
}

#[post("/admin/keys/new", data = "<fields>")]
async fn create(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    fields: Filled<Fields>,
) -> Result<Answer, PageError> {
    let core = server.0;
    let Fields { name, scope, lifetime, confirm } = fields.0;
    let typed = Typed { name: name.unwrap_or_default(), scopes: scope, lifetime: lifetime.unwrap_or_default() };
    let refused = |told: &str| form(&typed, Some(told)).status(Status::UnprocessableEntity);
    let Some((_, _, lifetime)) = LIFETIMES.iter().find(|(code, _, _)| *code == typed.lifetime) else {
        return Ok(refused("Choose how long the key is good.").into());
    };
    if typed.scopes.is_empty() {
        return Ok(refused("Choose at least one thing that the key is good for.").into());
    }
    let mut again = vec![("name", typed.name.clone()), ("lifetime", typed.lifetime.clone())];
    again.extend(typed.scopes.iter().map(|scope| ("scope", scope.clone())));
    let question = Question {
        heading: format!("Create the key {}?", typed.name.trim()),
        action: NEW.to_owned(),
        button: "Create key",
        cancel: PATH.to_owned(),
        fields: again,
    };
    if let Confirmed::No(answer) = confirmed(core, &caller, admin.live(), confirm, question).await? {
        return Ok(answer);
    }
    let scopes = typed.scopes.join(",");
    let new = NewKey { name: typed.name.clone(), scopes, lifetime: *lifetime, from: caller.address };
    match core.service.create_key(new, admin.actor()).await {
        Ok((key, credential)) => Ok(handed_out(core, &key, &credential).into()),
        Err(NewKeyError::Store(error)) => Err(error.into()),
        Err(error) => Ok(refused(&sentence(&error.to_string())).into()),
    }
}

/// The only page that ever shows a key: the answer to the order itself, kept by no cache.
fn handed_out(core: &Core, key: &ApiKey, credential: &KeyCredential) -> Page {
    let now = core.service.clock().now();
    let context = json!({
        "name": key.name.as_str(),
        "id": key.id.to_string(),
        "secret": credential.expose(),
        "scopes": key.scopes.iter().map(Scope::code).collect::<Vec<_>>(),
        "expires": key.expires.map(|at| Time::new(at, now)),
    });
    Page::new("pages/admin_key_secret.html", "API key", context)
}

async fn find(core: &Core, id: &str) -> Result<StoredKey, PageError> {
    let id: KeyId = id.parse().map_err(|_| PageError::NotFound)?;
    core.service.store().key(id).await?.ok_or(PageError::NotFound)
}

#[get("/admin/keys/<id>/revoke")]
async fn ask(server: Server<'_>, _admin: AdminSession<'_>, id: &str) -> Result<Page, PageError> {
    let stored = find(server.0, id).await?;
    question(server.0, &stored, "", None).await
}

async fn question(core: &Core, stored: &StoredKey, note: &str, error: Option<&str>) -> Result<Page, PageError> {
    let context = json!({ "key": row(core, stored).await?, "note": note, "error": error });
    Ok(Page::new("pages/admin_key_revoke.html", "Revoke an API key", context))
}

#[derive(FromForm)]
struct Reason {
    note: Option<String>,
}

#[post("/admin/keys/<id>/revoke", data = "<fields>")]
async fn revoke(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    id: &str,
    fields: Filled<Reason>,
) -> Result<Answer, PageError> {
    let core = server.0;
    let stored = find(core, id).await?;
    let typed = fields.0.note.unwrap_or_default();
    let note = match Note::parse(&typed) {
        Ok(note) => note,
        Err(error) => {
            let page = question(core, &stored, &typed, Some(&sentence(&error.to_string()))).await?;
            return Ok(page.status(Status::UnprocessableEntity).into());
        }
    };
    let order = Order { by: admin.actor(), note, from: caller.address };
    match core.service.revoke_key(stored.key.id, &order).await? {
        KeyRevoked::Done(_) | KeyRevoked::AlreadyRevoked(_) => {
            Ok(SeeOther::to(PATH).flash(core, Flash::Deed(Deed::KeyRevoked)).into())
        }
        KeyRevoked::NotFound => Err(PageError::NotFound),
    }
}
