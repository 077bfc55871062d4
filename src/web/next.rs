//! Where to go after signing in: a place on this server, or nowhere.

/// The longest path that is carried along.
const LONGEST: usize = 512;

/// A path on this server, safe in a `Location` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next(String);

impl Next {
    /// `None` for whatever a browser might take for another host, and for the pages around signing in.
    pub fn parse(text: &str) -> Option<Self> {
        let local = text.starts_with('/') && !text.starts_with("//") && text.len() <= LONGEST;
        let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>'));
        let path = text.split(['?', '#']).next().unwrap_or(text);
        let circular = matches!(path.trim_end_matches('/'), "/login" | "/login/password" | "/logout" | "/setup");
        (local && plain && !circular).then(|| Self(text.to_owned()))
    }

    /// The path with its query.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asvs_3_7_2_next_stays_on_this_host() {
        for good in ["/", "/account", "/admin/sessions?status=any&user=a%40b", "/%2f%2fevil.example"] {
            assert!(Next::parse(good).is_some(), "{good}");
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
        }
        assert_eq!(Next::parse(&format!("/{}", "a".repeat(512))), None);
    }
}
