//! `/admin/users/<id>/edit` and what its forms change: name, e-mail address, labels.

use std::collections::BTreeSet;

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::json;

use super::admin_user::{find, url};
use crate::domain::change::UserChange;
use crate::domain::ending::Note;
use crate::domain::user::{Label, User, UserError};
use crate::service::sessions::Order;
use crate::store::UserChanged;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::confirm::{Confirmed, Proof, Question, confirmed};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::guards::{AdminSession, Caller, Server};
use crate::web::text::sentence;
use crate::web::told_user::UserDone;
use crate::web::view;

pub fn routes() -> Vec<Route> {
    routes![page, name, email, labels]
}

/// Labels as somebody types them: words with spaces or commas between them.
pub fn parse_labels(typed: &str) -> Result<BTreeSet<Label>, UserError> {
    let words = typed.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    words.map(str::parse).collect()
}

#[get("/admin/users/<id>/edit")]
async fn page(server: Server<'_>, admin: AdminSession<'_>, id: &str) -> Result<Page, PageError> {
    let user = find(server.0, id).await?;
    Ok(form(user.id == *admin.user_id(), &user, &Typed::of(&user), None))
}

/// What the three forms show.
struct Typed {
    name: String,
    email: String,
    labels: String,
    admin: bool,
    /// The labels that the form started from.
    had: String,
    note: String,
}

impl Typed {
    fn of(user: &User) -> Self {
        let others: Vec<_> = user.labels.iter().filter(|label| **label != Label::admin()).map(Label::as_str).collect();
        Self {
            name: user.name.to_string(),
            email: user.email.to_string(),
            labels: others.join(" "),
            admin: user.is_administrator(),
            had: user.labels.iter().map(Label::as_str).collect::<Vec<_>>().join(" "),
            note: String::new(),
        }
    }
}

fn form(you: bool, user: &User, typed: &Typed, error: Option<(&str, &str)>) -> Page {
    let Typed { name, email, labels, admin: rights, had, note } = typed;
    let (wrong, error) = error.unzip();
    let context = json!({
        "user": view::user(user), "you": you,
        "name": name, "email": email, "labels": labels, "admin": rights, "had": had, "note": note,
        "wrong": wrong, "error": error,
    });
    Page::new("pages/admin_user_edit.html", "Change a user", context)
}

/// One of the forms, as it was sent.
struct Sent<'a> {
    /// Which one.
    form: &'static str,
    change: Result<UserChange, UserError>,
    done: UserDone,
    typed: Typed,
    /// To be asked first, if it has to be.
    question: Option<(Proof, Question)>,
    user: &'a User,
}

async fn apply(
    server: Server<'_>,
    caller: &Caller<'_>,
    admin: &AdminSession<'_>,
    sent: Sent<'_>,
) -> Result<Answer, PageError> {
    let Sent { form: which, change, done, typed, question, user } = sent;
    let you = user.id == *admin.user_id();
    let refused = |status, told: &str| Ok(form(you, user, &typed, Some((which, told))).status(status).into());
    let note = match Note::parse(&typed.note) {
        Ok(note) => note,
        Err(error) => return refused(Status::UnprocessableEntity, &sentence(&error.to_string())),
    };
    let change = match change {
        Ok(change) => change,
        Err(error) => return refused(Status::UnprocessableEntity, &sentence(&error.to_string())),
    };
    if let Some((proof, question)) = question
        && let Confirmed::No(answer) = confirmed(server.0, caller, admin.live(), proof, question).await?
    {
        return Ok(answer);
    }
    let order = Order { by: admin.actor(), note, from: caller.address };
    match server.0.service.change_user(&user.id, change, &order).await? {
        UserChanged::Done { ended, .. } => {
            Ok(SeeOther::to(url(&user.id, "")).flash(server.0, Flash::User(done, ended)).into())
        }
        UserChanged::Unchanged => {
            Ok(SeeOther::to(url(&user.id, "")).flash(server.0, Flash::User(UserDone::Unchanged, 0)).into())
        }
        UserChanged::LastAdministrator => refused(
            Status::Conflict,
            "This is the last administrator who can sign in. Make somebody else one first. Nothing was changed.",
        ),
        UserChanged::EmailTaken => {
            refused(Status::Conflict, "Another user has this e-mail address. Nothing was changed.")
        }
        UserChanged::Stale | UserChanged::NotFound => Err(PageError::NotFound),
    }
}

#[derive(FromForm)]
struct NameFields {
    name: String,
    note: Option<String>,
}

#[post("/admin/users/<id>/name", data = "<fields>")]
async fn name(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    id: &str,
    fields: Filled<NameFields>,
) -> Result<Answer, PageError> {
    let user = find(server.0, id).await?;
    let NameFields { name, note } = fields.0;
    let change = name.parse().map(UserChange::Name);
    let typed = Typed { name, note: note.unwrap_or_default(), ..Typed::of(&user) };
    let sent = Sent { form: "name", change, done: UserDone::Name, typed, question: None, user: &user };
    apply(server, &caller, &admin, sent).await
}

#[derive(FromForm)]
struct EmailFields {
    email: String,
    note: Option<String>,
    confirm: Proof,
}

#[post("/admin/users/<id>/email", data = "<fields>")]
async fn email(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    id: &str,
    fields: Filled<EmailFields>,
) -> Result<Answer, PageError> {
    let user = find(server.0, id).await?;
    let EmailFields { email, note, confirm } = fields.0;
    let change = email.parse().map(UserChange::Email);
    let typed = Typed { email, note: note.unwrap_or_default(), ..Typed::of(&user) };
    let question = Question {
        heading: format!("Change the e-mail address of {}?", user.name),
        action: url(&user.id, "/email"),
        button: "Change address",
        cancel: url(&user.id, ""),
        fields: vec![("email", typed.email.clone()), ("note", typed.note.clone())],
    };
    let question = Some((confirm, question));
    apply(server, &caller, &admin, Sent { form: "email", change, done: UserDone::Email, typed, question, user: &user })
        .await
}

#[derive(FromForm)]
struct LabelFields {
    admin: bool,
    labels: Option<String>,
    had: Option<String>,
    note: Option<String>,
    confirm: Proof,
}

/// What was changed in the form is changed, and nothing else: a form that stood open gives no rights back that somebody has
/// taken meanwhile.
fn relabel(user: &User, labels: &str, rights: bool, had: Option<&str>) -> Result<UserChange, UserError> {
    let mut wanted = parse_labels(labels)?;
    // The box alone says who is an administrator.
    wanted.remove(&Label::admin());
    wanted.extend(rights.then(Label::admin));
    let had = had.map_or_else(|| Ok(user.labels.clone()), parse_labels)?;
    Ok(UserChange::Relabel { add: &wanted - &had, remove: &had - &wanted })
}

/// The labels of whoever is an administrator, or is to be one, are not changed without asking who it is; others are.
#[post("/admin/users/<id>/labels", data = "<fields>")]
async fn labels(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    id: &str,
    fields: Filled<LabelFields>,
) -> Result<Answer, PageError> {
    let user = find(server.0, id).await?;
    let LabelFields { admin: rights, labels, had, note, confirm } = fields.0;
    let (labels, note) = (labels.unwrap_or_default(), note.unwrap_or_default());
    let change = relabel(&user, &labels, rights, had.as_deref());
    let mut fields = vec![("labels", labels.clone()), ("note", note.clone())];
    fields.extend(rights.then(|| ("admin", "on".to_owned())));
    fields.extend(had.clone().map(|had| ("had", had)));
    let becomes = change.as_ref().ok().and_then(|change| change.applied(&user)).map(|after| after.is_administrator());
    let question = Question {
        heading: match (becomes, user.is_administrator()) {
            (Some(true), false) => format!("Make {} an administrator?", user.name),
            (Some(false), true) => format!("Take the rights of an administrator from {}?", user.name),
            _ => format!("Change the labels of {}?", user.name),
        },
        action: url(&user.id, "/labels"),
        button: "Change labels",
        cancel: url(&user.id, ""),
        fields,
    };
    let question = (rights || user.is_administrator()).then_some((confirm, question));
    let started = Typed::of(&user);
    let typed = Typed { labels, admin: rights, had: had.unwrap_or_else(|| started.had.clone()), note, ..started };
    apply(
        server,
        &caller,
        &admin,
        Sent { form: "labels", change, done: UserDone::Labels, typed, question, user: &user },
    )
    .await
}
