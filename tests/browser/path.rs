//! Set up, sign in on two browsers, end one from the other, be turned away, go back and see nothing.

use tempfile::TempDir;

use super::{Browser, Driver};
use crate::process::{EMAIL, PASSWORD, Program, Server};

const NOTE: &str = "Laptop lost on the train";

/// Where the path is.
struct Place {
    address: String,
    /// Whether the pages' scripts run; also the pictures' name.
    scripts: bool,
}

impl Place {
    fn photograph(&self, browser: &Browser<'_>, name: &str) {
        let variant = if self.scripts { "" } else { "plain-" };
        browser.photograph(&format!("{variant}{name}"));
    }

    fn path(&self, browser: &Browser<'_>) -> String {
        let url = browser.url();
        url.strip_prefix(&self.address).unwrap_or(&url).to_owned()
    }

    fn set_up(&self, browser: &Browser<'_>, server: &mut Server) {
        browser.open(&self.address);
        assert_eq!(browser.text("h1"), "Set up sessiond");
        assert_eq!(self.path(browser), "/setup");
        browser.write("#code", &server.code());
        browser.write("#name", "Ada Lovelace");
        browser.write("#email", EMAIL);
        browser.write("#password", PASSWORD);
        self.photograph(browser, "setup");
        browser.click("form[action='/setup'] button");
        assert!(browser.text(".notice").contains("The first administrator is created"));
        assert_eq!(self.path(browser), "/login");
    }

    fn sign_in(&self, browser: &Browser<'_>) {
        browser.write("#email", EMAIL);
        browser.write("#password", PASSWORD);
        browser.click("form[action='/login'] button");
        assert!(browser.text(".whoami").contains("Ada Lovelace"));
        assert_eq!(self.path(browser), "/account");
    }

    /// What somebody reads who has forgotten their password.
    fn look_for_help(&self, browser: &Browser<'_>) {
        browser.click("a[href='/login/forgotten']");
        assert_eq!(browser.text("h1"), "Forgotten your password?");
        assert!(browser.text("main").contains("Ask an administrator"));
        self.photograph(browser, "forgotten");
        browser.click("main a[href='/login']");
        assert_eq!(browser.text("h1"), "Sign in");
    }

    /// An API key is created, shown once, listed and revoked.
    fn keys(&self, browser: &Browser<'_>) {
        browser.click("a[href='/admin/keys']");
        assert!(browser.text(".empty").contains("no API key yet"));
        self.photograph(browser, "keys-none");
        browser.click("a[href='/admin/keys/new']");
        browser.write("#name", "Nightly report");
        browser.press("[name='scope'][value='sessions.read']");
        self.photograph(browser, "key-new");
        browser.click("form[action='/admin/keys/new'] button");
        assert!(browser.text("#secret").starts_with("sessiond_"));
        self.photograph(browser, "key-secret");
        browser.click("a[href='/admin/keys']");
        assert!(browser.text("table").contains("Nightly report"));
        self.photograph(browser, "keys");
        browser.click(".keys .btn");
        self.photograph(browser, "key-revoke");
        browser.click("form[action$='/revoke'] button");
        assert!(browser.text(".notice").contains("The API key is revoked."));
        assert!(browser.text("table").contains("Revoked"));
        self.photograph(browser, "keys-revoked");
    }

    /// A new password: not one that follows the keyboard.
    fn change_password(&self, browser: &Browser<'_>) {
        let change = |password: &str| {
            browser.write("#password", PASSWORD);
            browser.write("#new-password", password);
            browser.write("#new-password-again", password);
            browser.click("form[action='/account/password'] button");
        };
        browser.click("a[href='/account']");
        browser.click("a[href='/account/password']");
        assert_eq!(browser.text("h1"), "Change your password");
        self.photograph(browser, "password");
        change("qwertyuiop1234567");
        assert!(browser.text("#form-error").contains("runs along the keyboard"));
        self.photograph(browser, "password-refused");
        change("seven brave otters juggle");
        assert!(browser.text(".notice").contains("Your password is changed."), "{}", browser.text(".notice"));
        assert_eq!(self.path(browser), "/account");
        self.photograph(browser, "password-done");
    }

    /// The page that whoever was turned away lands on.
    fn assert_turned_away(&self, browser: &Browser<'_>, title: &str) {
        assert_eq!(browser.text("#turned-away h2"), title);
        assert!(self.path(browser).starts_with("/login"), "{}", browser.url());
        assert_nothing_shown(browser);
    }
}

/// Nothing that only a signed-in person may see, hidden or not.
#[track_caller]
fn assert_nothing_shown(browser: &Browser<'_>) {
    browser.text("h1");
    let source = browser.source();
    for secret in ["Signed in as", EMAIL, "Ada Lovelace", NOTE, "This device"] {
        assert!(!source.contains(secret), "`{secret}` is on {}:\n{source}", browser.url());
    }
}

#[track_caller]
fn assert_no_complaints(browser: &Browser<'_>) {
    // A refused password is a 401, one that will not do a 422 and a filter that means nobody a 400, which the browser notes as well.
    let complaints = browser.complaints();
    let noted =
        |told: &&String| !["401", "422", "400"].iter().any(|status| told.contains(&format!("status of {status}")));
    let serious: Vec<_> = complaints.iter().filter(noted).collect();
    assert!(serious.is_empty(), "{serious:#?}");
}

fn whole_path(scripts: bool) {
    let data = TempDir::new().unwrap();
    let mut server = Program::serve(data.path()).listen();
    let place = Place { address: format!("http://{}", server.address), scripts };
    let driver = Driver::start();
    let (first, second) = (driver.browser(scripts), driver.browser(scripts));

    place.set_up(&first, &mut server);
    place.photograph(&first, "login");
    place.look_for_help(&first);
    place.sign_in(&first);
    second.open(&place.address);
    place.sign_in(&second);
    place.photograph(&second, "account");

    // The list knows both; only the other one can be ended from here.
    first.click("a[href='/admin/sessions']");
    assert!(first.text(".total").contains("2 of 2 sessions"), "{}", first.text(".total"));
    assert_eq!(first.shows(".bulk-all"), scripts, "the box that needs a script shows if there are scripts");
    place.photograph(&first, "sessions");
    // What narrows the list stays in sight, and the list goes on from there.
    assert!(!first.shows("#f-device"));
    first.press(".filter-more summary");
    first.write("#f-device", "linux");
    first.click(".filter-go button");
    assert!(first.text(".total").contains("2 of 2 matching sessions"), "{}", first.text(".total"));
    assert!(first.shows("#f-device"));
    let since = "device=linux&created_from=2020-01-02T03:04Z&direction=asc";
    first.open(&format!("{}/admin/sessions?{since}", place.address));
    assert!(first.text(".total").contains("2 of 2 matching sessions"), "{}", first.text(".total"));
    place.photograph(&first, "sessions-filtered");
    first.write("#note", NOTE);
    first.click("button[name='only']");
    assert!(first.text(".notice").contains("1 session ended."), "{}", first.text(".notice"));

    // Its next click is turned away with the reason, without the note, and Back shows nothing.
    second.click("a[href='/admin/sessions']");
    place.assert_turned_away(&second, "An administrator ended your session");
    place.photograph(&second, "turned-away");
    second.back();
    assert_nothing_shown(&second);
    second.open(&place.address);
    place.sign_in(&second);

    // Everyone's but mine: not without the password.
    first.open(&format!("{}/admin/sessions?status=ended", place.address));
    assert!(first.text("table").contains(NOTE));
    place.photograph(&first, "sessions-ended");
    // The log tells of it, to whom and why.
    first.click("a[href='/admin/audit']");
    assert!(first.text("table").contains(NOTE), "{}", first.text("table"));
    assert!(!first.shows("#f-actor"));
    place.photograph(&first, "audit");
    first.press(".filter-more summary");
    first.press("[name='action'][value='session.end']");
    first.click(".filter-go button");
    assert!(first.text(".total").contains("1 matching event"), "{}", first.text(".total"));
    assert!(first.shows("#f-actor"), "what narrows the log stays in sight");
    place.photograph(&first, "audit-filtered");
    first.open(&format!("{}/admin/audit?user=nobody&from=2026-01-02T03:04", place.address));
    assert!(first.text(".empty").contains("No event matches this filter"));
    place.photograph(&first, "audit-nothing");
    first.open(&format!("{}/admin/audit?actor=nobody@example.com", place.address));
    place.photograph(&first, "audit-error");
    first.open(&format!("{}/admin/sessions?status=ended", place.address));
    first.click("a[href='/admin/sessions/everyone']");
    first.write("#password", "not the password at all");
    first.click("form[action='/admin/sessions/everyone'] button");
    assert!(first.text("#form-error").contains("Nothing was ended"));
    place.photograph(&first, "everyone-refused");
    second.click("a[href='/account']");
    assert!(second.text(".whoami").contains("Ada Lovelace"));
    first.write("#password", PASSWORD);
    first.click("form[action='/admin/sessions/everyone'] button");
    assert!(
        first.text(".notice").contains("Everyone else is signed out: 1 session ended."),
        "{}",
        first.text(".notice")
    );
    place.photograph(&first, "everyone-done");
    second.click("a[href='/admin/sessions']");
    place.assert_turned_away(&second, "An administrator ended your session");

    place.keys(&first);
    place.change_password(&first);

    // Signed out, Back shows nothing, from the browser's memory or not.
    first.click("a[href='/account']");
    assert!(first.text(".whoami").contains("Ada Lovelace"));
    first.click(".whoami button");
    assert!(first.text(".notice").contains("You are signed out."));
    place.photograph(&first, "signed-out");
    for _ in 0..2 {
        first.back();
        assert_nothing_shown(&first);
    }

    assert_no_complaints(&first);
    assert_no_complaints(&second);
}

#[test]
fn asvs_14_3_1_the_whole_path_in_two_browsers() {
    whole_path(true);
}

#[test]
fn the_whole_path_without_scripts() {
    whole_path(false);
}
