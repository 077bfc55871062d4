//! Sign in, be let in, be turned away.

use super::application::{Asked, SAYS};
use super::visitor::{APP, LOGIN, MAIN, PROXY, Visitor, decoded};
use super::world::World;
use crate::faults::proxy::Kind;
use crate::process::EMAIL;

/// A test by either proxy.
macro_rules! behind_both {
    ($($test:ident),+ $(,)?) => {
        mod nginx {$(
            #[test]
            fn $test() {
                super::$test(super::World::behind(super::Kind::Nginx));
            }
        )+}
        mod caddy {$(
            #[test]
            fn $test() {
                super::$test(super::World::behind(super::Kind::Caddy));
            }
        )+}
    };
}
pub(super) use behind_both;

behind_both! {
    who_is_signed_out_gets_to_the_sign_in_page_and_back,
    asvs_4_1_3_the_application_learns_who_it_is_and_nothing_that_a_client_says_of_itself,
    the_application_gets_every_cookie_but_ours,
    bodies_pass_and_their_length_is_right,
    asvs_7_1_3_a_revoke_is_seen_on_the_next_request_of_the_same_connection,
    asvs_7_4_1_after_kill_9_a_revoked_session_stays_out_and_while_sessiond_is_down_everybody_does,
}

/// What every test begins with.
pub fn signed_in(world: &World) -> Visitor {
    let mut ada = world.visitor();
    let page = ada.sign_in("/login?next=https%3A%2F%2Fapp.example.com%2F");
    assert!(page.body.contains("You are signed in"), "{page:?}");
    ada
}

/// The one request that the application has seen.
#[track_caller]
fn one(world: &World) -> Asked {
    let mut asked = world.application.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    asked.remove(0)
}

#[track_caller]
fn is_sent_to_sign_in(answer: &crate::process::Answer, back: &str) {
    assert_eq!(answer.status, 302, "{answer:?}");
    let next = answer.location().strip_prefix("https://login.example.com/login?next=");
    assert_eq!(next.map(decoded).as_deref(), Some(back), "{answer:?}");
}

fn who_is_signed_out_gets_to_the_sign_in_page_and_back(world: World) {
    let mut ada = world.visitor();
    let refused = ada.get(APP, "/report?from=1&to=2%20x");
    is_sent_to_sign_in(&refused, "https://app.example.com/report?from=1&to=2%20x");
    assert!(world.application.asked().is_empty(), "the application has seen it");
    let page = ada.sign_in(refused.location().strip_prefix("https://login.example.com").unwrap());
    let back = "<meta http-equiv=\"refresh\" content=\"0; url=https:&#x2F;&#x2F;app.example.com&#x2F;report?from=1&amp;to=2%20x\">";
    assert!(page.body.contains(back), "{page:?}");
    let answer = ada.get(APP, "/report?from=1&to=2%20x");
    assert!(answer.status == 200 && answer.body.contains(SAYS), "{answer:?}");
    assert_eq!(one(&world).line, "GET /report?from=1&to=2%20x HTTP/1.1");
    // The host of the pages' cookie is theirs alone, and what the application sees opens nothing there.
    assert!(ada.cookies(LOGIN).contains(MAIN) && !ada.cookies(APP).contains(MAIN));
    // Signing out anywhere is signing out here.
    let token = ada.get(LOGIN, "/account").form_token().unwrap();
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let mut line = ada.connect(LOGIN);
    let copied = ada.clone();
    let out = ada.send(&mut line, "POST", "/logout", kind, &crate::process::form(&token, &[("scope", "this")]));
    assert_eq!((out.status, ada.cookie(PROXY)), (303, None), "{out:?}");
    is_sent_to_sign_in(&ada.get(APP, "/"), "https://app.example.com/");
    is_sent_to_sign_in(&copied.clone().get(APP, "/"), "https://app.example.com/");
}

fn asvs_4_1_3_the_application_learns_who_it_is_and_nothing_that_a_client_says_of_itself(world: World) {
    let mut ada = signed_in(&world);
    let forged = "Remote-User: root\r\nREMOTE-USER: root\r\nremote_user: root\r\nRemote_Name: root\r\nRemote-Name: root\r\n\
                  Remote-Email: root\r\nRemote-Groups: root\r\nRemote_Groups: root\r\nX-Forwarded-User: me\r\n\
                  X-Forwarded-For: 203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n\
                  Authorization: Bearer its-own\r\n";
    let mut line = ada.connect(APP);
    for headers in ["", forged] {
        let answer = ada.send(&mut line, "GET", "/", headers, "");
        assert_eq!(answer.status, 200, "{answer:?}");
        let asked = one(&world);
        let told = ["Remote-Name", "Remote-Email", "Remote-Groups"].map(|name| asked.all(name));
        assert_eq!(told, [["Ada"], [EMAIL], ["admin"]], "{asked:?}");
        assert!(asked.all("Remote-User").len() == 1 && !asked.all("Remote-User").contains(&"root"), "{asked:?}");
        for name in ["X-Forwarded-For", "X-Real-IP", "Forwarded"] {
            assert!(!asked.all(name).concat().contains("203.0.113.9"), "{name}: {asked:?}");
        }
        let own = if headers.is_empty() { vec![] } else { vec!["Bearer its-own"] };
        assert_eq!(asked.all("Authorization"), own, "the application's own business");
    }
    // Nor does it help whoever is signed out, nor does another way to the door.
    let mut nobody = world.visitor();
    is_sent_to_sign_in(&nobody.send(&mut nobody.connect(APP), "GET", "/", forged, ""), "https://app.example.com/");
    for path in ["/-/verify", "/verify", "/verify?label=admin"] {
        let answer = nobody.send(&mut nobody.connect(APP), "GET", path, forged, "");
        assert!(matches!(answer.status, 302 | 404), "{path}: {answer:?}");
    }
    // Nor does the application decide where people come back to.
    let elsewhere = "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Uri: /evil\r\n";
    let answer = nobody.send(&mut nobody.connect(APP), "GET", "/mine", elsewhere, "");
    is_sent_to_sign_in(&answer, "https://app.example.com/mine");
    assert!(world.application.asked().is_empty());
}

fn the_application_gets_every_cookie_but_ours(world: World) {
    let mut ada = signed_in(&world);
    let (proxy, main) = (ada.cookies(APP), format!("{MAIN}=x"));
    assert!(proxy.starts_with(&format!("{PROXY}=p.")) && !proxy.contains(';'), "{proxy}");
    let mut line = ada.connect(APP);
    // The visitor's own header is put aside: each of these is a whole one.
    let mut bare = world.visitor();
    for (cookies, left) in [
        (proxy.clone(), vec![]),
        (format!("a=1; {proxy}"), vec!["a=1"]),
        (format!("{proxy}; a=1"), vec!["a=1"]),
        (format!("a=1; {proxy}; b=2"), vec!["a=1", "b=2"]),
        (format!("a=1;{proxy};b=2"), vec!["a=1", "b=2"]),
        (format!("a=1;\t{proxy}; {main}; b=2"), vec!["a=1", "b=2"]),
        (format!("{main}; {proxy}"), vec![]),
        (
            format!("x{main}; {proxy}; sessiond-like=1; y=__Host-sessiond"),
            vec!["x__Host-sessiond=x", "sessiond-like=1", "y=__Host-sessiond"],
        ),
    ] {
        let answer = bare.send(&mut line, "GET", "/", &format!("Cookie: {cookies}\r\n"), "");
        assert_eq!(answer.status, 200, "{cookies}: {answer:?}");
        let asked = one(&world);
        let sent = asked.all("cookie").join(";");
        let sent: Vec<_> = sent.split(';').map(str::trim).filter(|cookie| !cookie.is_empty()).collect();
        assert_eq!(sent, left, "{cookies}");
        let all = format!("{asked:?}");
        assert!(!all.contains(proxy.split_once('=').unwrap().1), "{all}");
    }
    // One that came twice is none.
    let twice = format!("Cookie: {proxy}; {proxy}\r\n");
    is_sent_to_sign_in(&bare.send(&mut line, "GET", "/", &twice, ""), "https://app.example.com/");
    assert!(ada.get(APP, "/").status == 200 && one(&world).all("cookie").concat().is_empty());
}

fn bodies_pass_and_their_length_is_right(world: World) {
    let mut ada = signed_in(&world);
    let mut line = ada.connect(APP);
    for (method, body) in [
        ("POST", "a=1&b=2".to_owned()),
        ("PUT", "x".repeat(100_000)),
        ("POST", "_method=delete&csrf=x".to_owned()),
        ("DELETE", String::new()),
        ("PATCH", "{\"a\":1}".to_owned()),
        ("OPTIONS", String::new()),
    ] {
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let answer = ada.send(&mut line, method, "/pay", kind, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let asked = one(&world);
        assert_eq!(asked.line, format!("{method} /pay HTTP/1.1"));
        assert!(asked.body == body.as_bytes() && asked.all("Remote-Email") == [EMAIL], "{method}");
    }
    // Whoever is signed out gets back to the start, since a form cannot be sent by going there.
    let mut nobody = world.visitor();
    let mut line = nobody.connect(APP);
    let refused = nobody.send(&mut line, "POST", "/pay", "", "a=1");
    is_sent_to_sign_in(&refused, "https://app.example.com/");
    assert!(world.application.asked().is_empty());
}

fn asvs_7_1_3_a_revoke_is_seen_on_the_next_request_of_the_same_connection(world: World) {
    let (mut ada, mut other) = (signed_in(&world), signed_in(&world));
    let (mut line, mut others) = (ada.connect(APP), other.connect(APP));
    for _ in 0..3 {
        assert_eq!(ada.send(&mut line, "GET", "/", "", "").status, 200);
        assert_eq!(other.send(&mut others, "GET", "/", "", "").status, 200);
    }
    assert_eq!(world.application.asked().len(), 6);
    world.revoke(&ada.session());
    is_sent_to_sign_in(&ada.send(&mut line, "GET", "/", "", ""), "https://app.example.com/");
    assert!(world.application.asked().is_empty(), "the application has seen it");
    is_sent_to_sign_in(&ada.send(&mut line, "POST", "/", "", "a=1"), "https://app.example.com/");
    assert_eq!(other.send(&mut others, "GET", "/", "", "").status, 200);
    // And the sign-in page says why.
    let page = ada.get(LOGIN, "/login?next=https%3A%2F%2Fapp.example.com%2F");
    assert!(page.body.contains("An administrator ended your session"), "{page:?}");
}

fn asvs_7_4_1_after_kill_9_a_revoked_session_stays_out_and_while_sessiond_is_down_everybody_does(world: World) {
    let (mut ada, mut other) = (signed_in(&world), signed_in(&world));
    world.revoke(&ada.session());
    let halted = world.kill();
    for visitor in [&mut ada, &mut other] {
        let answer = visitor.get(APP, "/");
        assert!(answer.status >= 500 && !answer.body.contains(SAYS), "{answer:?}");
    }
    assert!(halted.application.asked().is_empty(), "the application has seen it");
    let world = halted.start();
    is_sent_to_sign_in(&ada.get(APP, "/"), "https://app.example.com/");
    assert_eq!(other.get(APP, "/").status, 200);
    assert_eq!(world.application.asked().len(), 1);
}
