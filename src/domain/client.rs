//! With what somebody came in: address and program.

use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use ua_parser::{os, user_agent};

/// Patterns of the ua-parser project, reduced to programs and systems; see `src/domain/agents/README.md`.
static PATTERNS: &str = include_str!("agents/patterns.json");

static PARSERS: LazyLock<Option<Parsers>> = LazyLock::new(Parsers::build);

/// What a request says of the program that sent it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The address that the connection came from, as seen through trusted proxies.
    pub address: Option<IpAddr>,
    /// The `User-Agent` header, shortened to [`Client::LONGEST_AGENT`] bytes. Untrusted text.
    pub agent: String,
    /// What the agent parses to; kept, so that lists need not parse.
    pub device: Device,
}

impl Client {
    /// The longest agent that is kept, in bytes.
    pub const LONGEST_AGENT: usize = 512;

    /// Parses `agent`.
    pub fn new(address: Option<IpAddr>, agent: &str) -> Self {
        let mut end = agent.len().min(Self::LONGEST_AGENT);
        while !agent.is_char_boundary(end) {
            end -= 1;
        }
        let agent = &agent[..end];
        Self { address, agent: agent.to_owned(), device: Device::parse(agent) }
    }

    /// What a filter by device looks at: the device and what the browser sent, in lower case.
    pub fn searched(&self) -> String {
        format!("{}\n{}", self.device, self.agent).to_lowercase()
    }
}

/// "Chrome on macOS", as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The program: `Chrome`, `Firefox`, `curl`.
    pub browser: Option<String>,
    /// The system: `Windows`, `macOS`, `iOS`.
    pub system: Option<String>,
}

impl Device {
    /// What the agent's text says, by the patterns of the ua-parser project.
    pub fn parse(agent: &str) -> Self {
        let Some(parsers) = PARSERS.as_ref() else { return Self { browser: None, system: None } };
        Self {
            browser: parsers.browser.extract(agent).map(|found| plain(&found.family).to_owned()),
            system: parsers.system.extract(agent).map(|found| plain(&found.os).to_owned()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.browser, &self.system) {
            (Some(browser), Some(system)) => write!(f, "{browser} on {system}"),
            (Some(one), None) | (None, Some(one)) => f.write_str(one),
            (None, None) => f.write_str("Unknown device"),
        }
    }
}

/// The names that people know.
fn plain(family: &str) -> &str {
    match family {
        "Mac OS X" => "macOS",
        "Chrome Mobile" | "Chrome Mobile iOS" | "Chrome Mobile WebView" => "Chrome",
        "Firefox Mobile" | "Firefox iOS" => "Firefox",
        "Mobile Safari" | "Mobile Safari UI/WKWebView" => "Safari",
        "Edge Mobile" => "Edge",
        "Opera Mobile" => "Opera",
        other => other,
    }
}

struct Parsers {
    browser: user_agent::Extractor<'static>,
    system: os::Extractor<'static>,
}

#[derive(Deserialize)]
struct Patterns {
    #[serde(borrow)]
    user_agent_parsers: Vec<user_agent::Parser<'static>>,
    #[serde(borrow)]
    os_parsers: Vec<os::Parser<'static>>,
}

impl Parsers {
    /// `None` only if the file beside this one is broken, which a test rules out: a sign-in must not fail for it.
    fn build() -> Option<Self> {
        let patterns: Patterns = serde_json::from_str(PATTERNS).ok()?;
        let mut browser = user_agent::Builder::new();
        for pattern in patterns.user_agent_parsers {
            browser = browser.push(pattern).ok()?;
        }
        let mut system = os::Builder::new();
        for pattern in patterns.os_parsers {
            system = system.push(pattern).ok()?;
        }
        Some(Self { browser: browser.build().ok()?, system: system.build().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_agents_read_as_people_would_say_them() {
        for (agent, told) in [
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
                "Chrome on macOS",
            ),
            ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:143.0) Gecko/20100101 Firefox/143.0", "Firefox on Windows"),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
                "Safari on iOS",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0",
                "Edge on Windows",
            ),
            ("curl/8.14.1", "curl"),
            ("<script>alert(1)</script>", "Unknown device"),
            ("", "Unknown device"),
        ] {
            assert_eq!(Device::parse(agent).to_string(), told, "{agent}");
        }
    }

    #[test]
    fn a_long_agent_is_cut_between_characters() {
        let client = Client::new(None, &"é".repeat(400));
        assert_eq!(client.agent.len(), 512);
        assert_eq!(Client::new(None, &format!("x{}", "é".repeat(400))).agent.len(), 511);
    }
}
