//! The main path with the crate `appwrite`, just as it is published. Tells what it has checked, and panics at the first
//! difference.

use std::fmt::Debug;

use appwrite::Client;
use appwrite::error::Result;
use appwrite::id::ID;
use appwrite::models::{Session, User};
use appwrite::query::Query;
use appwrite::services::{Account, Users};
use serde_json::{Value, json};

const PASSWORD: &str = "a few words in a row";
const OTHER_PASSWORD: &str = "seven brave otters juggle";
const WRONG: &str = "wrong words in a row";

const NO_SESSION: (u16, &str) = (401, "general_unauthorized_scope");
const NO_SUCH_SESSION: (u16, &str) = (404, "user_session_not_found");
const BAD_CREDENTIALS: (u16, &str) = (401, "user_invalid_credentials");

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

#[track_caller]
fn same<T: PartialEq<U> + Debug, U: Debug>(what: &str, got: T, wanted: U) {
    assert!(got == wanted, "{what}: {got:?}, not {wanted:?}");
    println!("ok: {what}");
}

#[track_caller]
fn refused<T: Debug>(what: &str, got: Result<T>, (code, kind): (u16, &str)) {
    match got {
        Ok(got) => panic!("{what}: {got:?}, not refused with {code} {kind}"),
        Err(error) => same(what, (error.code, error.error_type.as_deref()), (code, Some(kind))),
    }
}

fn guest() -> Client {
    Client::new().set_endpoint(environment("SESSIOND_ENDPOINT")).set_project("default")
}

fn with_key() -> Client {
    guest().set_key(environment("SESSIOND_KEY"))
}

fn signed_in(session: &Session) -> Account {
    Account::new(&guest().set_session(&session.secret))
}

/// A server that signs people in has a key: only then is the secret told.
async fn sign_in(email: &str, password: &str) -> Result<Session> {
    Account::new(&with_key()).create_email_password_session(email, password, None).await
}

fn ids(users: Vec<User>) -> Vec<String> {
    users.into_iter().map(|user| user.id).collect()
}

async fn sign_up() -> Result<User> {
    let anybody = Account::new(&guest());
    let user = anybody.create(ID::unique(), "Grace@Example.com", PASSWORD, Some("Grace Hopper")).await?;
    same("create: the particulars", (user.name.as_str(), user.email.as_str()), ("Grace Hopper", "grace@example.com"));
    same("create: no preferences", user.prefs.data.len(), 0);
    let again = anybody.create(ID::unique(), "grace@example.com", PASSWORD, None).await;
    refused("create: the address is taken", again, (409, "user_already_exists"));
    let short = anybody.create(ID::unique(), "x@example.com", "short", None).await;
    refused("create: a short password", short, (400, "general_argument_invalid"));
    refused("create: signs nobody in", anybody.get().await, NO_SESSION);
    Ok(user)
}

async fn sessions(user: &User, other: &Session) -> Result<()> {
    refused("sign in: wrong password", sign_in(&user.email, WRONG).await, BAD_CREDENTIALS);
    let untold = Account::new(&guest()).create_email_password_session(&user.email, PASSWORD, None).await?;
    same("sign in: without a key, no secret", untold.secret.as_str(), "");
    let session = sign_in(&user.email, PASSWORD).await?;
    same("sign in: the session", (session.user_id.as_str(), session.provider.as_str()), (user.id.as_str(), "email"));
    let account = signed_in(&session);
    same("get", account.get().await?.id, user.id.as_str());

    let listed = account.list_sessions(None).await?;
    let told: Vec<_> = listed.sessions.iter().map(|one| (one.id.as_str(), one.current, one.secret.as_str())).collect();
    let wanted = vec![(untold.id.as_str(), false, ""), (session.id.as_str(), true, "")];
    same("list: all, oldest first, no secrets", (listed.total, told), (2, wanted));
    same("get session: current", account.get_session("current").await?.id, session.id.as_str());
    same("get session: by id", account.get_session(&untold.id).await?.current, false);
    refused("get session: somebody else's", account.get_session(&other.id).await, NO_SUCH_SESSION);
    refused("delete: somebody else's", account.delete_session(&other.id).await, NO_SUCH_SESSION);
    let renewed = account.update_session("current").await?;
    same("renew", (renewed.id.as_str(), renewed.expire >= session.expire), (session.id.as_str(), true));
    account.delete_session(&untold.id).await?;
    same("delete: by id", account.list_sessions(Some(true)).await?.total, 1);
    account.delete_session("current").await?;
    refused("delete: current", account.get().await, NO_SESSION);

    let first = signed_in(&sign_in(&user.email, PASSWORD).await?);
    let second = signed_in(&sign_in(&user.email, PASSWORD).await?);
    second.delete_sessions(Some(false)).await?;
    refused("delete all others: ends the others", first.get().await, NO_SESSION);
    same("delete all others: keeps this one", second.get().await?.id, user.id.as_str());
    second.delete_sessions(None).await?;
    refused("delete all", second.get().await, NO_SESSION);

    let brief = Account::new(&with_key()).create_email_password_session(&user.email, PASSWORD, Some(60)).await?;
    same("sign in: for a minute", brief.expire < session.expire, true);
    Ok(())
}

async fn particulars(user: &User) -> Result<()> {
    let account = signed_in(&sign_in(&user.email, PASSWORD).await?);
    let prefs = json!({ "theme": "dark", "size": 12, "nested": { "list": [1, null, "x"] } });
    let told = |prefs: appwrite::models::Preferences| Value::Object(prefs.data.into_iter().collect());
    same("preferences: replaced", told(account.update_prefs(prefs.clone()).await?.prefs), prefs.clone());
    same("preferences: kept", told(account.get_prefs().await?), prefs);
    same("name", account.update_name("Rear Admiral Hopper").await?.name, "Rear Admiral Hopper");
    let email = "hopper@example.com";
    refused("address: wrong password", account.update_email(email, WRONG).await, BAD_CREDENTIALS);
    same("address", account.update_email(email, PASSWORD).await?.email, email);
    let other = signed_in(&sign_in(email, PASSWORD).await?);
    let wrong = account.update_password(OTHER_PASSWORD, Some(WRONG)).await;
    refused("password: wrong old one", wrong, BAD_CREDENTIALS);
    account.update_password(OTHER_PASSWORD, Some(PASSWORD)).await?;
    same("password: this session goes on", account.get().await?.id, user.id.as_str());
    refused("password: the others end", other.get().await, NO_SESSION);
    same("status: blocks oneself", account.update_status().await?.status, false);
    refused("status: ends the session", account.get().await, NO_SESSION);
    refused("status: blocked", sign_in(email, OTHER_PASSWORD).await, (403, "user_blocked"));
    Ok(())
}

async fn listing(users: &Users) -> Result<()> {
    for name in ["one", "two", "three"] {
        let email = format!("{name}@list.example");
        users
            .create(format!("list-{name}"), Some(&email), None, Some(PASSWORD), Some(&format!("Listed {name}")))
            .await?;
    }
    let whole = users.list(None, None, None).await?;
    let total = whole.total;
    let all = ids(whole.users);
    same("list: total", usize::try_from(total), Ok(all.len()));
    let listed = async |queries: &[Query]| -> Result<Vec<String>> {
        let queries = queries.iter().map(Query::to_string).collect();
        Ok(ids(users.list(Some(queries), None, None).await?.users))
    };
    same("list: limit and offset", listed(&[Query::limit(2), Query::offset(1)]).await?, &all[1..3]);
    same("list: cursor after", listed(&[Query::limit(2), Query::cursor_after(&all[1])]).await?, &all[2..4]);
    let reversed: Vec<_> = all.iter().rev().cloned().collect();
    same("list: newest first", listed(&[Query::order_desc("$createdAt")]).await?, reversed);
    same("list: equal", listed(&[Query::equal("email", "two@list.example")]).await?, ["list-two"]);
    let found = users.list(None, Some("Listed th"), None).await?;
    same("list: search", (found.total, ids(found.users)), (1, vec!["list-three".to_owned()]));
    same("list: no total", users.list(None, None, Some(false)).await?.total, 0);
    let unknown = listed(&[Query::cursor_after("nobody")]).await;
    refused("list: unknown cursor", unknown, (400, "general_cursor_not_found"));
    Ok(())
}

async fn administer(users: &Users) -> Result<()> {
    let (id, email) = ("linus", "linus@example.com");
    users.create(id, Some(email), None, Some(PASSWORD), Some("Linus")).await?;
    same("get", users.get(id).await?.email, email);
    refused("get: unknown", users.get("nobody").await, (404, "user_not_found"));
    let mut labels = users.update_labels(id, ["staff", "beta", "staff"]).await?.labels;
    labels.sort();
    same("labels: no doubles", labels, ["beta", "staff"]);
    same("verification", users.update_email_verification(id, true).await?.email_verification, true);
    same("preferences", users.update_prefs(id, json!({ "a": 1 })).await?.get("a"), Some(1));
    same("name", users.update_name(id, "Linus T").await?.name, "Linus T");
    users.update_password(id, OTHER_PASSWORD).await?;

    let session = users.create_session(id).await?;
    let account = signed_in(&session);
    same("create session", (session.provider.as_str(), account.get().await?.id.as_str()), ("server", id));
    let listed = users.list_sessions(id, None).await?;
    same("list sessions", (listed.total, listed.sessions[0].secret.as_str()), (1, ""));
    let stranger = users.delete_session("list-one", &session.id).await;
    refused("delete session: of somebody else", stranger, NO_SUCH_SESSION);
    users.delete_session(id, &session.id).await?;
    refused("delete session", account.get().await, NO_SESSION);
    let account = signed_in(&users.create_session(id).await?);
    users.delete_sessions(id).await?;
    refused("delete sessions", account.get().await, NO_SESSION);

    let token = users.create_token(id, Some(32), Some(60)).await?;
    let keyed = Account::new(&with_key());
    let exchanged = signed_in(&keyed.create_session(id, &token.secret).await?);
    same("token: exchanged", exchanged.get().await?.id, id);
    refused("token: once", keyed.create_session(id, &token.secret).await, (401, "user_invalid_token"));
    refused("jwt", users.create_jwt(id, None, None).await, (501, "general_not_implemented"));

    same("block", users.update_status(id, false).await?.status, false);
    refused("block: ends the sessions", exchanged.get().await, NO_SESSION);
    refused("block: no sign-in", sign_in(email, OTHER_PASSWORD).await, (403, "user_blocked"));
    same("unblock", users.update_status(id, true).await?.status, true);
    refused("unblock: does not bring them back", exchanged.get().await, NO_SESSION);
    users.delete(id).await?;
    refused("delete: gone", users.get(id).await, (404, "user_not_found"));
    Ok(())
}

async fn errors() {
    refused("no key", Users::new(&guest()).list(None, None, None).await, NO_SESSION);
    refused("a wrong key", Users::new(&guest().set_key("wrong")).list(None, None, None).await, NO_SESSION);
    let elsewhere = guest().set_project("other");
    refused("unknown project", Account::new(&elsewhere).get().await, (404, "project_not_found"));
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let users = Users::new(&with_key());
    let name = Some("By Stander");
    users.create("bystander", Some("bystander@example.com"), None, Some(PASSWORD), name).await?;
    let other = users.create_session("bystander").await?;
    let user = sign_up().await?;
    sessions(&user, &other).await?;
    particulars(&user).await?;
    listing(&users).await?;
    administer(&users).await?;
    errors().await;
    same("the bystander was left alone", signed_in(&other).get().await?.id, "bystander");
    Ok(())
}
