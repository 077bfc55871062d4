//! Text stays text: markup in any field of any page comes out escaped.

use std::collections::BTreeSet;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use sessiond::domain::ending::Actor;
use sessiond::domain::second_factor::TotpSecret;
use sessiond::service::sessions::Order;

use crate::harness::{Answer, Ask, On, PASSWORD, Person, Server};

const EVIL: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}{% raw %}&amp;";
const NAME: &str = "Eve <script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}";
/// What the grammar of addresses lets through.
const EMAIL: &str = "o'neil&co{{7*7}}/x`=@example.com";

/// The templates that must have been seen.
const PAGES: [&str; 30] = [
    "account",
    "account_password",
    "account_profile",
    "admin_audit",
    "admin_everyone",
    "admin_key_new",
    "admin_key_revoke",
    "admin_key_secret",
    "admin_keys",
    "admin_sessions",
    "admin_user",
    "admin_user_edit",
    "admin_user_end",
    "admin_user_new",
    "admin_user_secret",
    "admin_user_verb",
    "admin_users",
    "choose_password",
    "confirm",
    "error",
    "login",
    "login_forgotten",
    "logout",
    "onward",
    "recovery_codes",
    "second_factor",
    "second_factor_ask",
    "second_factor_new",
    "setup",
    "unconfirmed",
];

#[derive(Default)]
struct Crawl {
    seen: BTreeSet<&'static str>,
}

impl Crawl {
    /// Looks at one page for what would run.
    #[track_caller]
    fn look(&mut self, template: &'static str, answer: &Answer) {
        assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{}", answer.shown());
        let body = &answer.body;
        for bad in [
            "<script>",
            "<img",
            "onerror=alert(1)>",
            "\"'>",
            "style=\"",
            "javascript:",
            "{{",
            "{%",
            ">49<",
            "49@",
            "co49",
        ] {
            // What was typed may stand there as text, with its own braces, but with no markup.
            let escaped = bad.starts_with('{') && body.contains("7*7");
            assert!(escaped || !body.contains(bad), "{template} contains {bad}\n{body}");
        }
        for handler in [" onclick=", " onload=", " onerror=\"", " onsubmit="] {
            assert!(!body.contains(handler), "{template} contains {handler}\n{body}");
        }
        assert!(body.starts_with("<!doctype html>") && body.trim_end().ends_with("</html>"), "{template}\n{body}");
        self.seen.insert(template);
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// Somebody whose name, address and browser are all markup.
async fn evil<'s>(server: &'s Server, labels: &[sessiond::domain::user::Label]) -> Person<'s> {
    server.create_named(EMAIL, NAME, labels).await;
    server.anonymous().using(EVIL).signed_in(EMAIL).await
}

#[tokio::test]
async fn asvs_3_2_2_markup_in_any_field_of_any_page_stays_text() {
    let forgotten = format!(
        "forgotten_password = {{ text = {EVIL:?}, link = {:?} }}",
        format!("https://x/{EVIL}").replace(' ', "")
    );
    let settings = format!("{forgotten}\nallowed_origins = [\"https://app.example.com\"]");
    let server = Server::with(On::Memory, &settings).await;
    let mut crawl = Crawl::default();
    let code = server.service.offer_setup().await.expect("the store answers").expect("a code");
    strangers(&server, &mut crawl, &code).await;
    let mut eve = evil(&server, &[]).await;
    let elsewhere = evil(&server, &[]).await;
    users(&server, &mut crawl, &mut eve, elsewhere).await;
    administrators(&server, &mut crawl).await;
    assert_eq!(crawl.seen, PAGES.into_iter().collect(), "every template was seen");
    let there: BTreeSet<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/pages"))
        .expect("the templates")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().replace(".html.tera", ""))
        .collect();
    assert_eq!(there, PAGES.into_iter().map(str::to_owned).collect(), "this test knows every template");
}

async fn strangers(server: &Server, crawl: &mut Crawl, code: &str) {
    let mut eve = server.anonymous().using(EVIL);
    let typed = [("code", EVIL), ("name", EVIL), ("email", EVIL), ("password", EVIL)];
    crawl.look("setup", &eve.fill("/setup", "/setup", &typed).await);
    let typed = [("code", code), ("name", EVIL), ("email", EVIL), ("password", PASSWORD)];
    crawl.look("setup", &eve.fill("/setup", "/setup", &typed).await);
    crawl.look("setup", &eve.send(Ask::post("/setup").form(typed)).await);
    server.create("somebody@example.com", &[]).await;
    crawl.look("setup", eve.get("/setup").await.says("Setup is done"));

    crawl.look("login", &eve.get(&format!("/login?next={}", encoded(EVIL))).await);
    crawl.look("login", &eve.get(&format!("/login?next=/{}", encoded(EVIL))).await);
    let typed = [("email", EVIL), ("password", EVIL), ("next", EVIL), ("remember", "on")];
    crawl.look("login", eve.fill("/login", "/login", &typed).await.is(401));
    crawl.look("login", eve.send(Ask::post("/login").form(typed)).await.is(403));
    crawl.look("login_forgotten", eve.get("/login/forgotten").await.says(EVIL));
    for uri in [format!("/{}", encoded(EVIL)), format!("/x?{}={}", encoded(EVIL), encoded(EVIL))] {
        crawl.look("error", eve.get(&uri).await.is(404));
        crawl.look("error", eve.send(Ask::post(uri).form([(EVIL, EVIL)])).await.is(403));
    }
}

async fn users(server: &Server, crawl: &mut Crawl, eve: &mut Person<'_>, mut elsewhere: Person<'_>) {
    crawl.look("account", eve.get("/account").await.says(NAME).says(EMAIL).says(EVIL));
    elsewhere.sign_out().await;
    crawl.look("account", eve.get("/account").await.says("Recently ended 1"));
    crawl.look("account_password", eve.get("/account/password").await.says(NAME));
    let typed = [("password", EVIL), ("new_password", EVIL), ("new_password_again", EVIL)];
    crawl.look("account_password", eve.fill("/account/password", "/account/password", &typed).await.is(401));
    let profile = "/account/profile";
    crawl.look("account_profile", eve.get(profile).await.says(NAME));
    let page = eve.fill(profile, profile, &[("name", EVIL), ("email", EVIL)]).await;
    crawl.look("account_profile", page.is(422));
    let own = eve.session().await;
    let form = eve.get("/account").await.form(&format!("/account/sessions/{own}/name"));
    eve.submit(form.fill(&[("name", "<script>alert(1)</script>\"'>")])).await.goes_to("/account");
    crawl.look("account", eve.get("/account").await.says("<script>alert(1)</script>"));
    second_factor(server, crawl, eve).await;
    one_time(server, crawl, eve).await;
    crawl.look("logout", eve.get("/logout").await.says(NAME));
    let evil = format!("https://app.example.com/'{{{{7*7}}}}&quot;;url={}", encoded(EVIL));
    crawl.look("onward", eve.get(&format!("/login?next={}", encoded(&evil))).await.says("You are signed in"));
    crawl.look("error", eve.get("/admin/sessions").await.is(403));
    crawl.look("error", eve.get(&format!("/account/sessions/{}", encoded(EVIL))).await.is(404));
    let form = [("scope", EVIL), (EVIL, EVIL), ("note", EVIL)];
    let own = Ask::post("/account/sessions/end").form(form).header("Sec-Fetch-Site", "same-origin");
    let stale = eve.send(own).await;
    crawl.look("error", &stale);
    assert_eq!(stale.form("/account/sessions/end").field(EVIL), Some(EVIL), "{}", stale.shown());

    let form = eve.get("/logout").await.form("/logout");
    server.faults().fail_writes(true);
    crawl.look("unconfirmed", eve.submit(form).await.is(503));
    server.faults().fail_writes(false);
}

async fn second_factor(server: &Server, crawl: &mut Crawl, eve: &mut Person<'_>) {
    let (here, new, remove) = ("/account/second-factor", "/account/second-factor/new", "/account/second-factor/remove");
    crawl.look("second_factor", &eve.get(here).await);
    crawl.look("second_factor_new", &eve.get(new).await);
    let typed = [("shown", EVIL), ("password", EVIL)];
    crawl.look("second_factor_new", eve.fill(new, new, &typed).await.is(422));
    let page = eve.get(new).await;
    let secret = page.form(new).field("secret").and_then(TotpSecret::from_base32).expect("a secret");
    let shown = secret.code(server.now());
    let page = eve.submit(page.form(new).fill(&[("shown", &shown), ("password", PASSWORD)])).await;
    crawl.look("recovery_codes", page.is(200));
    crawl.look("second_factor", &eve.get(here).await);
    crawl.look("second_factor_ask", eve.get(remove).await.says(NAME));
    let typed = [("password", EVIL), ("code", EVIL)];
    crawl.look("second_factor_ask", eve.fill(remove, remove, &typed).await.is(401));
    server.pass(std::time::Duration::from_mins(10));
    let code = secret.code(server.now());
    let end = "/account/sessions/end";
    let form = eve.get("/account").await.form(end).fill(&[("scope", "others")]);
    crawl.look("confirm", eve.submit(form).await.is(401));
    eve.fill(remove, remove, &[("password", PASSWORD), ("code", &code)]).await.goes_to(here);
}

/// Back in by a password for one use.
async fn one_time(server: &Server, crawl: &mut Crawl, eve: &mut Person<'_>) {
    let user = server.service.named(EMAIL).await.expect("the store answers").expect("a user");
    let order = Order { by: Actor::Operator, note: None, from: None };
    let (one_time, _) = server.service.reset_password(&user, &order).await.expect("it is reset");
    let page = eve.sign_in(EMAIL, &one_time.secret).await;
    crawl.look("choose_password", page.is(200));
    let choice = "/login/password";
    let page = eve.submit(page.form(choice).fill(&[("new_password", EVIL), ("new_password_again", "")])).await;
    crawl.look("choose_password", page.is(422));
    let new = "seven brave otters juggle";
    let fields = [("new_password", new), ("new_password_again", new)];
    eve.submit(page.form(choice).fill(&fields)).await.goes_to("/account");
}

async fn administrators(server: &Server, crawl: &mut Crawl) {
    let victim = server.create_named("victim@example.com", NAME, &[]).await.expect("a new user");
    let mut ended = server.anonymous().using(EVIL).signed_in("victim@example.com").await;
    let id = ended.session().await.to_string();
    let label = sessiond::domain::user::Label::admin();
    server.create_named("root&'@example.com", NAME, &[label]).await;
    let mut root = server.anonymous().using(EVIL).signed_in("root&'@example.com").await;

    let page = root.get("/admin/sessions").await;
    crawl.look("admin_sessions", page.is(200).says(NAME).says(EMAIL));
    let form = page.form("/admin/sessions/end").fill(&[("only", &id), ("note", EVIL), ("back", EVIL)]);
    root.submit(form).await.goes_to("/admin/sessions");
    crawl.look("admin_sessions", root.get("/admin/sessions?status=any").await.says(EVIL));
    for field in ["user", "address", "status", "order", "cursor"] {
        let page = root.get(&format!("/admin/sessions?{field}={}&x={}", encoded(EVIL), encoded(EVIL))).await;
        crawl.look("admin_sessions", page.is(if field == "user" { 200 } else { 400 }));
    }

    crawl.look("admin_audit", root.get("/admin/audit").await.is(200).says(NAME).says(EVIL));
    for field in
        ["user", "actor", "target", "action", "outcome", "from", "to", "address", "session", "direction", "cursor"]
    {
        let page = root.get(&format!("/admin/audit?{field}={}&x={}", encoded(EVIL), encoded(EVIL))).await;
        crawl.look("admin_audit", page.is(400));
    }

    let path = format!("/admin/users/{}/end", victim.id);
    crawl.look("admin_user_end", root.get(&path).await.says(NAME));
    let long = EVIL.repeat(5);
    let page = root.fill(&path, &path, &[("note", &long)]).await;
    crawl.look("admin_user_end", page.is(422));
    assert_eq!(page.form(&path).field("note"), Some(long.as_str()));
    let everyone = "/admin/sessions/everyone";
    crawl.look("admin_everyone", &root.get(everyone).await);
    let page = root.fill(everyone, everyone, &[("note", EVIL), ("password", EVIL)]).await;
    crawl.look("admin_everyone", page.is(401));
    assert_eq!(page.form(everyone).field("note"), Some(EVIL));
    crawl.look("login", ended.open("/account").await.says("An administrator ended your session"));
    people(server, crawl, &mut root, victim.id.as_str()).await;
}

async fn people(server: &Server, crawl: &mut Crawl, root: &mut Person<'_>, id: &str) {
    crawl.look("admin_users", root.get("/admin/users").await.says(NAME).says(EMAIL));
    for field in ["user", "state", "cursor"] {
        let page = root.get(&format!("/admin/users?{field}={}&x={}", encoded(EVIL), encoded(EVIL))).await;
        crawl.look("admin_users", page.is(if field == "user" { 200 } else { 400 }));
    }
    let page = format!("/admin/users/{id}");
    crawl.look("admin_user", root.get(&page).await.says(NAME).says(EVIL));
    let (edit, verb) = (format!("{page}/edit"), format!("{page}/password"));
    crawl.look("admin_user_edit", root.get(&edit).await.says(NAME));
    let long = EVIL.repeat(5);
    for (which, field) in [("name", "note"), ("email", "email"), ("labels", "labels")] {
        let action = format!("{page}/{which}");
        let told = root.fill(&edit, &action, &[(field, &long)]).await;
        crawl.look("admin_user_edit", told.is(422));
    }
    crawl.look("admin_user_verb", root.get(&verb).await.says(NAME));
    crawl.look("admin_user_verb", root.fill(&verb, &verb, &[("note", &long)]).await.is(422));
    crawl.look("admin_user_secret", root.fill(&verb, &verb, &[("note", EVIL)]).await.is(200).says(NAME));
    crawl.look("admin_user", root.get(&page).await.says(EVIL));
    crawl.look("admin_user_new", &root.get("/admin/users/new").await);
    let typed = [("email", EVIL), ("name", EVIL), ("labels", EVIL)];
    crawl.look("admin_user_new", root.fill("/admin/users/new", "/admin/users/new", &typed).await.is(422));
    keys(crawl, root).await;
    server.pass(std::time::Duration::from_mins(11));
    let asked = root.fill(&verb, &verb, &[("note", EVIL)]).await;
    crawl.look("confirm", asked.is(401).says(NAME));
    assert_eq!(asked.form(&verb).field("note"), Some(EVIL));
}

/// The pages of API keys, which bear any name.
async fn keys(crawl: &mut Crawl, root: &mut Person<'_>) {
    const NEW: &str = "/admin/keys/new";
    crawl.look("admin_keys", root.get("/admin/keys").await.says("no API key yet"));
    crawl.look("admin_key_new", root.get(NEW).await.is(200));
    let typed = [("name", NAME), ("scope", EVIL), ("lifetime", "30d")];
    crawl.look("admin_key_new", root.fill(NEW, NEW, &typed).await.is(422));
    let typed = [("name", NAME), ("scope", "users.read"), ("lifetime", "30d")];
    crawl.look("admin_key_secret", root.fill(NEW, NEW, &typed).await.is(200).says(NAME));
    let page = root.get("/admin/keys").await;
    crawl.look("admin_keys", page.says(NAME));
    let revoke = page.link("Revoke");
    crawl.look("admin_key_revoke", root.get(&revoke).await.says(NAME));
    crawl.look("admin_key_revoke", root.fill(&revoke, &revoke, &[("note", &EVIL.repeat(5))]).await.is(422));
    crawl.look("error", root.get("/admin/keys/0000000000000000/revoke").await.is(404));
}

#[tokio::test]
async fn asvs_16_4_1_control_characters_in_an_agent_do_no_harm() {
    let server = Server::start().await;
    server.create("ada@example.com", &[]).await;
    for agent in ["\u{1b}[31mred\u{1b}[0m", "a\u{0}b", "\u{202e}gpj.exe", &"x".repeat(5000), "é".repeat(600).as_str()]
    {
        let mut ada = server.anonymous().using(agent).signed_in("ada@example.com").await;
        ada.open("/account").await.is(200).says("Unknown device");
    }
}
