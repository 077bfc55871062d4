//! Sessions and users as the API's clients know them. Every field is always there, and none is null.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::domain::lifetime::Limits;
use crate::domain::listing::Total;
use crate::domain::session::{Door, Session, Standing};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Label, User};
use crate::web::Core;

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Session)]
pub struct SessionShape {
    /// A UUID of version 7. Public: it opens nothing.
    #[serde(rename = "$id")]
    id: String,
    #[serde(rename = "$createdAt")]
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was last seen, to within a touch step.
    #[serde(rename = "$updatedAt")]
    #[schema(format = DateTime)]
    updated_at: String,
    user_id: String,
    /// When it runs out if nothing more is seen of it.
    #[schema(format = DateTime)]
    expire: String,
    /// `email`: a password, on the pages or through the API; `token`: a one-time token; `server`: an application vouched.
    provider: &'static str,
    provider_uid: String,
    provider_access_token: &'static str,
    provider_access_token_expiry: &'static str,
    provider_refresh_token: &'static str,
    ip: String,
    os_code: &'static str,
    os_name: String,
    os_version: &'static str,
    client_type: &'static str,
    client_code: &'static str,
    client_name: String,
    client_version: &'static str,
    client_engine: &'static str,
    client_engine_version: &'static str,
    device_name: &'static str,
    device_brand: &'static str,
    device_model: &'static str,
    country_code: &'static str,
    country_name: &'static str,
    /// Whether it is the one that asked.
    current: bool,
    factors: Vec<&'static str>,
    /// The credential: told once, to whoever shows an API key with its creation. Elsewhere empty.
    secret: String,
    /// When a second factor was last shown in it; empty if never.
    mfa_updated_at: String,
}

impl SessionShape {
    /// Of a session that is live, last seen then.
    pub fn new(session: &Session, seen: Timestamp, user: Option<&User>, limits: &Limits) -> Self {
        let device = &session.client().device;
        let (provider, factor) = match session.door() {
            Door::Pages | Door::Api => ("email", "password"),
            Door::Token => ("token", "token"),
            Door::Server => ("server", "server"),
        };
        let second = factor == "password" && user.is_some_and(|user| user.safeguards.second_factor.is_some());
        let mut factors = vec![factor];
        factors.extend(second.then_some("totp"));
        let email = user.filter(|_| provider == "email").map(|user| user.email.to_string());
        let system = device.system.as_deref().unwrap_or_default();
        Self {
            id: session.id().to_string(),
            created_at: session.created().iso(),
            updated_at: seen.max(session.authenticated()).iso(),
            user_id: session.user().to_string(),
            expire: session.deadline(seen, limits).iso(),
            provider,
            provider_uid: email.unwrap_or_default(),
            provider_access_token: "",
            provider_access_token_expiry: "",
            provider_refresh_token: "",
            ip: session.client().address.map(|address| address.to_canonical().to_string()).unwrap_or_default(),
            os_code: os_code(system),
            os_name: system.to_owned(),
            os_version: "",
            client_type: if device.browser.is_some() { "browser" } else { "" },
            client_code: client_code(device.browser.as_deref().unwrap_or_default()),
            client_name: device.browser.clone().unwrap_or_default(),
            client_version: "",
            client_engine: "",
            client_engine_version: "",
            device_name: device_name(system),
            device_brand: "",
            device_model: "",
            country_code: "--",
            country_name: "Unknown",
            current: false,
            factors,
            secret: String::new(),
            mfa_updated_at: if second { session.authenticated().iso() } else { String::new() },
        }
    }

    /// Of a row of a listing.
    pub fn of(standing: &Standing, limits: &Limits) -> Self {
        Self::new(&standing.session, standing.seen, standing.user.as_ref(), limits)
    }

    /// The one that asked.
    #[must_use]
    pub fn current(self, current: bool) -> Self {
        Self { current, ..self }
    }

    /// With its credential.
    #[must_use]
    pub fn with_secret(self, secret: String) -> Self {
        Self { secret, ..self }
    }
}

/// The codes of the device-detector project, which the clients' dashboards know.
fn os_code(system: &str) -> &'static str {
    match system {
        "Windows" => "WIN",
        "macOS" => "MAC",
        "iOS" => "IOS",
        "Android" => "AND",
        "Linux" => "LIN",
        "Ubuntu" => "UBT",
        "Chrome OS" => "COS",
        _ => "",
    }
}

fn client_code(browser: &str) -> &'static str {
    match browser {
        "Chrome" => "CH",
        "Firefox" => "FF",
        "Safari" => "SF",
        "Edge" => "PS",
        "Opera" => "OP",
        _ => "",
    }
}

fn device_name(system: &str) -> &'static str {
    match system {
        "iOS" | "Android" => "smartphone",
        "" => "",
        _ => "desktop",
    }
}

/// A user.
#[allow(clippy::struct_excessive_bools, reason = "that is its shape")]
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = User)]
pub struct UserShape {
    #[serde(rename = "$id")]
    id: String,
    #[serde(rename = "$createdAt")]
    #[schema(format = DateTime)]
    created_at: String,
    #[serde(rename = "$updatedAt")]
    #[schema(format = DateTime)]
    updated_at: String,
    name: String,
    #[schema(format = DateTime)]
    registration: String,
    /// Whether they may sign in.
    status: bool,
    labels: Vec<String>,
    /// Since when they have their password.
    #[schema(format = DateTime)]
    password_update: String,
    email: String,
    phone: &'static str,
    email_verification: bool,
    phone_verification: bool,
    /// Whether they have a second factor.
    mfa: bool,
    prefs: Map<String, Value>,
    targets: Vec<Target>,
    /// Not kept: their sessions tell when they were last seen.
    accessed_at: &'static str,
}

/// Where messages are sent to: nowhere, here.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {}

impl From<&User> for UserShape {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            created_at: user.created.iso(),
            updated_at: user.updated().iso(),
            name: user.name.to_string(),
            registration: user.created.iso(),
            status: !user.blocked,
            labels: user.labels.iter().map(Label::as_str).map(str::to_owned).collect(),
            password_update: user.password_changed().iso(),
            email: user.email.to_string(),
            phone: "",
            email_verification: user.profile.email_verified,
            phone_verification: false,
            mfa: user.safeguards.second_factor.is_some(),
            prefs: user.profile.prefs.object(),
            targets: Vec::new(),
            accessed_at: "",
        }
    }
}

/// Preferences: any object.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Preferences)]
pub struct PrefsShape(pub Map<String, Value>);

/// A list of sessions.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SessionList)]
pub struct SessionList {
    /// How many there are in all.
    pub total: u64,
    pub sessions: Vec<SessionShape>,
}

/// A list of users.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserList)]
pub struct UserList {
    /// How many there are in all, up to 5000.
    pub total: u64,
    pub users: Vec<UserShape>,
}

/// How many there are, as far as they were counted.
pub const fn counted(total: Total) -> u64 {
    match total {
        Total::Exactly(count) | Total::MoreThan(count) => count,
    }
}

/// The shape of a session as of now.
pub fn session(core: &Core, standing: &Standing) -> SessionShape {
    SessionShape::of(standing, core.service.limits())
}
