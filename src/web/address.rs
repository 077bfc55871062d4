//! Where a request comes from, through the proxies that are trusted.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use ipnet::IpNet;
use rocket::Request;

static WARNED: AtomicBool = AtomicBool::new(false);

/// The client's address: the connection's, or, if that is a trusted proxy, the nearest one in `X-Forwarded-For` that is not.
pub fn of(request: &Request<'_>, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = request.remote().map(|remote| remote.ip().to_canonical())?;
    let forwarded: Vec<&str> = request.headers().get("x-forwarded-for").flat_map(|header| header.split(',')).collect();
    if !forwarded.is_empty() && !is_trusted(peer, trusted) && !WARNED.swap(true, Ordering::Relaxed) {
        tracing::warn!(%peer, "X-Forwarded-For from a peer that is not in sessiond.trusted_proxies is ignored");
    }
    Some(client(peer, &forwarded, trusted))
}

/// Whether the request comes from a trusted proxy, so that what it says of the request behind it counts.
pub fn is_by_proxy(request: &Request<'_>, trusted: &[IpNet]) -> bool {
    request.remote().is_some_and(|remote| is_trusted(remote.ip().to_canonical(), trusted))
}

fn client(peer: IpAddr, forwarded: &[&str], trusted: &[IpNet]) -> IpAddr {
    let mut client = peer;
    for hop in forwarded.iter().rev() {
        if !is_trusted(client, trusted) {
            break;
        }
        let Ok(hop) = hop.trim().parse::<IpAddr>() else { break };
        client = hop.to_canonical();
    }
    client
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asvs_4_1_3_only_trusted_proxies_are_believed() {
        let trusted: Vec<IpNet> = vec!["127.0.0.1/32".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        let client = |peer: &str, hops: &[&str]| client(peer.parse().unwrap(), hops, &trusted).to_string();
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "an untrusted peer");
        assert_eq!(client("127.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            client("127.0.0.1", &["203.0.113.9", "198.51.100.7", " 10.0.0.3"]),
            "198.51.100.7",
            "spoofed on the left"
        );
        assert_eq!(client("127.0.0.1", &["nonsense"]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
    }
}
