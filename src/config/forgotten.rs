//! What the sign-in page says to whoever has forgotten their password: the server sends no mail, so somebody has to help.

use serde::Deserialize;

use super::ConfigError;

/// What is said unless told otherwise.
const TEXT: &str = "Ask an administrator of this server. They make sure that it is you, and give you a password that is good \
once and for a short time. Sign in with it and choose a new one.";
/// Enough for a few sentences.
const LONGEST_TEXT: usize = 1000;
/// Longer ones are cut by mail programs and older browsers.
const LONGEST_LINK: usize = 2000;

/// The setting as somebody wrote it.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    text: Option<String>,
    link: Option<String>,
}

/// The way back in for whoever has forgotten their password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgottenPassword {
    /// What to do, a paragraph a line. Plain text.
    pub text: String,
    /// Where to ask: an address that starts with `https:`, `http:` or `mailto:`.
    pub link: Option<String>,
}

impl Raw {
    pub(super) fn check(self) -> Result<ForgottenPassword, ConfigError> {
        let impossible = |key, problem: String| Err(ConfigError::Impossible { key, problem });
        let text = self.text.unwrap_or_else(|| TEXT.to_owned()).trim().to_owned();
        if text.is_empty() || text.chars().count() > LONGEST_TEXT {
            let problem =
                format!("must have 1 to {LONGEST_TEXT} characters; leave it out for the text that comes with it");
            return impossible("forgotten_password.text", problem);
        }
        if let Some(link) = &self.link
            && let Err(problem) = check_link(link)
        {
            return impossible("forgotten_password.link", format!("`{}` {problem}", link.escape_debug()));
        }
        Ok(ForgottenPassword { text, link: self.link })
    }
}

/// Anything but these schemes could run as a script, or leads nowhere.
fn check_link(link: &str) -> Result<(), String> {
    let scheme = ["https://", "http://", "mailto:"].into_iter().find(|scheme| link.starts_with(scheme));
    let Some(scheme) = scheme else {
        return Err("must start with https://, http:// or mailto:".to_owned());
    };
    let rest = &link[scheme.len()..];
    if rest.is_empty() || rest.starts_with('/') || link.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("must be an address like https://example.com/help or mailto:help@example.com".to_owned());
    }
    if link.len() > LONGEST_LINK {
        return Err(format!("must not be longer than {LONGEST_LINK} bytes"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: Option<&str>, link: Option<&str>) -> Result<ForgottenPassword, String> {
        let raw = Raw { text: text.map(str::to_owned), link: link.map(str::to_owned) };
        raw.check().map_err(|error| error.to_string())
    }

    #[test]
    fn without_a_word_an_administrator_is_asked() {
        let told = check(None, None).unwrap();
        assert!(told.text.starts_with("Ask an administrator") && told.link.is_none(), "{told:?}");
        let told = check(Some("Call 1234.\n"), Some("mailto:help@example.com?subject=Password")).unwrap();
        assert_eq!(told.text, "Call 1234.");
    }

    #[test]
    fn asvs_1_2_2_a_link_leads_to_a_page_or_a_mail_and_nowhere_else() {
        for link in ["https://example.com", "http://intra/help?x=y#z", "mailto:help@example.com"] {
            assert_eq!(check(None, Some(link)).map(|told| told.link), Ok(Some(link.to_owned())));
        }
        let long = format!("https://example.com/{}", "x".repeat(2000));
        for link in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            " https://example.com",
            "https://exa mple.com",
            "https://x\njavascript:",
            "//example.com",
            "/help",
            "https:",
            "https://",
            "https:///x",
            "mailto:",
            "",
            &long,
        ] {
            let error = check(None, Some(link)).expect_err(link);
            assert!(error.contains("sessiond.forgotten_password.link"), "{link}: {error}");
        }
    }

    #[test]
    fn a_text_has_an_end_and_a_beginning() {
        for text in ["", " \n ", &"x".repeat(1001)] {
            let error = check(Some(text), None).expect_err("no text");
            assert!(error.contains("sessiond.forgotten_password.text"), "{error}");
        }
    }
}
