//! What the API is, for programs: `OpenAPI` 3.1, made of the handlers' own types.

mod links;
mod paths;

use std::sync::LazyLock;

use utoipa::openapi::path::Parameter;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use self::links::Links;
use self::paths::Paths;
use super::error::ErrorBody;
use super::queries::QueryText;
use super::{account, audit, events, jobs, ping, sessions, users};
use crate::service::feed::Told;

/// The file's text.
pub fn document() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let text = Api::openapi().to_pretty_json().unwrap_or_default();
        format!("{text}\n")
    });
    &TEXT
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "sessiond",
        description = "The one place where a team's sign-in sessions live and die. In the shape of Appwrite's account and \
            users API, so that its SDKs work as they are; beyond it, everybody's sessions, the audit log and a feed of events.",
        license(name = "MIT OR Apache-2.0")
    ),
    paths(
        ping::ping,
        account::create,
        account::get,
        account::with_password,
        account::with_token,
        account::list,
        account::session,
        account::renew,
        account::end,
        account::end_all,
        account::rename,
        account::prefs,
        account::set_prefs,
        account::set_password,
        account::set_email,
        account::block,
        account::jwt,
        users::users,
        users::create_user,
        users::user,
        users::delete_user,
        users::set_status,
        users::set_user_password,
        users::set_user_name,
        users::set_user_email,
        users::set_verification,
        users::user_prefs,
        users::set_user_prefs,
        users::set_labels,
        users::user_sessions,
        users::create_user_session,
        users::end_user_session,
        users::end_user_sessions,
        users::create_token,
        users::user_jwt,
        events::events,
        sessions::list,
        sessions::session,
        sessions::end,
        sessions::end_matching,
        jobs::list,
        jobs::job,
        audit::list,
    ),
    components(schemas(ErrorBody, QueryText, Told)),
    modifiers(&Complete, &Paths, &Links),
    servers((url = "/"))
)]
struct Api;

/// What holds for every operation, said once.
struct Complete;

impl Modify for Complete {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let components = api.components.get_or_insert_default();
        let named = |name: &str, told: &str| ApiKeyValue::with_description(name, told);
        for (name, scheme) in [
            ("session", SecurityScheme::ApiKey(ApiKey::Header(named("X-Appwrite-Session", "A session's credential")))),
            ("key", SecurityScheme::ApiKey(ApiKey::Header(named("X-Appwrite-Key", "An API key")))),
            (
                "bearer",
                SecurityScheme::Http(
                    HttpBuilder::new()
                        .scheme(HttpAuthScheme::Bearer)
                        .description(Some("A session's credential, or an API key"))
                        .build(),
                ),
            ),
        ] {
            components.add_security_scheme(name, scheme);
        }
        for (path, item) in &mut api.paths.paths {
            let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                let account = path.starts_with("/v1/account");
                let public = operation.security.is_some();
                if operation.security.is_none() {
                    let own = if account { "session" } else { "key" };
                    let either = [own, "bearer"].map(|name| SecurityRequirement::new(name, Vec::<String>::new()));
                    operation.security = Some(either.into());
                }
                let mut add = |code: &str, told: &str| {
                    operation.responses.responses.entry(code.to_owned()).or_insert_with(|| error(told));
                };
                add("503", "`general_service_unavailable`: nobody knows right now; try again");
                if path.starts_with("/v1") && path != "/v1/ping" {
                    if !public {
                        add("401", "`general_unauthorized_scope`: no session or key, or none that is good for this");
                    }
                    add("400", "`general_argument_invalid`: a parameter is outside its schema");
                    add("404", "Not found");
                }
                let named = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(it) if it.name == "queries");
                if operation.parameters.iter().flatten().any(named) {
                    // The HTTP library's own, before any code of ours: it has no body.
                    let told = "The address, queries included, has more than 64 KiB; answered without a body";
                    let long = ResponseBuilder::new().description(told).build();
                    operation.responses.responses.insert("414".to_owned(), long.into());
                }
            }
        }
    }
}

fn error(told: &str) -> RefOr<utoipa::openapi::Response> {
    let content = Content::new(Some(Ref::from_schema_name("Error")));
    RefOr::T(ResponseBuilder::new().description(told).content("application/json", content).build())
}
