//! The stock SDK of browsers, unmodified, on a page from another port, which `allowed_origins` names.

use std::fs;

use serde_json::json;

use super::{Live, Pages, Place, node_packages};
use crate::browser::Driver;

/// A page with the SDK and the script.
fn page(place: Place, live: &Live, stranger: &str) -> Pages {
    let html = format!(
        r#"<!doctype html><html lang="en"><title>The stock SDK</title>
<body data-endpoint="{}" data-stranger="{stranger}"><p id="outcome"></p><pre id="told"></pre>
<script src="/sdk.js"></script><script src="/stock.js"></script></body></html>"#,
        live.endpoint()
    );
    let sdk = fs::read(node_packages().join("appwrite/dist/iife/sdk.js")).unwrap();
    let script = include_bytes!("stock.js").to_vec();
    place.serve([("/", html.into_bytes()), ("/sdk.js", sdk), ("/stock.js", script)])
}

/// What the script says at its end, and what it has checked.
fn outcome(pages: &Pages) -> (String, String) {
    let driver = Driver::start();
    let browser = driver.browser(true);
    browser.open(&pages.url("/"));
    let outcome = browser.awaited("#outcome:not(:empty)");
    (outcome, browser.text("#told"))
}

#[test]
fn the_main_path_with_appwrite_of_npm_in_chromium() {
    let place = Place::take();
    let live = Live::with(&format!(r#"allowed_origins=["{}"]"#, place.origin()));
    live.user("bystander", "a few words in a row");
    let stranger = live.done("POST", "/users/bystander/sessions", &json!({}));
    let stranger = stranger["$id"].as_str().expect("an id");
    let pages = page(place, &live, stranger);
    let (outcome, told) = outcome(&pages);
    println!("{told}");
    assert_eq!(outcome, "passed", "after\n{told}");
    assert!(told.lines().count() >= 35, "{told}");
    assert_eq!(live.done("GET", "/users/bystander/sessions", &json!({}))["total"], 1, "the bystander was left alone");
}

#[test]
fn a_page_of_an_origin_that_is_not_allowed_reads_nothing() {
    let live = Live::start();
    let pages = page(Place::take(), &live, "");
    let (outcome, told) = outcome(&pages);
    assert_eq!(told, "", "it got an answer");
    assert!(outcome.starts_with("failed: ") && outcome.contains("Failed to fetch"), "{outcome}");
}
