//! Where operators' routes are (metrics, health, the description of the API), and who may read them.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::Deserialize;

use super::ConfigError;

/// The setting as somebody wrote it.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    listen: Option<String>,
    access: Option<Access>,
}

/// Who may read them, where somebody has said so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Access {
    Public,
    Key,
}

/// Where operators' routes are, and who may read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Operators {
    /// Among the pages; the metrics with a key, the rest without.
    #[default]
    Mixed,
    /// Among the pages, without a key.
    Public,
    /// Among the pages, all of them with a key.
    Keyed,
    /// At an address of their own and nowhere else.
    Apart {
        /// Where.
        listen: SocketAddr,
        /// With a key, or open to whoever reaches the address.
        keyed: bool,
    },
}

impl Raw {
    pub(super) fn check(self) -> Result<Operators, ConfigError> {
        let Some(listen) = self.listen else {
            return Ok(match self.access {
                None => Operators::Mixed,
                Some(Access::Public) => Operators::Public,
                Some(Access::Key) => Operators::Keyed,
            });
        };
        let impossible = |key, problem| Err(ConfigError::Impossible { key, problem });
        let Ok(address) = listen.parse::<SocketAddr>() else {
            let problem = format!(
                "`{}` is no address with a port like \"127.0.0.1:9100\" or \"[::1]:9100\"",
                listen.escape_debug()
            );
            return impossible("operators.listen", problem);
        };
        if self.access == Some(Access::Public) {
            let problem = "must not be \"public\" beside operators.listen, which takes these routes off the public \
                address; leave one of them out";
            return impossible("operators.access", problem.to_owned());
        }
        Ok(Operators::Apart { listen: address, keyed: self.access == Some(Access::Key) })
    }
}

impl Operators {
    /// The address of their own, if they have one.
    pub const fn apart(self) -> Option<SocketAddr> {
        match self {
            Self::Apart { listen, .. } => Some(listen),
            _ => None,
        }
    }

    /// Whether the metrics need a key.
    pub const fn metrics_are_keyed(self) -> bool {
        matches!(self, Self::Mixed | Self::Keyed | Self::Apart { keyed: true, .. })
    }

    /// Whether health and the description of the API need a key.
    pub const fn the_rest_is_keyed(self) -> bool {
        matches!(self, Self::Keyed | Self::Apart { keyed: true, .. })
    }

    /// Whether the server itself listens where these routes are to be on their own.
    pub fn collide_with(self, public: SocketAddr) -> bool {
        let any = |one: IpAddr, other: IpAddr| one == other || one.is_unspecified() || other.is_unspecified();
        self.apart().is_some_and(|own| own.port() != 0 && own.port() == public.port() && any(own.ip(), public.ip()))
    }
}

impl fmt::Display for Operators {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mixed => f.write_str("mixed"),
            Self::Public => f.write_str("public"),
            Self::Keyed => f.write_str("key"),
            Self::Apart { listen, keyed: false } => write!(f, "{listen}"),
            Self::Apart { listen, keyed: true } => write!(f, "{listen},key"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart(listen: &str) -> Operators {
        Operators::Apart { listen: listen.parse().unwrap(), keyed: false }
    }

    #[test]
    fn two_listeners_on_one_port_collide_unless_their_addresses_differ() {
        let public = |text: &str| text.parse::<SocketAddr>().unwrap();
        for (own, other) in
            [("127.0.0.1:80", "127.0.0.1:80"), ("0.0.0.0:80", "127.0.0.1:80"), ("10.0.0.1:80", "0.0.0.0:80")]
        {
            assert!(apart(own).collide_with(public(other)), "{own} {other}");
        }
        for (own, other) in
            [("127.0.0.1:81", "127.0.0.1:80"), ("10.0.0.1:80", "10.0.0.2:80"), ("127.0.0.1:0", "127.0.0.1:0")]
        {
            assert!(!apart(own).collide_with(public(other)), "{own} {other}");
        }
        assert!(!Operators::Keyed.collide_with(public("127.0.0.1:80")));
    }
}
