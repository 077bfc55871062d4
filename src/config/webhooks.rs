//! Which programs are told of sign-ins and endings by webhook.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::{ConfigError, peppers};
use crate::domain::webhook::WebhookName;
use crate::service::feed::Kind;
use crate::service::webhooks::{Address, Patience, Webhook, WebhookSecret};

const KEY: &str = "webhooks";
/// Each has a task and reads the log for itself.
const MOST: usize = 32;
/// Two secrets, each at most 92 characters long.
const LONGEST_FILE: u64 = 1024;

/// One as somebody wrote it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    name: String,
    url: String,
    secret: Option<String>,
    secret_previous: Option<String>,
    secret_file: Option<PathBuf>,
    events: Option<Vec<String>>,
    #[serde(default)]
    allow_private: bool,
    #[serde(default)]
    allow_http: bool,
}

/// All of them, each with a name of its own.
pub(super) fn check(raw: Vec<Raw>) -> Result<Vec<Webhook>, ConfigError> {
    if raw.len() > MOST {
        return Err(impossible(format!("there are at most {MOST}")));
    }
    let webhooks = raw.into_iter().map(Raw::check).collect::<Result<Vec<_>, _>>()?;
    let mut names = BTreeSet::new();
    match webhooks.iter().find(|webhook| !names.insert(&webhook.name)) {
        Some(twice) => Err(impossible(format!("two have the name `{}`; each needs one of its own", twice.name))),
        None => Ok(webhooks),
    }
}

fn impossible(problem: String) -> ConfigError {
    ConfigError::Impossible { key: KEY, problem }
}

impl Raw {
    fn check(self) -> Result<Webhook, ConfigError> {
        let name: WebhookName =
            self.name.parse().map_err(|error| impossible(format!("`{}`: {error}", self.name.escape_debug())))?;
        let wrong = |problem: String| impossible(format!("`{name}`: {problem}"));
        // The address is not repeated: its path may be a secret.
        let address: Address = self.url.parse().map_err(|error| wrong(format!("url {error}")))?;
        if !address.is_secure() && !self.allow_http {
            let told =
                "url is plain http, and everybody on the way could read what is told; use https, or set allow_http";
            return Err(wrong(told.to_owned()));
        }
        if address.is_private() && !self.allow_private {
            let told = "url leads to this machine or its neighbours; set allow_private if that is meant";
            return Err(wrong(told.to_owned()));
        }
        let secrets: Vec<_> = match (&self.secret, &self.secret_file) {
            (Some(secret), None) => {
                [Some(secret.clone()), self.secret_previous].into_iter().flatten().map(Zeroizing::new).collect()
            }
            (None, Some(_)) if self.secret_previous.is_some() => {
                return Err(wrong(
                    "secret_previous goes with secret; a secret_file holds both, a line each".to_owned(),
                ));
            }
            (None, Some(path)) => {
                let text = peppers::secret_text(KEY, path, LONGEST_FILE)?;
                text.lines()
                    .filter(|line| !line.trim().is_empty())
                    .map(|line| Zeroizing::new(line.to_owned()))
                    .collect()
            }
            (None, None) => return Err(wrong("needs a secret, or a secret_file that holds one".to_owned())),
            (Some(_), Some(_)) => return Err(wrong("has a secret and a secret_file; leave one out".to_owned())),
        };
        let secrets = parse(&secrets).map_err(&wrong)?;
        let kinds = match self.events {
            None => BTreeSet::new(),
            Some(events) if events.is_empty() => {
                return Err(wrong("events names none; leave it out for all of them".to_owned()));
            }
            Some(events) => {
                let kinds = events.iter().map(|event| event.parse::<Kind>());
                kinds.collect::<Result<_, _>>().map_err(|error| wrong(format!("events: {error}")))?
            }
        };
        Ok(Webhook { name, address, secrets, kinds, private: self.allow_private, patience: Patience::default() })
    }
}

fn parse(secrets: &[Zeroizing<String>]) -> Result<Vec<WebhookSecret>, String> {
    if !(1..=2).contains(&secrets.len()) {
        return Err("needs one secret, or two while receivers learn a new one".to_owned());
    }
    secrets.iter().map(|secret| secret.parse().map_err(|error| format!("secret: {error}"))).collect()
}

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format, Toml};

    use super::super::Config;
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn read(webhooks: &str) -> Result<Vec<Webhook>, String> {
        let figment = Figment::from(Toml::string(&format!("[sessiond]\nwebhooks = [{webhooks}]")));
        Config::extract(&figment).map(|config| config.webhooks).map_err(|error| error.to_string())
    }

    fn one(more: &str) -> Result<Vec<Webhook>, String> {
        read(&format!("{{ name = \"crm\", url = \"https://example.com/x\", {more} }}"))
    }

    #[test]
    fn a_webhook_has_a_name_an_address_and_a_secret() {
        let all = one(&format!("secret = \"{SECRET}\"")).unwrap();
        assert_eq!((all[0].name.as_str(), all[0].secrets.len(), all[0].private), ("crm", 1, false));
        assert!(all[0].kinds.is_empty());
        let all = one(&format!(
            "secret = \"{SECRET}\", secret_previous = \"{SECRET}\", events = [\"session.ended\", \"key.revoked\"]"
        ));
        let all = all.unwrap();
        assert_eq!((all[0].secrets.len(), all[0].kinds.len()), (2, 2));
        let local = format!(
            "{{ name = \"a\", url = \"http://127.0.0.1:1/x\", secret = \"{SECRET}\", allow_private = true, allow_http = true }}"
        );
        assert!(read(&local).unwrap()[0].private);
        assert!(read("").unwrap().is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_may_stand_in_a_file_that_is_closed_to_others() {
        use std::fs::{self, Permissions};
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let from = |text: &str, mode| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            one(&format!("secret_file = {:?}", path.display().to_string())).map(|all| all[0].secrets.len())
        };
        assert_eq!(from(&format!("{SECRET}\n"), 0o600), Ok(1));
        assert_eq!(from(&format!("{SECRET}\n\n{SECRET}"), 0o440), Ok(2));
        for (text, mode, told) in [
            (SECRET.to_owned(), 0o604, "open to other users"),
            (String::new(), 0o600, "needs one secret"),
            (format!("{SECRET}\n{SECRET}\n{SECRET}"), 0o600, "needs one secret"),
            ("x".repeat(2_000), 0o600, "longer than"),
            ("whsec_!".to_owned(), 0o600, "a secret is whsec_"),
        ] {
            let error = from(&text, mode).unwrap_err();
            assert!(error.contains("sessiond.webhooks") && error.contains(told), "{error}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_webhook_is_named_and_no_secret_repeated() {
        let secret = format!("secret = \"{SECRET}\"");
        let two = format!("{{ name = \"a\", url = \"https://example.com\", {secret} }}");
        for (webhooks, told) in [
            (format!("{{ name = \"A b\", url = \"https://example.com\", {secret} }}"), "`A b`: the name of a webhook"),
            (format!("{{ name = \"a\", url = \"example.com\", {secret} }}"), "`a`: url must be an address"),
            (format!("{{ name = \"a\", url = \"http://example.com\", {secret} }}"), "allow_http"),
            (format!("{{ name = \"a\", url = \"https://127.0.0.1\", {secret} }}"), "allow_private"),
            (format!("{{ name = \"a\", url = \"https://[fd00::1]/x\", {secret} }}"), "allow_private"),
            ("{ name = \"a\", url = \"https://example.com\" }".to_owned(), "`a`: needs a secret"),
            (
                "{ name = \"a\", url = \"https://example.com\", secret = \"whsec_c2hvcnQ=\" }".to_owned(),
                "24 to 64 bytes, and this one has 5",
            ),
            (
                format!("{{ name = \"a\", url = \"https://example.com\", {secret}, secret_file = \"x\" }}"),
                "leave one out",
            ),
            (format!("{{ name = \"a\", url = \"https://example.com\", {secret}, events = [] }}"), "names none"),
            (
                format!("{{ name = \"a\", url = \"https://example.com\", {secret}, events = [\"session\"] }}"),
                "`session` is no kind of event; there are session.created",
            ),
            (format!("{{ name = \"a\", url = \"https://example.com\", {secret}, retries = 3 }}"), "retries"),
            (format!("{two}, {two}"), "two have the name `a`"),
            (vec![two; 33].join(", "), "at most 32"),
        ] {
            let error = read(&webhooks).expect_err(&webhooks);
            assert!(error.contains(told) && error.contains("webhooks"), "{webhooks}: {error}");
            assert!(!error.contains("MfKQ9r8G") && !error.contains("c2hvcnQ"), "{error}");
        }
    }
}
