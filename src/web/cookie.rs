//! Cookies, read byte for byte from the raw header and written out in full.
//!
//! The framework's jar percent-decodes names and lets the last duplicate win, so `__%48ost-…` could pass for `__Host-…`.

use std::time::Duration;

use rocket::http::HeaderMap;

use crate::config::{Config, CookieDomain};

/// What a cookie is called: with the prefix `__Host-` wherever browsers accept it, so that no neighbour can set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

/// The cookies of the pages.
#[derive(Debug, Clone)]
pub struct Names {
    /// The credential.
    pub session: Name,
    /// What forms are bound to before there is a session.
    pub visitor: Name,
    /// What the next page has to say.
    pub flash: Name,
    /// Who has signed in before in this browser.
    pub device: Name,
    /// What the door for reverse proxies takes, where applications share a domain with the pages.
    pub proxy: Option<Name>,
    domain: Option<CookieDomain>,
    secure: bool,
}

/// How a cookie arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent<'r> {
    /// Not at all.
    No,
    /// Once.
    Once(&'r str),
    /// More than once: somebody plays tricks, and which one is meant nobody knows.
    Twice,
}

impl Names {
    /// The names for this configuration.
    pub fn new(config: &Config) -> Self {
        let secure = config.is_secure();
        let name = |plain: &str| Name(if secure { format!("__Host-{plain}") } else { plain.to_owned() });
        Self {
            session: name("sessiond"),
            visitor: name("sessiond-visitor"),
            flash: name("sessiond-flash"),
            device: name("sessiond-device"),
            // Not for one host alone, so it cannot have the other prefix; a domain is configured for https only.
            proxy: config.cookie_domain.is_some().then(|| Name("__Secure-sessiond-proxy".to_owned())),
            domain: config.cookie_domain.clone(),
            secure,
        }
    }

    fn attributes(&self, name: &Name) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        let domain = match &self.domain {
            Some(domain) if self.proxy.as_ref() == Some(name) => format!("; Domain={domain}"),
            _ => String::new(),
        };
        format!("Path=/; HttpOnly; SameSite=Lax{secure}{domain}")
    }

    /// A `Set-Cookie` value. Without `lifetime` the cookie goes with the browser.
    pub fn set(&self, name: &Name, value: &str, lifetime: Option<Duration>) -> String {
        let age = lifetime.map_or_else(String::new, |lifetime| format!("; Max-Age={}", lifetime.as_secs()));
        format!("{}={value}; {}{age}", name.0, self.attributes(name))
    }

    /// A `Set-Cookie` value that takes the cookie away.
    pub fn expire(&self, name: &Name) -> String {
        format!("{}=; {}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT", name.0, self.attributes(name))
    }
}

impl Name {
    /// How this cookie arrived.
    pub fn read<'r>(&self, headers: &'r HeaderMap<'_>) -> Sent<'r> {
        let mut sent = Sent::No;
        for header in headers.get("cookie") {
            for pair in header.split(';') {
                let Some((name, value)) = pair.trim_matches([' ', '\t']).split_once('=') else { continue };
                if name == self.0 {
                    sent = if sent == Sent::No { Sent::Once(value) } else { Sent::Twice };
                }
            }
        }
        sent
    }
}

#[cfg(test)]
mod tests {
    use rocket::http::Header;

    use super::*;

    fn read(header: &str) -> String {
        let mut headers = HeaderMap::new();
        headers.add(Header::new("Cookie", header.to_owned()));
        format!("{:?}", Name("__Host-sessiond".to_owned()).read(&headers))
    }

    #[test]
    fn a_name_matches_byte_for_byte_and_once() {
        assert_eq!(read("a=b; __Host-sessiond=real"), "Once(\"real\")");
        assert_eq!(read("__Host-sessiond=real; __%48ost-sessiond=evil"), "Once(\"real\")");
        assert_eq!(read("__Host-sessiond=real; __host-sessiond=evil"), "Once(\"real\")");
        assert_eq!(read("__Host-sessiond=a; __Host-sessiond=a"), "Twice");
        assert_eq!(read("x__Host-sessiond=a; __Host-sessiond"), "No");
        assert_eq!(read(""), "No");
    }
}
