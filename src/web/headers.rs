//! Security headers, on every answer.

use rocket::Response;

use crate::config::Config;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers that say the same whatever the answer. No stricter referrer policy: under `no-referrer` browsers send
/// `Origin: null` with our own forms.
const ALWAYS: [(&str, &str); 7] = [
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("X-Robots-Tag", "noindex, nofollow"),
];

/// Two years, as browsers' preload lists want it.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=63072000; includeSubDomains";

/// Puts them on; a policy or a caching rule of the answer's own stays.
pub fn secure(response: &mut Response<'_>, config: &Config) {
    for (name, value) in ALWAYS {
        response.set_raw_header(name, value);
    }
    if !response.headers().contains("Content-Security-Policy") {
        response.set_raw_header("Content-Security-Policy", CONTENT_SECURITY_POLICY);
    }
    if config.is_secure() {
        response.set_raw_header("Strict-Transport-Security", STRICT_TRANSPORT_SECURITY);
    }
    // Whatever sets a cookie must not be kept by a cache, whatever it says itself.
    if !response.headers().contains("Cache-Control") || response.headers().contains("Set-Cookie") {
        response.set_raw_header("Cache-Control", "no-store");
    }
}
