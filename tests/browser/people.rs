//! What people do with their own account: a second factor, a name for a device, a sign-in in a new browser.

use sessiond::domain::clock::{Clock, SystemClock};
use sessiond::domain::second_factor::TotpSecret;
use tempfile::TempDir;

use super::{Browser, Driver};
use crate::process::{EMAIL, PASSWORD, Program, Server};

fn set_up(browser: &Browser<'_>, server: &mut Server) {
    browser.open(&format!("http://{}", server.address));
    browser.write("#code", &server.code());
    browser.write("#name", "Ada Lovelace");
    browser.write("#email", EMAIL);
    browser.write("#password", PASSWORD);
    browser.click("form[action='/setup'] button");
}

fn sign_in(browser: &Browser<'_>, code: &str) {
    browser.write("#email", EMAIL);
    browser.write("#password", PASSWORD);
    browser.write("#code", code);
    browser.click("form[action='/login'] button");
}

fn account(scripts: bool) {
    let data = TempDir::new().unwrap();
    let mut server = Program::serve(data.path()).listen();
    let driver = Driver::start();
    let (first, second) = (driver.browser(scripts), driver.browser(scripts));
    let variant = if scripts { "" } else { "plain-" };
    let photograph = |browser: &Browser<'_>, name: &str| browser.photograph(&format!("{variant}{name}"));

    set_up(&first, &mut server);
    sign_in(&first, "");
    first.press(".rename summary");
    first.write(".rename input[name='name']", "Work laptop");
    photograph(&first, "account-rename");
    first.click(".rename button");
    assert!(first.text(".is-current .device-name").contains("Work laptop"));

    second.open(&format!("http://{}", server.address));
    sign_in(&second, "");
    first.click("a[href='/account']");
    assert!(
        first.text(".notice").contains("Somebody signed in to your account in a new browser"),
        "{}",
        first.text(".notice")
    );
    photograph(&first, "new-browser");
    first.click("form[action='/account/devices/acknowledge'] button");

    first.click("a[href='/account/second-factor']");
    photograph(&first, "second-factor-none");
    first.click("a[href='/account/second-factor/new']");
    let secret = TotpSecret::from_base32(&first.text(".secret").replace(' ', "")).unwrap();
    assert!(first.shows(".qr"));
    first.write("#shown", "000000");
    first.write("#password", PASSWORD);
    first.click("form[action='/account/second-factor/new'] button");
    assert!(first.text("#form-error").contains("not the code that the app should show"));
    photograph(&first, "second-factor-new");
    first.write("#shown", &secret.code(SystemClock::new().now()));
    first.write("#password", PASSWORD);
    first.click("form[action='/account/second-factor/new'] button");
    assert_eq!(first.text("h1"), "Your recovery codes");
    let codes: Vec<String> = first.text(".codes").split_whitespace().map(str::to_owned).collect();
    photograph(&first, "recovery-codes");
    first.click(".panel a[href='/account']");
    first.click("a[href='/account/second-factor']");
    photograph(&first, "second-factor");
    first.click("a[href='/account/second-factor/remove']");
    photograph(&first, "second-factor-remove");
    first.open(&format!("http://{}/account/profile", server.address));
    photograph(&first, "profile");

    // The other browser was signed out by it, and a password alone opens nothing.
    second.open(&format!("http://{}/account", server.address));
    assert_eq!(second.text("#turned-away h2"), "Your second factor was changed");
    sign_in(&second, "");
    assert!(second.text("#form-error").contains("the code is wrong"));
    photograph(&second, "login-refused");
    // The address stands there still.
    second.write("#password", PASSWORD);
    second.write("#code", codes.iter().find(|code| code.len() > 20).unwrap());
    second.click("form[action='/login'] button");
    assert!(second.text(".whoami").contains("Ada Lovelace"));
}

#[test]
fn people_look_after_their_account() {
    account(true);
}

#[test]
fn people_look_after_their_account_without_scripts() {
    account(false);
}
