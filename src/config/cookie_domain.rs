//! The domain of the second cookie: the one that applications behind a reverse proxy share with the pages.

use std::fmt;

use super::{ConfigError, Origin};

/// The longest host name (RFC 1035, 2.3.4).
const LONGEST: usize = 253;

/// A domain such as `example.com`, in lower case. The pages' own host is it or below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieDomain(String);

impl CookieDomain {
    pub(super) fn check(text: &str, public_url: Option<&Origin>) -> Result<Self, ConfigError> {
        let error = |problem: &str| ConfigError::Impossible {
            key: "cookie_domain",
            problem: format!("`{text}` {problem}, as in \"example.com\" for applications at app.example.com"),
        };
        let domain = Self(text.to_ascii_lowercase());
        if !is_host_name(&domain.0) {
            return Err(error("must be a domain alone, without scheme, port, path or a dot at either end"));
        }
        let Some((_, last)) = domain.0.rsplit_once('.') else {
            return Err(error("must have at least two parts, or no browser keeps the cookie"));
        };
        if last.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(error("must be a name and no address, which has nothing below it"));
        }
        match public_url {
            Some(public) if !public.is_secure() => Err(error("needs a public_url that begins with https://")),
            Some(public) if domain.covers(public.host()) => Ok(domain),
            Some(public) => Err(error(&format!("must be the host of public_url ({public}) or a domain above it"))),
            None => Err(error("needs public_url, the https address of the pages, at or below it")),
        }
    }

    /// Whether a host, in lower case, is this domain or below it.
    pub fn covers(&self, host: &str) -> bool {
        let above = host.strip_suffix(self.as_str()).and_then(|rest| rest.strip_suffix('.'));
        is_host_name(host) && (host == self.0 || above.is_some())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CookieDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Labels of letters, digits and hyphens between single dots.
fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        (1..=63).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= LONGEST && text.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, public: Option<&str>) -> Result<CookieDomain, String> {
        let public = public.map(|text| Origin::parse("public_url", text).unwrap());
        CookieDomain::check(text, public.as_ref()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_pages_are_at_the_domain_or_below_it() {
        for public in ["https://login.example.com", "https://example.com", "https://a.b.example.com:8443"] {
            assert_eq!(check("Example.com", Some(public)), Ok(CookieDomain("example.com".to_owned())), "{public}");
        }
        for (text, public, told) in [
            ("example.com", None, "needs public_url"),
            ("example.com", Some("http://login.example.com"), "begins with https://"),
            ("example.com", Some("https://login.example.org"), "must be the host of public_url"),
            ("example.com", Some("https://login.evilexample.com"), "must be the host of public_url"),
            ("login.example.com", Some("https://example.com"), "must be the host of public_url"),
            ("com", Some("https://login.example.com"), "at least two parts"),
            ("localhost", Some("https://localhost"), "at least two parts"),
            ("127.0.0.1", Some("https://127.0.0.1"), "no address"),
            ("", Some("https://login.example.com"), "a domain alone"),
            (".example.com", Some("https://login.example.com"), "a domain alone"),
            ("example.com.", Some("https://login.example.com"), "a domain alone"),
            ("https://example.com", Some("https://login.example.com"), "a domain alone"),
            ("example.com:443", Some("https://login.example.com:443"), "a domain alone"),
            ("example.com; Path=/x", Some("https://login.example.com"), "a domain alone"),
            ("exämple.com", Some("https://login.example.com"), "a domain alone"),
            ("*.example.com", Some("https://login.example.com"), "a domain alone"),
        ] {
            let error = check(text, public).expect_err(text);
            assert!(error.contains("sessiond.cookie_domain: ") && error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn a_domain_covers_itself_and_what_is_below_it() {
        let domain = check("example.com", Some("https://example.com")).unwrap();
        for good in ["example.com", "app.example.com", "a-1.b.example.com", "xn--bcher-kva.example.com"] {
            assert!(domain.covers(good), "{good}");
        }
        for bad in [
            "",
            "com",
            "evilexample.com",
            "example.com.evil",
            "example.com.",
            ".example.com",
            "a..example.com",
            "é.example.com",
        ] {
            assert!(!domain.covers(bad), "{bad}");
        }
    }
}
