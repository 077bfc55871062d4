//! A request before it is sent.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rocket::http::Method;

/// What browsers escape in a form, besides writing a space as `+`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

#[derive(Debug, Clone)]
pub struct Ask {
    pub method: Method,
    pub uri: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Ask {
    pub fn new(method: Method, uri: impl Into<String>) -> Self {
        Self { method, uri: uri.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(uri: impl Into<String>) -> Self {
        Self::new(Method::Get, uri)
    }

    pub fn post(uri: impl Into<String>) -> Self {
        Self::new(Method::Post, uri)
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn json(self) -> Self {
        self.header("Accept", "application/json")
    }

    pub fn body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", kind)
    }

    /// A form as a browser sends it.
    pub fn form<N: AsRef<str>, V: AsRef<str>>(self, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let encode = |text: &str| utf8_percent_encode(text, ESCAPED).to_string().replace(' ', "+");
        let fields = fields.into_iter();
        let pairs: Vec<_> =
            fields.map(|(name, value)| format!("{}={}", encode(name.as_ref()), encode(value.as_ref()))).collect();
        self.body("application/x-www-form-urlencoded", pairs.join("&"))
    }
}
