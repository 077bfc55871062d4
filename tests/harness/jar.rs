//! Cookies as a browser keeps them.

use std::collections::BTreeMap;
use std::time::Duration;

use sessiond::domain::timestamp::Timestamp;

/// A `Set-Cookie` header, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetCookie {
    pub name: String,
    pub value: String,
    /// Names in lower case; an attribute without a value has an empty one.
    pub attributes: BTreeMap<String, String>,
}

impl SetCookie {
    pub fn parse(header: &str) -> Self {
        let mut parts = header.split(';').map(str::trim);
        let pair = |part: &str| match part.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => (part.to_owned(), String::new()),
        };
        let (name, value) = pair(parts.next().unwrap_or(""));
        let attributes = parts.map(pair).map(|(name, value)| (name.to_lowercase(), value)).collect();
        Self { name, value, attributes }
    }

    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.contains_key(attribute)
    }

    pub fn max_age(&self) -> Option<u64> {
        self.attributes.get("max-age").and_then(|age| age.parse().ok())
    }

    /// Whether it takes the cookie away.
    pub fn expires(&self) -> bool {
        self.max_age() == Some(0)
    }
}

/// Everything a browser holds for this server.
#[derive(Debug, Clone, Default)]
pub struct Jar(BTreeMap<String, (String, Option<Timestamp>)>);

impl Jar {
    /// Takes in what an answer sets.
    pub fn take(&mut self, cookies: Vec<SetCookie>, now: Timestamp) {
        for cookie in cookies {
            if cookie.name.starts_with("__Host-") {
                let kept = cookie.has("secure")
                    && !cookie.has("domain")
                    && cookie.attributes.get("path").map(String::as_str) == Some("/");
                assert!(kept, "no browser would keep {cookie:?}");
            }
            if cookie.expires() {
                self.0.remove(&cookie.name);
            } else {
                let until = cookie.max_age().map(|age| now + Duration::from_secs(age));
                self.0.insert(cookie.name, (cookie.value, until));
            }
        }
    }

    /// The `Cookie` header of a request sent now.
    pub fn header(&self, now: Timestamp) -> Option<String> {
        let valid = self.0.iter().filter(|(_, (_, until))| until.is_none_or(|until| now < until));
        let pairs: Vec<_> = valid.map(|(name, (value, _))| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|(value, _)| value.as_str())
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), (value.to_owned(), None));
    }

    pub fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }
}
