//! `GET /v1/ping`: is somebody there?

use rocket::{Route, get, routes};

pub fn routes() -> Vec<Route> {
    routes![ping]
}

/// Answer
#[utoipa::path(
    context_path = "/v1",
    tag = "health",
    operation_id = "ping",
    security(()),
    responses((status = 200, description = "`Pong!`", body = String, content_type = "text/plain"))
)]
#[get("/ping")]
pub const fn ping() -> &'static str {
    "Pong!"
}
