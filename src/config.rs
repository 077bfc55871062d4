//! The table `[default.sessiond]` of `Rocket.toml` and the environment, read into values that cannot be wrong.

mod cookie_domain;
mod forgotten;
mod in_force;
mod operators;
mod peppers;
mod webhooks;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use figment::Figment;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

pub use self::cookie_domain::CookieDomain;
pub use self::forgotten::ForgottenPassword;
pub use self::operators::Operators;
use crate::domain::id::UserId;
use crate::domain::lifetime::{Lifetime, Limits};
use crate::domain::listing::parse_network;
use crate::service::Settings;
use crate::service::hasher::{Cost, Hashing};
use crate::service::throttle::{LoginLimits, Rate};
use crate::service::webhooks::Webhook;

/// What clients of the API call this server's users unless told otherwise.
const PROJECT: &str = "default";

/// How long past sessions and audit events are kept unless told otherwise.
const RETENTION: Duration = Duration::from_hours(24 * 90);

/// Settings as somebody wrote them.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    data: PathBuf,
    public_url: Option<String>,
    cookie_domain: Option<String>,
    trusted_proxies: Vec<String>,
    allowed_origins: Vec<String>,
    idle: Span,
    absolute: Span,
    persistent: RawLifetime,
    administrator: RawLifetime,
    sessions_per_user: u32,
    retention: Span,
    password_hash: Cost,
    password_pepper: Option<PathBuf>,
    password_pepper_previous: Vec<PathBuf>,
    login_limits: RawLoginLimits,
    second_factor: SecondFactorRule,
    forgotten_password: forgotten::Raw,
    operators: operators::Raw,
    webhooks: Vec<webhooks::Raw>,
    project: String,
    sign_up: bool,
}

/// Who must have a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFactorRule {
    /// Nobody; everybody may.
    #[default]
    Optional,
    /// Administrators, before they can do anything as such.
    Administrators,
}

impl SecondFactorRule {
    /// How it is written.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Optional => "optional",
            Self::Administrators => "administrators",
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct RawLoginLimits {
    per_ip: Option<String>,
    per_account: Option<String>,
    all: Option<String>,
    sign_ups: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct RawLifetime {
    idle: Option<Span>,
    absolute: Option<Span>,
}

impl Default for Raw {
    fn default() -> Self {
        let Limits { standard, sessions_per_user, .. } = Limits::default();
        Self {
            data: PathBuf::from("data"),
            public_url: None,
            cookie_domain: None,
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            idle: Span(standard.idle),
            absolute: Span(standard.absolute),
            persistent: RawLifetime::default(),
            administrator: RawLifetime::default(),
            sessions_per_user,
            retention: Span(RETENTION),
            password_hash: Cost::default(),
            password_pepper: None,
            password_pepper_previous: Vec::new(),
            login_limits: RawLoginLimits::default(),
            second_factor: SecondFactorRule::default(),
            forgotten_password: forgotten::Raw::default(),
            operators: operators::Raw::default(),
            webhooks: Vec::new(),
            project: PROJECT.to_owned(),
            sign_up: false,
        }
    }
}

/// A duration written as `"15m"`, `"1h 30m"`, `"7d"`, or as a number of seconds.
#[derive(Clone, Copy)]
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Seconds(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Seconds(seconds) => Ok(Self(Duration::from_secs(seconds))),
            Written::Text(text) => humantime::parse_duration(&text).map(Self).map_err(|error| {
                serde::de::Error::custom(format!("`{text}` is no duration like \"15m\" or \"7d\": {error}"))
            }),
        }
    }
}

/// A setting that stops the start. Names the key and what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Unknown key, or a value of the wrong type.
    #[error("configuration: {0}")]
    Unreadable(Box<figment::Error>),
    /// A value that cannot work.
    #[error("configuration: sessiond.{key}: {problem}")]
    Impossible {
        /// Which key.
        key: &'static str,
        /// What is wrong, and what to write instead.
        problem: String,
    },
}

/// Scheme, host and port, as browsers send them in `Origin`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    fn parse(key: &'static str, text: &str) -> Result<Self, ConfigError> {
        let error = |problem: &str| ConfigError::Impossible { key, problem: format!("`{text}` {problem}") };
        let text = text.strip_suffix('/').unwrap_or(text);
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.ok_or_else(|| error("must start with https:// or http://"))?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
        if host.is_empty() || !host.chars().all(allowed) {
            return Err(error("must be a scheme and a host without a path, like https://login.example.com"));
        }
        // Browsers leave the scheme's own port out.
        let port = if text.starts_with("https") { ":443" } else { ":80" };
        Ok(Self(text.strip_suffix(port).unwrap_or(text).to_ascii_lowercase()))
    }

    /// Whether the scheme is https.
    pub fn is_secure(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The host, without scheme and port.
    pub fn host(&self) -> &str {
        let authority = self.0.split_once("://").map_or("", |(_, authority)| authority);
        match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => host,
            _ => authority,
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Settings that have been checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of the database and the server's keys.
    pub data: PathBuf,
    /// Where browsers reach this server. Decides `Secure`, the cookie's name and the allowed origin; without it, whatever
    /// `Host` the request names, by plain http.
    pub public_url: Option<Origin>,
    /// Whose hosts get the second cookie, which is good at the door for reverse proxies alone.
    pub cookie_domain: Option<CookieDomain>,
    /// Further origins whose pages may send requests that change something.
    pub allowed_origins: Vec<Origin>,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// How long sessions live, and how many a user may have.
    pub limits: Limits,
    /// How long past sessions and audit events are kept.
    pub retention: Duration,
    /// How passwords are hashed.
    pub password_hash: Hashing,
    /// How many wrong passwords are looked at.
    pub login_limits: LoginLimits,
    /// Who must have a second factor.
    pub second_factor: SecondFactorRule,
    /// What is said to whoever has forgotten their password.
    pub forgotten_password: ForgottenPassword,
    /// Where operators' routes are, and who may read them.
    pub operators: Operators,
    /// Who is told of sign-ins and endings.
    pub webhooks: Vec<Webhook>,
    /// What clients of the API call this server's users; an empty name means it, too.
    pub project: String,
    /// Whether people may create accounts for themselves, through the API.
    pub sign_up: bool,
}

impl Config {
    /// Reads and checks the key `sessiond` of `figment`.
    ///
    /// # Errors
    /// Names the key that is unknown, of the wrong type or impossible.
    pub fn extract(figment: &Figment) -> Result<Self, ConfigError> {
        let raw: Raw = match figment.find_value("sessiond") {
            Ok(_) => figment.extract_inner("sessiond").map_err(|error| ConfigError::Unreadable(Box::new(error)))?,
            Err(_) => Raw::default(),
        };
        Self::check(raw)
    }

    fn check(raw: Raw) -> Result<Self, ConfigError> {
        let defaults = Limits::default();
        let limits = Limits {
            standard: lifetime("idle", raw.idle.0, raw.absolute.0)?,
            persistent: overridden("persistent", &raw.persistent, defaults.persistent)?,
            administrator: overridden("administrator", &raw.administrator, defaults.administrator)?,
            sessions_per_user: raw.sessions_per_user,
        };
        if limits.sessions_per_user == 0 {
            let problem = "must be at least 1, or nobody could sign in".to_owned();
            return Err(ConfigError::Impossible { key: "sessions_per_user", problem });
        }
        let longest = [limits.standard, limits.persistent, limits.administrator].map(|lifetime| lifetime.absolute);
        if longest.into_iter().any(|absolute| raw.retention.0 < absolute) {
            let problem = "must not be shorter than the longest lifetime of a session".to_owned();
            return Err(ConfigError::Impossible { key: "retention", problem });
        }
        let cost = raw.password_hash.check();
        cost.map_err(|error| ConfigError::Impossible { key: "password_hash", problem: error.to_string() })?;
        let peppers = peppers::read(raw.password_pepper.as_deref(), &raw.password_pepper_previous)?;
        let network = |text: &String| {
            parse_network(text).map_err(|_| ConfigError::Impossible {
                key: "trusted_proxies",
                problem: format!("`{text}` is no address like 127.0.0.1 and no network like 10.0.0.0/8"),
            })
        };
        let origins = raw.allowed_origins.iter().map(|text| Origin::parse("allowed_origins", text));
        let public_url = raw.public_url.map(|text| Origin::parse("public_url", &text)).transpose()?;
        let cookie_domain = raw.cookie_domain.map(|text| CookieDomain::check(&text, public_url.as_ref()));
        Ok(Self {
            data: raw.data,
            cookie_domain: cookie_domain.transpose()?,
            public_url,
            allowed_origins: origins.collect::<Result<_, _>>()?,
            trusted_proxies: raw.trusted_proxies.iter().map(network).collect::<Result<_, _>>()?,
            limits,
            retention: raw.retention.0,
            password_hash: Hashing { cost: raw.password_hash, peppers },
            login_limits: login_limits(&raw.login_limits)?,
            second_factor: raw.second_factor,
            forgotten_password: raw.forgotten_password.check()?,
            operators: raw.operators.check()?,
            webhooks: webhooks::check(raw.webhooks)?,
            project: project(raw.project)?,
            sign_up: raw.sign_up,
        })
    }

    /// What signing in asks for.
    pub fn sign_in(&self) -> Settings {
        Settings {
            password_hash: self.password_hash.clone(),
            login_limits: self.login_limits,
            second_factor_required: self.second_factor == SecondFactorRule::Administrators,
        }
    }

    /// Whether browsers reach this server by https.
    pub fn is_secure(&self) -> bool {
        self.public_url.as_ref().is_some_and(Origin::is_secure)
    }
}

/// In the grammar that the API's clients keep to.
fn project(text: String) -> Result<String, ConfigError> {
    let Err(_) = text.parse::<UserId>() else { return Ok(text) };
    let problem = format!("`{text}` must have 1 to 36 of a-z A-Z 0-9 . _ - and not start with . _ or -");
    Err(ConfigError::Impossible { key: "project", problem })
}

fn login_limits(raw: &RawLoginLimits) -> Result<LoginLimits, ConfigError> {
    let rate = |key, text: &Option<String>, default: Rate| {
        let parsed = text.as_deref().map_or(Ok(default), str::parse);
        parsed.map_err(|error| ConfigError::Impossible { key, problem: error.to_string() })
    };
    let LoginLimits { per_ip, per_account, all, sign_ups } = LoginLimits::default();
    Ok(LoginLimits {
        per_ip: rate("login_limits.per_ip", &raw.per_ip, per_ip)?,
        per_account: rate("login_limits.per_account", &raw.per_account, per_account)?,
        all: rate("login_limits.all", &raw.all, all)?,
        sign_ups: rate("login_limits.sign_ups", &raw.sign_ups, sign_ups)?,
    })
}

fn overridden(key: &'static str, raw: &RawLifetime, default: Lifetime) -> Result<Lifetime, ConfigError> {
    let idle = raw.idle.map_or(default.idle, |span| span.0);
    lifetime(key, idle, raw.absolute.map_or(default.absolute, |span| span.0))
}

fn lifetime(key: &'static str, idle: Duration, absolute: Duration) -> Result<Lifetime, ConfigError> {
    let problem = if idle < Duration::from_mins(1) {
        "idle must be at least a minute"
    } else if absolute < idle {
        "absolute must not be shorter than idle"
    } else if absolute > Duration::from_hours(24 * 400) {
        "absolute must not be longer than 400 days, the longest that browsers keep a cookie"
    } else {
        return Ok(Lifetime { idle, absolute });
    };
    Err(ConfigError::Impossible { key, problem: problem.to_owned() })
}

#[cfg(test)]
mod tests {
    use figment::providers::{Format, Toml};

    use super::*;

    fn read(toml: &str) -> Result<Config, String> {
        let figment = Figment::from(Toml::string(&format!("[sessiond]\n{toml}")));
        Config::extract(&figment).map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_table_the_defaults_hold() {
        let config = Config::extract(&Figment::new()).unwrap();
        assert_eq!(config.limits, Limits::default());
        assert_eq!(config.data, PathBuf::from("data"));
        assert!(!config.is_secure());
    }

    #[test]
    fn durations_are_text_or_seconds() {
        let config = read("idle = \"30m\"\nabsolute = 7200\npersistent = { idle = \"2d\" }").unwrap();
        assert_eq!(config.limits.standard.idle, Duration::from_mins(30));
        assert_eq!(config.limits.standard.absolute, Duration::from_hours(2));
        assert_eq!(config.limits.persistent.idle, Duration::from_hours(48));
        assert_eq!(config.limits.persistent.absolute, Limits::default().persistent.absolute);
    }

    #[test]
    fn login_limits_are_rates_and_each_has_a_default() {
        let config = read("login_limits = { per_ip = \"5/m\" }").unwrap();
        let limits = LoginLimits { per_ip: "5/1m".parse().unwrap(), ..LoginLimits::default() };
        assert_eq!(config.login_limits, limits);
    }

    #[test]
    fn operators_routes_are_where_the_setting_says_and_open_to_whom_it_says() {
        for (toml, told, metrics, rest) in [
            ("", "mixed", true, false),
            ("operators = { access = \"public\" }", "public", false, false),
            ("operators = { access = \"key\" }", "key", true, true),
            ("operators = { listen = \"[::1]:9100\" }", "[::1]:9100", false, false),
            ("operators = { listen = \"127.0.0.1:0\", access = \"key\" }", "127.0.0.1:0,key", true, true),
        ] {
            let operators = read(toml).unwrap().operators;
            assert_eq!(operators.to_string(), told);
            assert_eq!((operators.metrics_are_keyed(), operators.the_rest_is_keyed()), (metrics, rest), "{toml}");
        }
    }

    #[test]
    fn what_is_in_force_is_told_in_one_line() {
        let config =
            read("public_url = \"https://login.example.com\"\ntrusted_proxies = [\"10.0.0.0/8\", \"127.0.0.1\"]");
        assert_eq!(
            config.unwrap().in_force(),
            format!(
                "version={} public_url=https://login.example.com cookie_domain=none allowed_origins=none \
                 trusted_proxies=10.0.0.0/8,127.0.0.1/32 idle/absolute=1h/1d persistent=7d/30d \
                 administrator=15m/12h sessions_per_user=25 retention=90d password_hash=19456KiB,2,1 \
                 login_limits=60/10m,20/1h,{},10/1h password_pepper=none second_factor=optional webhooks=none \
                 project=default sign_up=false operators=mixed",
                env!("CARGO_PKG_VERSION"),
                LoginLimits::default().all.to_string().replace(' ', ""),
            )
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (toml, told) in [
            ("idel = \"1h\"", "idel"),
            ("idle = \"soon\"", "`soon`"),
            ("idle = \"2h\"\nabsolute = \"1h\"", "sessiond.idle: absolute must not be shorter"),
            ("absolute = \"500d\"", "400 days"),
            ("administrator = { idle = 1 }", "sessiond.administrator: idle must be at least a minute"),
            ("sessions_per_user = 0", "sessiond.sessions_per_user"),
            ("retention = \"29d\"", "sessiond.retention"),
            ("public_url = \"login.example.com\"", "sessiond.public_url"),
            ("public_url = \"https://x/y\"", "without a path"),
            ("cookie_domain = \"example.com\"", "sessiond.cookie_domain"),
            ("trusted_proxies = [\"everyone\"]", "`everyone`"),
            ("password_hash = { memory = 1 }", "memory"),
            ("password_hash = { memory_kib = 1 }", "sessiond.password_hash"),
            ("login_limits = { per_ip = \"many\" }", "sessiond.login_limits.per_ip: `many` is no rate like \"20/1h\""),
            ("login_limits = { per_account = \"0/1h\" }", "sessiond.login_limits.per_account"),
            ("login_limits = { all = \"5\" }", "sessiond.login_limits.all"),
            ("login_limits = { per_user = \"5/1h\" }", "per_user"),
            ("login_limits = { per_ip = 5 }", "per_ip"),
            ("second_factor = \"everybody\"", "second_factor"),
            ("operators = { listen = \"9100\" }", "sessiond.operators.listen: `9100` is no address with a port"),
            ("operators = { access = \"nobody\" }", "access"),
            ("operators = { port = 9100 }", "port"),
            (
                "operators = { listen = \"127.0.0.1:9100\", access = \"public\" }",
                "sessiond.operators.access: must not be \"public\" beside operators.listen",
            ),
            ("project = \"a b\"", "sessiond.project: `a b`"),
        ] {
            let error = read(toml).expect_err(toml);
            assert!(error.contains(told), "{toml}: {error}");
        }
    }

    #[test]
    fn an_origin_is_spelt_as_browsers_spell_it() {
        let origin = |text| Origin::parse("public_url", text).map(|origin| origin.0).unwrap();
        assert_eq!(origin("https://Login.Example.com:443/"), "https://login.example.com");
        assert_eq!(origin("http://127.0.0.1:8000"), "http://127.0.0.1:8000");
        assert_eq!(origin("http://[::1]:80"), "http://[::1]");
        let host = |text| Origin::parse("public_url", text).map(|origin| origin.host().to_owned()).unwrap();
        assert_eq!(host("https://Login.Example.com:8443"), "login.example.com");
        assert_eq!((host("http://[::1]:8000"), host("http://[::1]")), ("[::1]".to_owned(), "[::1]".to_owned()));
    }
}
