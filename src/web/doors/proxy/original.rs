//! What the proxy was asked for, so that whoever has to sign in first comes back to it.

use rocket::Request;

use crate::web::next::Next;
use crate::web::{Core, address};

/// The original address, if a trusted proxy tells it whole, it can be asked for once more, and it belongs here.
///
/// `X-Forwarded-Proto`, `-Host`, `-Uri` and `-Method` count as Caddy and Traefik send them; where they are missing, this
/// server's own scheme, `Host`, the path in the question and the method of the question do.
pub fn of(request: &Request<'_>, core: &Core, path: Option<&str>) -> Option<Next> {
    if !address::is_by_proxy(request, &core.config.trusted_proxies) {
        return None;
    }
    let once = |name: &str| {
        let mut values = request.headers().get(name);
        values.next().filter(|_| values.next().is_none())
    };
    let host = once("x-forwarded-host").or_else(|| once("host"))?;
    let scheme = once("x-forwarded-proto").unwrap_or(if core.config.is_secure() { "https" } else { "http" });
    let repeatable = matches!(once("x-forwarded-method").unwrap_or(request.method().as_str()), "GET" | "HEAD");
    let origin = format!("{scheme}://{host}");
    let place = |path: &str| Next::after_sign_in(&format!("{origin}{path}"), &core.config);
    let asked = once("x-forwarded-uri").or(path).filter(|path| repeatable && path.starts_with('/'));
    asked.and_then(place).or_else(|| place("/")).filter(|next| next.as_str() != "/")
}
