//! `/admin/audit/export.csv` and `.ndjson`: the events of a filter as a file.
//!
//! The log is read twice, a page at a time: once to know how many events and bytes there are, so that the export can be
//! written into the log before anything of it is sent, and once to send them. With its length said beforehand, a file that
//! breaks off looks broken to whoever gets it; one without would look whole.

mod cells;

use std::sync::Arc;

use rocket::http::{Method, Status};
use rocket::request::Request;
use rocket::response::stream::ByteStream;
use rocket::response::{self, Responder, Response};
use rocket::{Route, get, routes};

use super::admin_audit;
use super::audit_filter::Asked;
use crate::domain::audit::Event;
use crate::domain::credential::Credential;
use crate::plain;
use crate::service::Service;
use crate::service::audit::{AskError, Export, Line, Pages};
use crate::store::StoreError;
use crate::web::answer::Page;
use crate::web::error::PageError;
use crate::web::guards::{AdminSession, Caller, Server};
use crate::web::seen::Seen;

pub fn routes() -> Vec<Route> {
    routes![csv, ndjson]
}

/// How an event is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Csv,
    Ndjson,
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Ndjson => "application/x-ndjson; charset=utf-8",
        }
    }

    /// What comes before all events.
    fn head(self) -> Vec<u8> {
        match self {
            Self::Csv => cells::record(&Line::FIELDS),
            Self::Ndjson => Vec::new(),
        }
    }

    fn write(self, events: &[Event]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(events.len() * 256);
        for line in events.iter().map(Line::from) {
            match self {
                Self::Csv => bytes.extend(cells::record(&line.cells().map(|cell| cells::safe(&cell)))),
                Self::Ndjson => {
                    bytes.extend(plain::json(&serde_json::to_string(&line).unwrap_or_default()).into_bytes());
                    bytes.push(b'\n');
                }
            }
        }
        bytes
    }
}

/// A file to be sent, or why there is none.
enum Answer {
    File(Box<File>),
    Page(Box<Page>),
    /// Only what the file would be like was asked for: nothing is read, and nothing handed out.
    Head(Form),
    /// Whoever asked is not signed in any more.
    SignedOut,
}

struct File {
    form: Form,
    export: Export,
    credential: Credential,
    service: Arc<Service>,
    length: u64,
    name: String,
}

#[get("/admin/audit/export.csv?<asked..>")]
async fn csv(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    own: Own<'_>,
    asked: Asked,
) -> Result<Answer, PageError> {
    export(Form::Csv, server, &caller, &admin, own, &asked).await
}

#[get("/admin/audit/export.ndjson?<asked..>")]
async fn ndjson(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    own: Own<'_>,
    asked: Asked,
) -> Result<Answer, PageError> {
    export(Form::Ndjson, server, &caller, &admin, own, &asked).await
}

async fn export(
    form: Form,
    server: Server<'_>,
    caller: &Caller<'_>,
    admin: &AdminSession<'_>,
    own: Own<'_>,
    asked: &Asked,
) -> Result<Answer, PageError> {
    let (core, credential) = (server.0, own.credential);
    let service = &core.service;
    let query = match service.asked(&asked.typed()).await {
        Ok(query) => query,
        // The page says what is wrong, above the form.
        Err(AskError::Typed(_)) => return Ok(Answer::Page(Box::new(admin_audit::answer(core, asked).await?))),
        Err(AskError::Store(error)) => return Err(error.into()),
    };
    if own.head_alone {
        return Ok(Answer::Head(form));
    }
    let told = asked.told(&query.filter);
    let export = service.export(query).await?;
    let (mut count, mut length, mut first) = (0, form.head().len() as u64, export.clone());
    loop {
        match service.next_of(&mut first, credential).await? {
            Pages::Events(events) => {
                count += events.len();
                length += form.write(&events).len() as u64;
            }
            Pages::Done => break,
            Pages::SignedOut => return Ok(Answer::SignedOut),
        }
    }
    let what = format!("{}, {count} events: {told}", form.name());
    service.note_export(admin.actor(), caller.address, &what).await?;
    let at = service.clock().now().minute().replace([' ', ':'], "-");
    Ok(Answer::File(Box::new(File {
        form,
        export,
        credential: credential.clone(),
        service: Arc::clone(service),
        length,
        name: format!("sessiond-audit-{at}.{}", form.name()),
    })))
}

/// Whoever asks, and how.
struct Own<'r> {
    credential: &'r Credential,
    /// By HEAD.
    head_alone: bool,
}

#[rocket::async_trait]
impl<'r> rocket::request::FromRequest<'r> for Own<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> rocket::request::Outcome<Self, ()> {
        let seen = Seen::of(request);
        match &seen.credential {
            Some(credential) => {
                rocket::request::Outcome::Success(Self { credential, head_alone: seen.method == Method::Head })
            }
            None => rocket::request::Outcome::Error((Status::Unauthorized, ())),
        }
    }
}

impl<'r> Responder<'r, 'r> for Answer {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'r> {
        let file = match self {
            Self::File(file) => file,
            Self::Page(page) => return page.respond_to(request),
            Self::Head(form) => return Response::build().raw_header("Content-Type", form.media_type()).ok(),
            Self::SignedOut => return Err(Status::Unauthorized),
        };
        let (length, name, kind) = (file.length, file.name.clone(), file.form.media_type());
        let stream = ByteStream! {
            let mut sending = Sending { left: file.length, file };
            while let Some(bytes) = sending.next().await {
                yield bytes;
            }
        };
        Response::build_from(stream.respond_to(request)?)
            .raw_header("Content-Type", kind)
            .raw_header("Content-Disposition", format!("attachment; filename=\"{name}\""))
            .raw_header("Content-Length", length.to_string())
            .ok()
    }
}

struct Sending {
    file: Box<File>,
    /// Bytes that were promised and not sent yet.
    left: u64,
}

impl Sending {
    /// `None` at the end, and where it breaks off.
    async fn next(&mut self) -> Option<Vec<u8>> {
        let File { form, export, credential, service, length, .. } = &mut *self.file;
        let head = form.head();
        let bytes = if self.left == *length && !head.is_empty() {
            head
        } else {
            loop {
                match service.next_of(export, credential).await {
                    // A page may have looked at much and found nothing.
                    Ok(Pages::Events(events)) if events.is_empty() => {}
                    Ok(Pages::Events(events)) => break form.write(&events),
                    Ok(Pages::Done) => {
                        if self.left > 0 {
                            broken_off("events were swept while they were exported", None);
                        }
                        return None;
                    }
                    Ok(Pages::SignedOut) => {
                        broken_off("whoever asked for it is not signed in any more", None);
                        return None;
                    }
                    Err(error) => {
                        broken_off("the log cannot be read", Some(&error));
                        return None;
                    }
                }
            }
        };
        // Never more than was promised: the end would be cut off, and look like one.
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            broken_off("there is more than was counted", None);
            return None;
        };
        self.left = left;
        Some(bytes)
    }
}

fn broken_off(why: &str, error: Option<&StoreError>) {
    tracing::warn!(error = error.map(tracing::field::display), "an export of the audit log was broken off: {why}");
}
