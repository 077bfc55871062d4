//! The administrators' pages of users in a real browser: create somebody, find them, block, reset and delete them.

use tempfile::TempDir;

use super::Driver;
use crate::process::{EMAIL, PASSWORD, Program};

fn users_pages(scripts: bool) {
    let data = TempDir::new().unwrap();
    for (email, name, labels) in [
        (EMAIL, "Ada Lovelace", &["--label", "admin"][..]),
        ("grace@example.com", "Grace Hopper", &["--label", "staff", "--label", "ops"]),
        ("katherine.johnson@orbits.example.com", "Katherine Johnson", &[]),
        ("mary@example.com", "Mary Jackson", &[]),
    ] {
        let create = ["user", "create", "--email", email, "--name", name, "--password-stdin"];
        let created = Program::verb(data.path(), create).args(labels.iter().copied()).run_typing(PASSWORD);
        assert_eq!(created.code, Some(0), "{created:?}");
    }
    let server = Program::serve(data.path()).listen();
    let _grace = [
        server.client().sign_in("grace@example.com", PASSWORD),
        server.client().sign_in("grace@example.com", PASSWORD),
    ];
    let address = format!("http://{}", server.address);
    let driver = Driver::start();
    let browser = driver.browser(scripts);
    let photograph = |name: &str| {
        if scripts {
            browser.photograph(name);
        }
    };
    browser.open(&address);
    browser.write("#email", EMAIL);
    browser.write("#password", PASSWORD);
    browser.click("form[action='/login'] button");

    // A new user, with a password that is shown once.
    browser.click("a[href='/admin/users']");
    assert!(browser.text(".total").contains("4 of 4 users"), "{}", browser.text(".total"));
    browser.click("a[href='/admin/users/new']");
    browser.write("#email", "dorothy@example.com");
    browser.write("#name", "Dorothy Vaughan");
    browser.write("#labels", "staff");
    photograph("user-new");
    browser.click("form[action='/admin/users/new'] button");
    assert_eq!(browser.text("h1"), "Dorothy Vaughan is created");
    let secret = browser.text("#secret");
    assert_eq!(secret.len(), 27, "{secret}");
    photograph("user-secret");
    browser.click("a[href='/admin/users']");
    assert!(browser.text(".people").contains("One-time password"));
    assert!(!browser.source().contains(&secret));

    // Somebody is found and blocked.
    browser.write("#f-user", "grace");
    browser.click(".filter-go button");
    assert!(browser.text(".total").contains("1 of 1 matching user"), "{}", browser.text(".total"));
    browser.click(".people a.user-name");
    assert_eq!(browser.text("h1"), "Grace Hopper");
    photograph("user");
    browser.click("a[href$='/block']");
    browser.write("#note", "Left the team");
    photograph("user-block");
    browser.click("form[action$='/block'] button");
    assert!(browser.text(".notice").contains("2 sessions ended."), "{}", browser.text(".notice"));
    assert!(browser.text(".timeline").contains("The user was blocked. By Ada Lovelace."));
    photograph("user-blocked");

    // Changes that do not parse are handed back; others are made.
    browser.click("a[href$='/edit']");
    photograph("user-edit");
    browser.write("#labels", " so/so");
    browser.click("form[action$='/labels'] button");
    assert!(browser.text("#form-error").contains("A label has"));
    photograph("user-edit-refused");

    browser.open(&format!("{address}/admin/users"));
    photograph("users");
    browser.open(&format!("{address}/admin/users?user=nobody&state=locked"));
    assert!(browser.text(".empty").contains("No user matches this filter."));
    photograph("users-none");
    browser.open(&format!("{address}/admin/users?user=grace"));
    browser.click(".people a.user-name");
    browser.click("a[href$='/delete']");
    photograph("user-delete");
    browser.click("form[action$='/delete'] button");
    assert!(browser.text(".notice").contains("The user is deleted."), "{}", browser.text(".notice"));
    assert!(!browser.text(".people").contains("grace@example.com"));
    let complaints = browser.complaints();
    let serious: Vec<_> = complaints.iter().filter(|told| !told.contains("status of 422")).collect();
    assert!(serious.is_empty(), "{serious:#?}");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn users_are_created_found_blocked_and_deleted() {
    users_pages(true);
}

#[test]
fn users_are_created_found_blocked_and_deleted_without_scripts() {
    users_pages(false);
}
