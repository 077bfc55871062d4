//! Where a request comes from.

use crate::harness::{On, Person, Server};

const ADA: &str = "ada@example.com";

/// The address that the account page shows for a sign-in from `peer` with these headers.
async fn shown(server: &Server, peer: &str, headers: &[(&str, &str)]) -> String {
    let person = headers
        .iter()
        .fold(server.anonymous().at(peer), |person: Person<'_>, (name, value)| person.sending(name, value));
    server.create(ADA, &[]).await;
    let page = person.signed_in(ADA).await.open("/account").await;
    let own = page.is(200).body.split("is-current").nth(1).unwrap_or_default();
    let address = own.split("<dd class=\"num\">").nth(1).and_then(|rest| rest.split('<').next());
    address.unwrap_or_else(|| panic!("no address\n{}", page.shown())).to_owned()
}

#[tokio::test]
async fn asvs_4_1_3_nobody_can_choose_their_own_address() {
    let server = Server::start().await;
    for (name, value) in [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-For", "127.0.0.1, 203.0.113.9"),
        ("X-Real-IP", "203.0.113.9"),
        ("Forwarded", "for=203.0.113.9"),
        ("X-Client-IP", "203.0.113.9"),
        ("CF-Connecting-IP", "203.0.113.9"),
        ("True-Client-IP", "203.0.113.9"),
        ("X-Forwarded-Host", "203.0.113.9"),
    ] {
        for peer in ["192.0.2.10", "127.0.0.1"] {
            assert_eq!(shown(&server, peer, &[(name, value)]).await, peer, "{name}");
        }
    }
}

#[tokio::test]
async fn asvs_4_1_3_a_trusted_proxy_is_believed_as_far_as_it_can_know() {
    let settings = "trusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\", \"fd00::/8\"]";
    let server = Server::with(On::Memory, settings).await;
    let forwarded = |value| [("X-Forwarded-For", value)];
    for (peer, headers, client) in [
        ("127.0.0.1", &forwarded("203.0.113.9")[..], "203.0.113.9"),
        ("127.0.0.1", &forwarded("198.51.100.1, 203.0.113.9"), "203.0.113.9"),
        ("127.0.0.1", &forwarded("203.0.113.9, 10.1.2.3"), "203.0.113.9"),
        ("fd00::1", &forwarded("2001:db8::7"), "2001:db8::7"),
        ("::ffff:127.0.0.1", &forwarded("203.0.113.9"), "203.0.113.9"),
        ("127.0.0.1", &[("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "203.0.113.9")], "203.0.113.9"),
        ("127.0.0.1", &forwarded("nonsense"), "127.0.0.1"),
        ("127.0.0.1", &forwarded(""), "127.0.0.1"),
        ("127.0.0.1", &[("X-Real-IP", "203.0.113.9")], "127.0.0.1"),
        ("192.0.2.10", &forwarded("203.0.113.9"), "192.0.2.10"),
        ("127.0.0.1", &[], "127.0.0.1"),
    ] {
        assert_eq!(shown(&server, peer, headers).await, client, "{peer} {headers:?}");
    }
}
