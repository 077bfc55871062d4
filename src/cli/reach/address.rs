//! A server elsewhere, by its address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ureq::http::Uri;

/// Scheme, host and port. No path, no user, no query: the key goes to this host and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    secure: bool,
    authority: String,
    loopback: bool,
}

/// What is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a server's address has a scheme and a host and no path, like https://login.example.com")]
pub struct AddressError;

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let uri: Uri = text.parse().map_err(|_| AddressError)?;
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(AddressError),
        };
        let authority = uri.authority().ok_or(AddressError)?;
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !text.contains(['#', '@', '?']);
        // A port that is none would be read as the scheme's own.
        let whole = match authority.as_str().rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => authority.port_u16().is_some_and(|port| port > 0),
            _ => true,
        };
        if !bare || !whole || authority.host().is_empty() {
            return Err(AddressError);
        }
        Ok(Self { secure, authority: authority.to_string(), loopback: is_loopback(authority.host()) })
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

impl Address {
    /// Whether nobody on the way can read along: TLS, or no way at all.
    pub const fn is_private(&self) -> bool {
        self.secure || self.loopback
    }

    /// Where a command goes.
    pub fn url(&self, path: &str) -> String {
        format!("{self}/operator/{path}")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_and_a_host() {
        for (text, private) in [
            ("https://login.example.com", true),
            ("https://login.example.com:8443/", true),
            ("http://login.example.com", false),
            ("http://192.0.2.7:8000", false),
            ("http://localhost:8000", true),
            ("http://127.0.0.1:8000", true),
            ("http://127.8.8.8", true),
            ("http://[::1]:8000", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("http://[2001:db8::1]", false),
            // What only looks like this machine.
            ("http://127.0.0.1.example.com", false),
            ("http://localhost.example.com", false),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.is_private(), private, "{text}");
            assert_eq!(address.url("x"), format!("{}/operator/x", text.trim_end_matches('/')));
        }
        for bad in [
            "",
            "login.example.com",
            "ftp://login.example.com",
            "https://",
            "https:///x",
            "https://login.example.com/path",
            "https://login.example.com/?q",
            "https://login.example.com?q",
            "https://login.example.com#f",
            "https://user@login.example.com",
            "http://127.0.0.1@evil.example",
            "https://login.example.com:99999",
            "https://login.example.com:0",
            "https://login.example.com:",
        ] {
            assert_eq!(bad.parse::<Address>(), Err(AddressError), "{bad}");
        }
    }
}
