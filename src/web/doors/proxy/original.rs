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
    // Nobody knows which of two was meant.
    let once = |name: &str| {
        let mut values = request.headers().get(name);
        let first = values.next();
        if values.next().is_some() { None } else { Some(first) }
    };
    let host = once("x-forwarded-host")?.or(once("host")?)?;
    let scheme = once("x-forwarded-proto")?.unwrap_or(if core.config.is_secure() { "https" } else { "http" });
    let method = once("x-forwarded-method")?.unwrap_or(request.method().as_str());
    let asked = once("x-forwarded-uri")?.or(path);
    let origin = format!("{scheme}://{host}");
    let place = |path: &str| Next::after_sign_in(&format!("{origin}{path}"), &core.config);
    let again = asked.filter(|path| matches!(method, "GET" | "HEAD") && path.starts_with('/'));
    again.and_then(place).or_else(|| place("/")).filter(|next| next.as_str() != "/")
}
