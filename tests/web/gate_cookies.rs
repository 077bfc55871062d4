//! Credentials that are not quite right open nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rocket::http::Method;

use crate::harness::{Answer, Ask, On, Server};

const ADA: &str = "ada@example.com";

/// Asks with exactly these `Cookie` headers.
async fn ask(server: &Server, path: &str, cookies: &[String]) -> Answer {
    let ask = cookies.iter().fold(Ask::get(path), |ask, cookie| ask.header("Cookie", cookie));
    server.send(ask, [192, 0, 2, 1].into()).await
}

/// Whether these cookies are as good as none, on all kinds of pages.
async fn is_anonymous(server: &Server, cookies: &[String]) {
    let ran = server.probe.ran();
    for path in ["/account", "/probe/mine", "/probe/administrators", "/admin/sessions"] {
        let answer = ask(server, path, cookies).await;
        assert_eq!(answer.asks_to_sign_in().all("set-cookie"), [""; 0], "{cookies:?}\n{}", answer.shown());
    }
    let json = server.send(Ask::get("/probe/mine").json().header("Cookie", cookies.join("; ")), [192, 0, 2, 1].into());
    json.await.is(401);
    assert_eq!(server.probe.ran(), ran, "{cookies:?}");
}

async fn credential(server: &Server) -> String {
    let credential = server.administrator(ADA).await.credential().expect("a cookie");
    ask(server, "/probe/mine", &[format!("{}={credential}", server.cookie_name())]).await.is(200);
    credential
}

#[tokio::test]
async fn asvs_7_2_1_a_credential_with_one_bit_flipped_opens_nothing() {
    let server = Server::start().await;
    let credential = credential(&server).await;
    let bytes = URL_SAFE_NO_PAD.decode(&credential).expect("base64url");
    assert_eq!(bytes.len(), 64, "user key, session id and 256 bits of secret");
    for bit in (0..512).step_by(5).chain([0, 127, 128, 255, 256, 511]) {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        is_anonymous(&server, &[format!("sessiond={}", URL_SAFE_NO_PAD.encode(flipped))]).await;
    }
}

#[tokio::test]
async fn asvs_7_2_1_a_credential_cut_stretched_or_swapped_opens_nothing() {
    let server = Server::start().await;
    let one = credential(&server).await;
    let other = server.user("bob@example.com").await.credential().expect("a cookie");
    let zeros = "A".repeat(43);
    for value in [
        String::new(),
        "x".to_owned(),
        one[..85].to_owned(),
        one[1..].to_owned(),
        one[..43].to_owned(),
        format!("{one}A"),
        format!("{one}=="),
        format!("{one}{one}"),
        format!("\"{one}\""),
        format!("{}{}", &one[..64], &other[64..]),
        format!("{}{}", &other[..22], &one[22..]),
        format!("{}{zeros}", &one[..43]),
        one.to_uppercase(),
        one.replace(['-', '_'], "+"),
        "A".repeat(86),
        "\u{e9}".repeat(43),
        format!("%{:02x}{}", one.as_bytes()[0], &one[1..]),
    ] {
        if value != one {
            is_anonymous(&server, &[format!("sessiond={value}")]).await;
        }
    }
}

#[tokio::test]
async fn a_cookie_that_came_twice_is_no_cookie() {
    let server = Server::start().await;
    let good = format!("sessiond={}", credential(&server).await);
    let other = format!("sessiond={}", server.user("bob@example.com").await.credential().expect("a cookie"));
    for cookies in [
        vec![format!("{good}; {good}")],
        vec![format!("{good}; {other}")],
        vec![format!("{good}; sessiond=")],
        vec![format!("sessiond=; {good}")],
        vec![format!("{good};a=b;{good}")],
        vec![good.clone(), good.clone()],
        vec![good.clone(), other.clone()],
        vec!["a=b".to_owned(), good.clone(), "sessiond=x".to_owned()],
    ] {
        is_anonymous(&server, &cookies).await;
    }
    let among_others = ["a=b; c".to_owned(), format!("x_sessiond=1;{good} ; sessiond-flash=y")];
    ask(&server, "/probe/mine", &among_others).await.is(200);
}

#[tokio::test]
async fn nobody_is_told_that_they_are_signed_out_when_two_cookies_came() {
    let server = Server::start().await;
    let good = format!("sessiond={}", credential(&server).await);
    for method in [Method::Post, Method::Delete] {
        let twice = Ask::new(method, "/logout").header("Cookie", format!("{good}; sessiond=x"));
        let answer = server.send(twice.header("Sec-Fetch-Site", "same-origin"), [192, 0, 2, 1].into()).await;
        answer.is(400).says("You are not signed out");
    }
    ask(&server, "/probe/mine", &[good]).await.is(200);
}

#[tokio::test]
async fn asvs_3_3_3_the_name_counts_byte_for_byte() {
    let server = Server::with(On::Memory, "public_url = \"https://login.example.com\"").await;
    let value = credential(&server).await;
    for name in [
        "sessiond",
        "__%48ost-sessiond",
        "__host-sessiond",
        "__HOST-SESSIOND",
        "%5F%5FHost-sessiond",
        "__Host-sessiond ",
        "__Secure-sessiond",
        "__Secure-sessiond-proxy",
        "__Host-sessiond-flash",
        "__Host-sessiond-visitor",
    ] {
        is_anonymous(&server, &[format!("{name}={value}")]).await;
    }
    // Nor can such a name displace or double the real one.
    let both = format!("__Host-sessiond={value}; __%48ost-sessiond=evil; sessiond=evil");
    ask(&server, "/probe/mine", &[both]).await.is(200);
}

#[tokio::test]
async fn asvs_14_2_1_a_credential_counts_in_the_cookie_alone() {
    let server = Server::start().await;
    let value = credential(&server).await;
    for uri in [format!("/probe/mine?sessiond={value}"), format!("/probe/mine?token={value}&session={value}")] {
        let answer = server.send(Ask::get(uri), [192, 0, 2, 1].into()).await;
        answer.asks_to_sign_in();
    }
    for (name, value) in [
        ("Authorization", format!("Basic {value}")),
        ("X-Session", value.clone()),
        ("Set-Cookie", format!("sessiond={value}")),
        ("Cookie2", format!("sessiond={value}")),
    ] {
        let answer = server.send(Ask::get("/probe/mine").header(name, value), [192, 0, 2, 1].into()).await;
        answer.asks_to_sign_in();
    }
    assert_eq!(server.probe.ran(), 1);
}
