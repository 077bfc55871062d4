//! Where to go after signing in: a place on this server, at an application that belongs to it, or nowhere.

use crate::config::{Config, Origin};

/// The longest path that is carried along.
const LONGEST: usize = 512;
/// The longest address of an application, which may have much to say in its query.
const LONGEST_ELSEWHERE: usize = 2048;

/// A place, safe in a `Location` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    text: String,
    elsewhere: bool,
}

impl Next {
    /// A path on this server. `None` for whatever a browser might take for another host, and for the pages around signing in.
    pub fn parse(text: &str) -> Option<Self> {
        let local = text.starts_with('/') && !text.starts_with("//") && text.len() <= LONGEST;
        let path = text.split(['?', '#']).next().unwrap_or(text);
        let circular = matches!(path.trim_end_matches('/'), "/login" | "/login/password" | "/logout" | "/setup");
        (local && is_plain(text) && !circular).then(|| Self { text: text.to_owned(), elsewhere: false })
    }

    /// The same, or the whole address of a page at an application that shares the cookie's domain or is an allowed origin.
    pub fn after_sign_in(text: &str, config: &Config) -> Option<Self> {
        if text.starts_with('/') { Self::parse(text) } else { Self::elsewhere(text, config) }
    }

    fn elsewhere(text: &str, config: &Config) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let port = match scheme {
            "https" => ":443",
            "http" => ":80",
            _ => return None,
        };
        if !is_plain(text) || text.len() > LONGEST_ELSEWHERE || !(path.is_empty() || path.starts_with('/')) {
            return None;
        }
        let authority = authority.to_ascii_lowercase();
        let origin = format!("{scheme}://{}", authority.strip_suffix(port).unwrap_or(&authority));
        if config.public_url.as_ref().is_some_and(|own| own.as_str() == origin) {
            return Self::parse(if path.is_empty() { "/" } else { path });
        }
        let shares = scheme == "https"
            && config.cookie_domain.as_ref().is_some_and(|domain| {
                let (host, port) = authority.split_once(':').unwrap_or((&authority, "443"));
                domain.covers(host) && is_port(port)
            });
        let allowed = shares || config.allowed_origins.iter().map(Origin::as_str).any(|allowed| allowed == origin);
        allowed.then(|| Self { text: text.to_owned(), elsewhere: true })
    }

    /// The path with its query, or the whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is at another origin than this server.
    pub const fn is_elsewhere(&self) -> bool {
        self.elsewhere
    }

    /// The host and port of another origin, for people.
    pub fn host(&self) -> &str {
        let authority = self.text.split_once("://").map_or("", |(_, rest)| rest);
        authority.split('/').next().unwrap_or_default()
    }

    /// As the value of a parameter.
    pub fn encoded(&self) -> String {
        percent_encoding::utf8_percent_encode(&self.text, percent_encoding::NON_ALPHANUMERIC).to_string()
    }
}

/// Whether all of it is what browsers take as it stands: they read `\` as `/`, drop tabs and line ends, and so on.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0') && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format, Toml};

    use super::*;

    fn config(toml: &str) -> Config {
        Config::extract(&Figment::from(Toml::string(&format!("[sessiond]\n{toml}")))).unwrap()
    }

    #[test]
    fn asvs_3_7_2_next_stays_on_this_host() {
        for good in ["/", "/account", "/admin/sessions?status=any&user=a%40b", "/%2f%2fevil.example"] {
            assert!(Next::parse(good).is_some_and(|next| !next.is_elsewhere()), "{good}");
        }
        for bad in [
            "",
            "account",
            "//evil.example",
            "/\\evil.example",
            "\\/evil",
            "https://evil.example",
            "/a\r\nSet-Cookie: x=y",
            "/\tevil",
            "/é",
            "/login",
            "/login?next=/login",
            "/logout",
            "/setup/",
            "javascript:alert(1)",
        ] {
            assert_eq!(Next::parse(bad), None, "{bad}");
            assert_eq!(Next::after_sign_in(bad, &config("")), None, "{bad}");
        }
        assert_eq!(Next::parse(&format!("/{}", "a".repeat(512))), None);
    }

    #[test]
    fn asvs_3_7_2_next_leads_to_hosts_that_belong_here_and_to_no_other() {
        let config = config(
            "public_url = \"https://login.example.com\"\ncookie_domain = \"example.com\"\n\
             allowed_origins = [\"https://partner.example\", \"http://[::1]:3000\"]",
        );
        for good in [
            "https://app.example.com",
            "https://app.example.com/a?b=c&d=%2F",
            "https://APP.example.com/",
            "https://example.com/",
            "https://a.b.example.com:8443/x",
            "https://xn--bcher-kva.example.com/",
            "https://partner.example:443/",
            "http://[::1]:3000/x",
            "https://app.example.com/@evil",
            "https://app.example.com//evil.example",
        ] {
            let next = Next::after_sign_in(good, &config);
            assert!(next.is_some_and(|next| next.is_elsewhere() && next.as_str() == good), "{good}");
        }
        for bad in [
            "http://app.example.com/",
            "HTTPS://app.example.com/",
            "ftp://app.example.com/",
            "javascript://app.example.com/%0aalert(1)",
            "https:app.example.com/",
            "https:/app.example.com/",
            "https:///app.example.com/",
            "https:\\\\app.example.com\\",
            "//app.example.com/",
            "https://evil.example/",
            "https://evilexample.com/",
            "https://example.com.evil/",
            "https://app.example.com.evil/",
            "https://app.example.com./",
            "https://.example.com/",
            "https://a..example.com/",
            "https://evil@app.example.com/",
            "https://app.example.com@evil/",
            "https://app.example.com:443@evil/",
            "https://app.example.com:x@evil/",
            "https://evil\\.example.com/",
            "https://evil\\@app.example.com/",
            "https://evil.example\\.example.com",
            "https://evil#.example.com/",
            "https://evil?.example.com/",
            "https://app.example.com?x",
            "https://app.example.com#x",
            "https://evil%2f.example.com/",
            "https://evil%00.example.com/",
            "https://%61pp.example.com/",
            "https://bücher.example.com/",
            "https://evil\u{ff0f}.example.com/",
            "https://evil\u{3002}example.com/",
            "https://app.example.com:/",
            "https://app.example.com:0/",
            "https://app.example.com:080/",
            "https://app.example.com:65536/",
            "https://app.example.com:443:443/",
            "https://app.example.com:+443/",
            "https://[app.example.com]/",
            "https://-.example.com/",
            "https://_.example.com/",
            "https://app.example.com/\r\nSet-Cookie: x=y",
            "https://app.exam\tple.com/",
            " https://app.example.com/",
            "https://app.example.com/\u{e9}",
            "https://partner.example:8443/",
            "https://sub.partner.example/",
            "http://partner.example/",
            "http://[::1]:3001/",
        ] {
            assert_eq!(Next::after_sign_in(bad, &config), None, "{bad}");
        }
        let long = |length: usize| format!("https://app.example.com/{}", "a".repeat(length - 24));
        assert!(Next::after_sign_in(&long(2048), &config).is_some());
        assert_eq!(Next::after_sign_in(&long(2049), &config), None);
        assert_eq!(Next::after_sign_in(&format!("https://{}.example.com/", "a".repeat(64)), &config), None);
    }

    #[test]
    fn the_address_of_a_page_of_ours_is_its_path() {
        let config = config("public_url = \"https://login.example.com\"\ncookie_domain = \"example.com\"");
        for (text, path) in [
            ("https://login.example.com/account?x", Some("/account?x")),
            ("https://LOGIN.example.com:443", Some("/")),
            ("https://login.example.com/logout", None),
            ("https://login.example.com/login?next=https%3A%2F%2Flogin.example.com%2F", None),
            ("https://login.example.com//evil.example", None),
        ] {
            let next = Next::after_sign_in(text, &config);
            assert_eq!(next.as_ref().map(Next::as_str), path, "{text}");
            assert!(next.is_none_or(|next| !next.is_elsewhere()));
        }
    }

    #[test]
    fn without_a_domain_or_an_allowed_origin_nothing_is_elsewhere() {
        let config = config("public_url = \"https://login.example.com\"");
        for bad in ["https://app.example.com/", "https://example.com/", "https://sub.login.example.com/"] {
            assert_eq!(Next::after_sign_in(bad, &config), None, "{bad}");
        }
    }
}
