//! From an application to the sign-in page and back, in a real browser: over TLS, through nginx as it is shipped, with the
//! hosts' own names, so that the browser's rules for cookies, forms and policies are those of the world.

use super::{Browser, Driver};
use crate::faults::proxy::Kind;
use crate::process::{EMAIL, PASSWORD};
use crate::protect::{SAYS, World};

const PAGE: &str = "https://app.example.com/report?a=b&c=%20d";

fn sign_in(browser: &Browser<'_>) {
    browser.write("#email", EMAIL);
    browser.write("#password", PASSWORD);
    browser.click("form[action='/login'] button");
}

/// Waits for the application's page; how the browser gets there is its own business.
#[track_caller]
fn arrives(browser: &Browser<'_>, world: &World) {
    let there = (0..300).any(|_| browser.source().contains(SAYS));
    assert!(there, "{}\n{}", browser.url(), browser.source());
    assert_eq!(browser.url(), PAGE);
    let asked = world.application.asked();
    let report = asked.iter().find(|asked| asked.line == "GET /report?a=b&c=%20d HTTP/1.1").expect("it was asked");
    assert_eq!(report.all("Remote-Email"), [EMAIL]);
    assert!(asked.iter().all(|asked| !asked.all("Cookie").concat().contains("sessiond")), "{asked:?}");
}

fn there_and_back(scripts: bool) {
    let world = World::behind(Kind::Nginx);
    let driver = Driver::start();
    let browser = driver.browser_before(world.proxy.address, scripts);
    browser.open(PAGE);
    assert_eq!(browser.text("h1"), "Sign in");
    assert!(browser.url().starts_with("https://login.example.com/login?next="), "{}", browser.url());
    sign_in(&browser);
    arrives(&browser, &world);
    // Somebody who is signed in and comes to that page all the same goes on by a press, and not in circles.
    let next = "https://login.example.com/login?next=https%3A%2F%2Fapp.example.com%2Freport%3Fa%3Db%26c%3D%2520d";
    browser.open(next);
    assert_eq!(browser.text("h1"), "You are signed in");
    browser.photograph(if scripts { "onward" } else { "plain-onward" });
    browser.click("#onward");
    arrives(&browser, &world);
    // Signed out, the application is out of reach.
    browser.open("https://login.example.com/account");
    browser.click(".whoami button");
    browser.open(PAGE);
    assert_eq!(browser.text("h1"), "Sign in");
    // It may still be asked for its picture, but not for a page.
    let asked = world.application.asked();
    assert!(asked.iter().all(|asked| !asked.line.contains("/report")), "{asked:?}");
    let complaints: Vec<_> =
        browser.complaints().into_iter().filter(|told| told.contains("Content Security Policy")).collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn signing_in_leads_back_to_the_application() {
    there_and_back(true);
}

#[test]
fn signing_in_leads_back_to_the_application_without_scripts() {
    there_and_back(false);
}
