//! Pictures that an authenticator app reads.

use std::fmt::Write;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Serialize;

use crate::domain::second_factor::TotpSecret;
use crate::domain::user::User;

/// White around the code, in modules, as readers need it.
const QUIET: i32 = 4;

/// A drawing of black squares on white.
#[derive(Serialize)]
pub struct Drawing {
    /// How many squares wide and high, with the white around.
    size: i32,
    /// An SVG path.
    path: String,
}

/// What the app is told: whose account, where, and the secret. The rest is what apps take for granted.
pub fn address(user: &User, secret: &TotpSecret) -> String {
    let account = utf8_percent_encode(user.email.as_str(), NON_ALPHANUMERIC);
    format!("otpauth://totp/sessiond:{account}?secret={}&issuer=sessiond", secret.base32())
}

/// `None` if it is too long for a picture; no address of an account is.
pub fn draw(text: &str) -> Option<Drawing> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in 0..code.size() {
            if code.get_module(x, y) {
                let _ = write!(path, "M{},{}h1v1h-1z", x + QUIET, y + QUIET);
            }
        }
    }
    Some(Drawing { size: code.size() + 2 * QUIET, path })
}
