//! What pages answer: a rendered template, or "go there". Both carry their cookies themselves, since the framework drops
//! those of a handler that fails.

use rocket::Request;
use rocket::http::{ContentType, Header, Method, Status};
use rocket::response::{self, Responder, Response};
use rocket_dyn_templates::Template;
use serde_json::{Value, json};

use super::cookie::Sent;
use super::csrf::Binding;
use super::flash::{self, Flash};
use super::next::Next;
use super::seen::Seen;
use super::{Core, Mounted, csrf, session_cookies, text, view};
use crate::domain::id::SessionId;
use crate::service::sessions::Resolved;

/// A page: a template, what is particular to it, and its status.
pub struct Page {
    pub status: Status,
    pub template: &'static str,
    pub title: &'static str,
    pub context: Value,
    pub cookies: Vec<String>,
    pub headers: Vec<Header<'static>>,
    /// The session that its forms belong to, where the answer begins one.
    pub session: Option<SessionId>,
}

impl Page {
    pub fn new(template: &'static str, title: &'static str, context: Value) -> Self {
        Self { status: Status::Ok, template, title, context, cookies: Vec::new(), headers: Vec::new(), session: None }
    }

    pub fn status(mut self, status: Status) -> Self {
        self.status = status;
        if status == Status::ServiceUnavailable {
            self.headers.push(Header::new("Retry-After", "1"));
        }
        if status == Status::Unauthorized {
            self.headers.push(Header::new("WWW-Authenticate", CHALLENGE));
        }
        self
    }

    /// The page as it looks to this request, with what every page has.
    fn render(mut self, request: &Request<'_>, core: &Core) -> response::Result<'static> {
        let seen = Seen::of(request);
        let names = &core.names;
        let mut flash = None;
        if let Sent::Once(value) = names.flash.read(request.headers()) {
            flash = value.parse::<Flash>().ok();
            self.cookies.push(names.expire(&names.flash));
        }
        if let Resolved::Live(live) = &seen.resolved
            && self.session.is_none()
        {
            self.cookies.extend(session_cookies::renewed(core, live, request.headers()));
        }
        if let (Binding::Visitor(value), true) = (&seen.binding, seen.fresh) {
            self.cookies.push(names.set(&names.visitor, value, None));
        }
        if let Value::Object(context) = &mut self.context {
            let me = match &seen.resolved {
                Resolved::Live(live) => view::me(&live.user),
                _ => Value::Null,
            };
            let path = seen.uri.split('?').next().unwrap_or_default();
            context.insert("title".to_owned(), json!(self.title));
            context.insert("me".to_owned(), me);
            let binding = self.session.map(Binding::Session);
            let token = csrf::token(&core.keys, binding.as_ref().unwrap_or(&seen.binding));
            context.insert("csrf".to_owned(), json!(token));
            if let Resolved::Live(live) = &seen.resolved {
                let untold = view::untold(live, core.service.clock().now());
                context.insert("new_devices".to_owned(), json!(untold));
            }
            context.insert("path".to_owned(), json!(path));
            context.insert("notice".to_owned(), json!(flash.and_then(text::notice)));
            if self.template == "pages/onward.html" {
                context.insert("at_once".to_owned(), json!(flash == Some(Flash::Onward)));
            }
            if self.template == "pages/login.html" {
                let away = text::away(flash, &seen.resolved, core.service.clock().now());
                context.insert("turned_away".to_owned(), json!(away));
            }
        }
        let mut response = if request.rocket().state::<Mounted>().is_some() {
            Template::render(self.template, self.context).respond_to(request)?
        } else {
            plain(self.title, &self.context)
        };
        response.set_status(self.status);
        for cookie in self.cookies {
            response.adjoin_raw_header("Set-Cookie", cookie);
        }
        for header in self.headers {
            response.set_header(header);
        }
        Ok(response)
    }
}

/// Names the scheme that a cookie is; browsers know no dialog for it.
pub const CHALLENGE: &str = "Session realm=\"sessiond\"";

/// For an application that uses the gate without the pages.
fn plain(title: &str, context: &Value) -> Response<'static> {
    let body = match context.get("text").and_then(Value::as_str) {
        Some(text) => format!("{title}. {text}"),
        None => title.to_owned(),
    };
    Response::build().header(ContentType::Plain).sized_body(body.len(), std::io::Cursor::new(body)).finalize()
}

impl<'r> Responder<'r, 'static> for Page {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        match request.rocket().state::<std::sync::Arc<Core>>() {
            Some(core) => self.render(request, core),
            None => Err(Status::InternalServerError),
        }
    }
}

/// 303: look there, with GET.
pub struct SeeOther {
    location: String,
    cookies: Vec<String>,
    clear_storage: bool,
}

impl SeeOther {
    /// `location` is a path of ours.
    pub fn to(location: impl Into<String>) -> Self {
        Self { location: location.into(), cookies: Vec::new(), clear_storage: false }
    }

    /// The sign-in page, and back afterwards if what was asked for can be asked for again.
    pub fn sign_in(seen: &Seen) -> Self {
        let next = if matches!(seen.method, Method::Get | Method::Head) { Next::parse(&seen.uri) } else { None };
        match next.filter(|next| next.as_str() != "/") {
            Some(next) => Self::to(format!("/login?next={}", next.encoded())),
            None => Self::to("/login"),
        }
    }

    pub fn cookie(mut self, cookie: String) -> Self {
        self.cookies.push(cookie);
        self
    }

    pub fn cookies(mut self, cookies: impl IntoIterator<Item = String>) -> Self {
        self.cookies.extend(cookies);
        self
    }

    pub fn flash(self, core: &Core, flash: Flash) -> Self {
        let cookie = core.names.set(&core.names.flash, &flash.encode(), Some(flash::LIFETIME));
        self.cookie(cookie)
    }

    /// Also has the browser forget what pages of ours kept in it.
    pub fn clear_storage(mut self) -> Self {
        self.clear_storage = true;
        self
    }
}

impl<'r> Responder<'r, 'static> for SeeOther {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        let mut response = Response::build().status(Status::SeeOther).finalize();
        response.set_raw_header("Location", self.location);
        for cookie in self.cookies {
            response.adjoin_raw_header("Set-Cookie", cookie);
        }
        if self.clear_storage {
            response.set_raw_header("Clear-Site-Data", "\"storage\"");
        }
        Ok(response)
    }
}

/// A finished response.
pub struct Made(pub Response<'static>);

impl<'r> Responder<'r, 'static> for Made {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        Ok(self.0)
    }
}

/// Either, or what a program reads.
#[derive(Responder)]
pub enum Answer {
    Page(Box<Page>),
    SeeOther(SeeOther),
    Program(Box<Made>),
}

impl From<Page> for Answer {
    fn from(page: Page) -> Self {
        Self::Page(Box::new(page))
    }
}

impl From<SeeOther> for Answer {
    fn from(there: SeeOther) -> Self {
        Self::SeeOther(there)
    }
}

impl From<Made> for Answer {
    fn from(made: Made) -> Self {
        Self::Program(Box::new(made))
    }
}
