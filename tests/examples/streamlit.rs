//! The sign-out button of a Streamlit application, which asks sessiond where others look into the browser's local storage.

use super::{EMAIL, Live, PASSWORD, Server, USER, application, file, sessions};
use crate::browser::{Browser, Driver};
use crate::process::Program;
use crate::sdk::python;

fn started(live: &Live) -> Server {
    let app = file("streamlit/app.py");
    let run = format!(
        "SESSIOND_COOKIE=sessiond exec '{}' -m streamlit run '{app}' --server.address 127.0.0.1 --server.port 0 \
         --server.headless true --server.fileWatcherType none --browser.gatherUsageStats false",
        python().display()
    );
    application(live, "/bin/sh".as_ref(), &["-c", &run], "URL: http://127.0.0.1:")
}

/// On the server's own page; the cookie goes to each port of that host.
fn sign_in(browser: &Browser<'_>, live: &Live, app: &Server) {
    browser.open(&format!("{}/login", live.origin()));
    browser.write("#email", EMAIL);
    browser.write("#password", PASSWORD);
    browser.click("form[action='/login'] button");
    browser.open(&format!("http://{}", app.address));
    browser.awaited(&button("Sign out"));
}

/// A button of Streamlit's, by its key in the page.
fn button(label: &str) -> String {
    format!(".st-key-{} button", label.to_lowercase().replace(' ', "-"))
}

#[track_caller]
fn assert_signed_out(browser: &Browser<'_>, live: &Live) {
    browser.awaited(&format!("a[href='{}/login']", live.origin()));
    assert!(!browser.source().contains("Hello, "), "{}", browser.source());
}

#[test]
fn a_streamlit_application_asks_sessiond_who_is_signed_in() {
    let live = Live::start();
    live.user(USER, PASSWORD);
    let app = started(&live);
    let driver = Driver::start();
    let browser = driver.browser(true);
    browser.open(&format!("http://{}", app.address));
    assert_signed_out(&browser, &live);

    sign_in(&browser, &live, &app);
    assert!(browser.source().contains("Hello, grace."));
    browser.press(&button("Sign out"));
    assert_signed_out(&browser, &live);
    assert_eq!(sessions(&live), 0);

    sign_in(&browser, &live, &app);
    live.revoke(USER);
    browser.press(&button("Look again"));
    assert_signed_out(&browser, &live);

    sign_in(&browser, &live, &app);
    let down = live.down();
    browser.press(&button("Look again"));
    browser.awaited(&button("Try again"));
    assert!(browser.source().contains("You are not signed out"));
    let live = down.up();
    assert_eq!(sessions(&live), 1, "an error signs nobody out");
    browser.press(&button("Try again"));
    browser.awaited(&button("Sign out"));
}

/// Streamlit's own harness: how often the script asks is only to be seen from inside.
#[test]
fn a_streamlit_script_asks_once_in_each_run() {
    let live = Live::start();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples/asks_once.py");
    let program = Program::at(&python(), live.data()).arg(script).arg(file("streamlit/app.py"));
    live.run(program.env("SESSIOND_URL", &live.origin()).env("HOME", &live.data().display().to_string())).checked(6);
}
