//! Sending one message to an address that may be anything: down, slow, or hostile.
//!
//! Of the answer nothing but its head is read. No redirect is followed and no proxy of the environment used; the name is looked
//! up anew each time, each address it has must be a public one, and the connection goes to one of those.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::public::is_public;

/// The longest head of an answer, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// How long an attempt may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Until there is a connection.
    pub connect: Duration,
    /// All of it.
    pub whole: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), whole: Duration::from_secs(15) }
    }
}

/// Where a webhook goes. Its path may be a secret, so it is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Uri);

/// Text that is no such address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an address like https://example.com/hooks/sessiond, without a user, a password or a #")]
pub struct AddressError;

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let uri: Uri = text.parse().map_err(|_| AddressError)?;
        let is_http = matches!(uri.scheme_str(), Some("https" | "http"));
        let authority = uri.authority().ok_or(AddressError)?;
        let is_plain = !text.contains('#') && !authority.as_str().contains('@') && !authority.host().is_empty();
        let has_port = authority.port().is_none_or(|port| port.as_u16() > 0) && !authority.as_str().ends_with(':');
        if is_http && is_plain && has_port { Ok(Self(uri)) } else { Err(AddressError) }
    }
}

impl Address {
    /// Whether nobody on the way can read along.
    pub fn is_secure(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// Whether it names an address of this machine or its neighbours. What a name leads to is looked at each time.
    pub fn is_private(&self) -> bool {
        let host = self.0.host().unwrap_or_default();
        let literal = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        literal.parse::<IpAddr>().is_ok_and(|address| !is_public(address))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address")
    }
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A status.
    Status {
        /// Which.
        status: u16,
        /// After how long it is to be tried again, if the receiver says so.
        after: Option<Duration>,
    },
    /// None.
    Nothing(String),
}

/// A message, signed.
pub struct Message {
    pub id: String,
    pub seconds: i64,
    pub signatures: String,
    pub body: String,
}

/// Where messages are sent.
#[derive(Debug, Clone)]
pub struct Target {
    agent: Agent,
    address: Address,
}

impl Target {
    /// With `private`, also to this machine and its neighbours.
    pub fn new(address: Address, private: bool, patience: Patience) -> Self {
        let config = Config::builder()
            .http_status_as_error(false)
            .https_only(address.is_secure())
            .timeout_connect(Some(patience.connect))
            .timeout_resolve(Some(patience.connect))
            .timeout_global(Some(patience.whole))
            .proxy(None)
            .max_redirects(0)
            // Each time the name is looked up anew, and the address looked at.
            .max_idle_connections(0)
            .max_response_header_size(LONGEST_HEAD)
            .user_agent(concat!("sessiond/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .build();
        let resolver = Looking { private, beneath: DefaultResolver::default() };
        Self { agent: Agent::with_parts(config, DefaultConnector::default(), resolver), address }
    }

    /// Sends it, and waits for the head of the answer. Blocks.
    pub fn send(&self, message: &Message) -> Answer {
        let asked = self.agent.post(self.address.0.clone()).content_type("application/json");
        let asked = asked.header("webhook-id", &message.id).header("webhook-timestamp", message.seconds.to_string());
        match asked.header("webhook-signature", &message.signatures).send(&message.body) {
            Ok(answer) => {
                let after = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
                let after = after.and_then(|value| value.trim().parse().ok()).map(Duration::from_secs);
                Answer::Status { status: answer.status().as_u16(), after }
            }
            Err(error) => Answer::Nothing(error.to_string()),
        }
    }
}

/// Looks names up, and at where they lead.
#[derive(Debug)]
struct Looking {
    private: bool,
    beneath: DefaultResolver,
}

impl Resolver for Looking {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.beneath.resolve(uri, config, timeout)?;
        if !self.private && found.iter().any(|address| !is_public(address.ip())) {
            let told = "the address is not a public one; allow_private permits it";
            return Err(ureq::Error::Io(io::Error::new(io::ErrorKind::PermissionDenied, told)));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_http_without_a_user() {
        for (good, secure, private) in [
            ("https://example.com/hooks/x?y=z", true, false),
            ("http://example.com:8080", false, false),
            ("https://127.0.0.1/", true, true),
            ("https://[::1]:8443/", true, true),
            ("https://[::ffff:10.0.0.1]/", true, true),
            ("https://8.8.8.8/", true, false),
        ] {
            let address: Address = good.parse().unwrap();
            assert_eq!((address.is_secure(), address.is_private()), (secure, private), "{good}");
            assert_eq!(format!("{address:?}"), "Address");
        }
        for bad in [
            "",
            "example.com",
            "/hooks",
            "ftp://example.com",
            "https://",
            "https:///x",
            "https://user@example.com",
            "https://user:password@example.com",
            "https://example.com#x",
            "https://example.com:0/",
            "https://example.com:/",
            "https://exa mple.com",
            "https://example.com/\r\nX: y",
        ] {
            assert_eq!(bad.parse::<Address>(), Err(AddressError), "{bad}");
        }
    }
}
