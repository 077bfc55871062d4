//! Whether a request that changes something was meant by whoever's browser sent it.

use rocket::http::Method;

use crate::config::{Config, Origin};
use crate::domain::id::SessionId;
use crate::keys::Keys;

/// The first field of every form.
pub const FIELD: &str = "csrf";

/// What a form's token is bound to.
#[derive(Debug, Clone)]
pub enum Binding {
    /// The live session.
    Session(SessionId),
    /// Before there is one: a random cookie. Nothing is stored.
    Visitor(String),
}

impl Binding {
    const fn kind(&self) -> &'static [u8] {
        match self {
            Self::Session(_) => b"session",
            Self::Visitor(_) => b"visitor",
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Session(id) => id.bytes(),
            Self::Visitor(value) => value.as_bytes(),
        }
    }
}

/// What is known of a request before its body is read.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'r> {
    /// The method, rewritten by the framework or not.
    pub method: Method,
    /// `Sec-Fetch-Site`.
    pub site: Option<&'r str>,
    /// `Origin`.
    pub origin: Option<&'r str>,
    /// `Host`.
    pub host: Option<&'r str>,
    /// Whether the body is JSON, which no form can send without a preflight.
    pub json: bool,
    /// Whether the body begins with the field `_method`, by which the framework rewrites a form's method.
    pub rewritten: bool,
    /// Whether the body begins with a token of ours for this session or visitor.
    pub token: bool,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// Meant.
    Pass,
    /// Comes from another site, or nobody knows from where.
    Foreign,
    /// Comes from our own page, but its form is out of date.
    Stale,
    /// No header says where it comes from, and it holds no token of ours.
    Unsure,
}

/// The rule. Own pages pass by their headers, and their forms by the token as well.
pub fn judge(asked: &Asked<'_>, config: &Config) -> Judgement {
    if matches!(asked.method, Method::Get | Method::Head | Method::Options | Method::Trace) {
        return Judgement::Pass;
    }
    let allowed = |origin: &str| config.allowed_origins.iter().any(|one| one.as_str() == origin);
    let vouched = match (asked.site, asked.origin) {
        (Some("same-origin" | "none"), _) => true,
        (Some(_), Some(origin)) => allowed(origin),
        (Some(_), None) => false,
        (None, Some(origin)) => is_own(origin, asked.host, config.public_url.as_ref()) || allowed(origin),
        (None, None) if asked.rewritten => return Judgement::Foreign,
        (None, None) if asked.method == Method::Post => {
            return if asked.token { Judgement::Pass } else { Judgement::Unsure };
        }
        // No browser sends these without either header.
        (None, None) => return Judgement::Pass,
    };
    match (vouched, asked.rewritten) {
        (false, _) | (_, true) => Judgement::Foreign,
        (true, false) if asked.method != Method::Post || asked.json || asked.token => Judgement::Pass,
        // What another site's page has sent, allowed or not, is not to be sent again by one press.
        (true, false) if from_own_page(asked, config) => Judgement::Stale,
        (true, false) => Judgement::Unsure,
    }
}

fn from_own_page(asked: &Asked<'_>, config: &Config) -> bool {
    match (asked.site, asked.origin) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, origin) => origin.is_some_and(|origin| is_own(origin, asked.host, config.public_url.as_ref())),
    }
}

pub(super) fn is_own(origin: &str, host: Option<&str>, public: Option<&Origin>) -> bool {
    match public {
        Some(public) => origin == public.as_str(),
        None => origin.strip_prefix("http://").is_some_and(|own| Some(own) == host),
    }
}

/// Whether a form's body has the framework take another method for the one it was sent with. Reads as the framework does: a
/// field may have empty ones before it, and a name several spellings.
pub fn names_method(body: &[u8]) -> bool {
    let body = &body[..body.len().min("_method=delete".len())];
    let first = std::str::from_utf8(body).ok().and_then(|body| rocket::form::Form::values(body).next());
    first.is_some_and(|field| field.name == "_method")
}

/// The token for forms of this session or visitor.
pub fn token(keys: &Keys, binding: &Binding) -> String {
    keys.sign("form", &[binding.kind(), binding.bytes()])
}

/// Whether a body begins with a valid token.
pub fn holds_token(keys: &Keys, binding: &Binding, body: &[u8]) -> bool {
    let rest = body.strip_prefix(FIELD.as_bytes()).and_then(|rest| rest.strip_prefix(b"="));
    let token = rest.and_then(|rest| rest.split(|byte| *byte == b'&').next());
    let token = token.and_then(|token| std::str::from_utf8(token).ok());
    token.is_some_and(|token| keys.verify("form", &[binding.kind(), binding.bytes()], token))
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format, Toml};

    use super::*;

    fn config(toml: &str) -> Config {
        Config::extract(&Figment::from(Toml::string(&format!("[sessiond]\n{toml}")))).unwrap()
    }

    fn ask(method: Method, site: Option<&'static str>, origin: Option<&'static str>) -> Asked<'static> {
        let host = Some("login.example.com");
        Asked { method, site, origin, host, json: false, rewritten: false, token: false }
    }

    #[test]
    fn asvs_3_5_1_the_matrix_of_method_site_origin_and_token() {
        use Judgement::{Foreign, Pass, Stale, Unsure};
        use Method::{Delete, Get, Head, Patch, Post, Put};
        let config =
            config("public_url = \"https://login.example.com\"\nallowed_origins = [\"https://app.example.com\"]");
        let own = Some("https://login.example.com");
        let app = Some("https://app.example.com");
        let evil = Some("https://evil.example");
        for (method, site, origin, bare, with_token) in [
            (Get, Some("cross-site"), evil, Pass, Pass),
            (Head, None, None, Pass, Pass),
            (Post, Some("same-origin"), own, Stale, Pass),
            (Post, Some("none"), None, Stale, Pass),
            (Post, Some("same-site"), own, Foreign, Foreign),
            (Post, Some("same-site"), app, Unsure, Pass),
            (Post, Some("cross-site"), evil, Foreign, Foreign),
            (Post, Some("cross-site"), None, Foreign, Foreign),
            (Post, Some("cross-site"), app, Unsure, Pass),
            (Post, Some("nonsense"), own, Foreign, Foreign),
            (Post, None, own, Stale, Pass),
            (Post, None, app, Unsure, Pass),
            (Post, None, evil, Foreign, Foreign),
            (Post, None, Some("null"), Foreign, Foreign),
            (Post, None, Some("http://login.example.com"), Foreign, Foreign),
            (Post, None, None, Unsure, Pass),
            (Delete, Some("same-origin"), own, Pass, Pass),
            (Delete, Some("cross-site"), evil, Foreign, Foreign),
            (Put, None, None, Pass, Pass),
            (Patch, None, evil, Foreign, Foreign),
        ] {
            let asked = ask(method, site, origin);
            assert_eq!(judge(&asked, &config), bare, "{asked:?}");
            let asked = Asked { token: true, ..asked };
            assert_eq!(judge(&asked, &config), with_token, "{asked:?}");
        }
    }

    #[test]
    fn a_rewritten_method_never_passes_and_json_needs_no_token() {
        let config = config("");
        for (site, origin) in [(Some("same-origin"), None), (None, None), (None, Some("http://login.example.com"))] {
            let asked = Asked { rewritten: true, token: true, ..ask(Method::Delete, site, origin) };
            assert_eq!(judge(&asked, &config), Judgement::Foreign, "{asked:?}");
        }
        let json = Asked { json: true, ..ask(Method::Post, Some("same-origin"), None) };
        assert_eq!(judge(&json, &config), Judgement::Pass);
        assert_eq!(
            judge(&Asked { json: true, ..ask(Method::Post, Some("cross-site"), None) }, &config),
            Judgement::Foreign
        );
    }

    #[test]
    fn without_a_public_url_the_origin_is_the_host_by_plain_http() {
        let config = config("");
        let asked = |origin| Asked { token: true, ..ask(Method::Post, None, Some(origin)) };
        assert_eq!(judge(&asked("http://login.example.com"), &config), Judgement::Pass);
        assert_eq!(judge(&asked("https://login.example.com"), &config), Judgement::Foreign);
        assert_eq!(judge(&asked("http://login.example.com.evil"), &config), Judgement::Foreign);
    }
}
