//! `deleteSession` and `deleteSessions` of Appwrite's SDK, in a page.

use std::fs;

use serde_json::json;

use super::{EMAIL, Live, PASSWORD, USER, file, sessions};
use crate::browser::{Browser, Driver};
use crate::sdk::{Pages, Place, node_packages};

/// The example's folder, with the address of this server.
fn pages(place: Place, live: &Live) -> Pages {
    let html = fs::read_to_string(file("appwrite-web/index.html")).unwrap();
    let there = "http://127.0.0.1:8000/v1";
    assert!(html.contains(there), "the page names the server's address");
    let read = |path: String| fs::read(path).unwrap();
    place.serve([
        ("/", html.replace(there, &live.endpoint()).into_bytes()),
        ("/app.js", read(file("appwrite-web/app.js"))),
        (
            "/node_modules/appwrite/dist/iife/sdk.js",
            fs::read(node_packages().join("appwrite/dist/iife/sdk.js")).unwrap(),
        ),
    ])
}

fn sign_in(browser: &Browser<'_>) {
    browser.awaited("#sign-in:not([hidden])");
    browser.write("#email", EMAIL);
    browser.write("#password", PASSWORD);
    browser.press("#sign-in button");
    browser.awaited("#account:not([hidden])");
    assert_eq!(browser.text("#name"), USER);
}

#[track_caller]
fn assert_signed_out(browser: &Browser<'_>) {
    browser.awaited("#sign-in:not([hidden])");
    assert_eq!(browser.text("#told"), "You are signed out.");
    assert!(!browser.shows("#account"), "{}", browser.source());
}

#[test]
fn the_stock_sdk_in_a_page_signs_out_in_each_way() {
    let place = Place::take();
    let live = Live::with(&format!(r#"allowed_origins=["{}"]"#, place.origin()));
    live.user(USER, PASSWORD);
    let pages = pages(place, &live);
    let driver = Driver::start();
    let browser = driver.browser(true);
    browser.open(&pages.url("/"));
    assert_signed_out(&browser);

    sign_in(&browser);
    let other = live.done("POST", "/users/grace/sessions", &json!({}));
    browser.press("#look");
    let row = format!("[data-id='{}']", other["$id"].as_str().expect("an id"));
    browser.awaited(&row);
    browser.press(&format!("{row} button"));
    browser.awaited("#sessions li:only-child");
    assert_eq!(sessions(&live), 1, "by its id");

    browser.press("#sign-out");
    assert_signed_out(&browser);
    assert_eq!(sessions(&live), 0, "the current one");

    live.done("POST", "/users/grace/sessions", &json!({}));
    sign_in(&browser);
    browser.press("#sign-out-everywhere");
    assert_signed_out(&browser);
    assert_eq!(sessions(&live), 0, "all of them");

    sign_in(&browser);
    live.revoke(USER);
    browser.press("#look");
    assert_signed_out(&browser);

    sign_in(&browser);
    let down = live.down();
    browser.press("#sign-out");
    let told = browser.awaited("#told:not(:empty)");
    assert!(told.starts_with("That did not work, and nothing is known to have changed"), "{told}");
    assert!(browser.shows("#account"), "an error signs nobody out");
    let live = down.up();
    assert_eq!(sessions(&live), 1);
    browser.press("#sign-out");
    assert_signed_out(&browser);
}
