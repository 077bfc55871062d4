//! What came back, with assertions that show it when they fail.

use rocket::http::Status;

use super::html::{self, Form};
use super::jar::SetCookie;

/// An answer, read to its end.
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    pub status: Status,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// All values of a header.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
    }

    /// A header that occurs at most once.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() <= 1, "{name} came more than once\n{}", self.shown());
        all.first().copied()
    }

    pub fn cookies(&self) -> Vec<SetCookie> {
        self.all("set-cookie").into_iter().map(SetCookie::parse).collect()
    }

    pub fn cookie(&self, name: &str) -> Option<SetCookie> {
        self.cookies().into_iter().find(|cookie| cookie.name == name)
    }

    pub fn location(&self) -> Option<&str> {
        self.header("location")
    }

    /// The path of the redirect, without its query.
    pub fn leads_to(&self) -> &str {
        self.location().unwrap_or("").split('?').next().unwrap_or("")
    }

    #[track_caller]
    pub fn is(&self, status: u16) -> &Self {
        assert_eq!(self.status.code, status, "{}", self.shown());
        self
    }

    /// 303 to this very place.
    #[track_caller]
    pub fn goes_to(&self, location: &str) -> &Self {
        self.is(303);
        assert_eq!(self.location(), Some(location), "{}", self.shown());
        self
    }

    /// Turned away or sent to sign in: 303 to the sign-in page, whatever comes after it.
    #[track_caller]
    pub fn asks_to_sign_in(&self) -> &Self {
        self.is(303);
        assert_eq!(self.leads_to(), "/login", "{}", self.shown());
        self
    }

    /// What a person reads on the page.
    pub fn text(&self) -> String {
        html::text(&self.body)
    }

    #[track_caller]
    pub fn says(&self, part: &str) -> &Self {
        assert!(self.text().contains(part), "the page does not say {part:?}\n{}", self.shown());
        self
    }

    #[track_caller]
    pub fn never_says(&self, part: &str) -> &Self {
        let all = format!("{}{:?}", self.body, self.headers);
        assert!(!self.text().contains(part) && !all.contains(part), "the answer says {part:?}\n{}", self.shown());
        self
    }

    /// The first form with this action.
    #[track_caller]
    pub fn form(&self, action: &str) -> Form {
        match self.forms().into_iter().find(|form| form.action == action) {
            Some(form) => form,
            None => panic!("there is no form for {action}\n{}", self.shown()),
        }
    }

    pub fn forms(&self) -> Vec<Form> {
        html::forms(&self.body)
    }

    pub fn links(&self) -> Vec<String> {
        html::links(&self.body)
    }

    /// The link with this text.
    #[track_caller]
    pub fn link(&self, label: &str) -> String {
        html::link(&self.body, label).unwrap_or_else(|| panic!("there is no link {label:?}\n{}", self.shown()))
    }

    pub fn has_link(&self, label: &str) -> bool {
        html::link(&self.body, label).is_some()
    }

    /// All of it, for messages.
    pub fn shown(&self) -> String {
        let headers: Vec<_> = self.headers.iter().map(|(name, value)| format!("  {name}: {value}")).collect();
        let text: String = self.text().chars().take(1500).collect();
        format!("{} → {}\n{}\n  {text}", self.asked, self.status, headers.join("\n"))
    }
}
