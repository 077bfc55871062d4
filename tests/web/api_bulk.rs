//! `DELETE /v1/sessions` and `/v1/jobs`: ending all sessions that match.

use std::collections::BTreeSet;
use std::time::Duration;

use rocket::http::Method;
use serde_json::{Value, json};
use sessiond::domain::audit::{Action, Outcome};
use sessiond::domain::change::UserChange;
use sessiond::domain::ending::Actor;
use sessiond::domain::user::Label;
use sessiond::service::sessions::Order;

use super::api_door::{Program, by, query};
use crate::harness::{PASSWORD, Person, Server};

on_both_stores! {
    asvs_7_4_5_a_job_ends_what_matches_and_was_there_before,
    a_dry_run_tells_the_exact_number_and_ends_nothing,
    asvs_8_2_1_a_dry_run_shows_sessions_to_whoever_may_read_them_alone,
    an_order_without_a_filter_ends_nobody,
    the_session_that_asks_goes_on,
    an_administrator_whose_sign_in_is_old_gives_the_password,
    everyones_sessions_end_in_one_step_and_with_the_password,
    a_job_of_a_revoked_key_or_a_former_administrator_is_given_up,
    sixteen_jobs_wait_and_no_more,
}

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const ROOT: &str = "root@example.com";

async fn browsers<'s>(server: &'s Server, email: &str, count: usize) -> Vec<Person<'s>> {
    server.create(email, &[]).await;
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(server.anonymous().signed_in(email).await);
    }
    server.pass(Duration::from_secs(1));
    all
}

async fn signed_in(people: &[Person<'_>]) -> usize {
    let mut count = 0;
    for person in people {
        count += usize::from(person.is_signed_in().await);
    }
    count
}

async fn of(server: &Server, email: &str) -> String {
    let user = server.service.named(email).await.expect("an answer").expect("a user");
    query("equal", "userId", &[user.id.as_str()])
}

/// Does what waits, and answers how that job stands.
async fn worked(server: &Server, program: &Program<'_>, job: &Value) -> Value {
    server.service.work().await.expect("the jobs are done");
    program.get(&format!("/v1/jobs/{}", job["$id"].as_str().expect("an id"))).await.is(200).value()
}

async fn asvs_7_4_5_a_job_ends_what_matches_and_was_there_before(server: Server) {
    let ada = browsers(&server, ADA, 3).await;
    let bob = browsers(&server, BOB, 2).await;
    let key = Program::with(&server, "sessions.read,sessions.write").await;
    let order = json!({ "queries": [of(&server, ADA).await], "reason": "laptop lost" });
    let answer = key.delete("/v1/sessions", &order).await;
    let job = answer.is(202).value();
    let location = format!("/v1/jobs/{}", job["$id"].as_str().expect("an id"));
    assert_eq!(answer.header("location"), Some(&*location));
    assert_eq!((&job["status"], &job["ended"], &job["doneAt"]), (&json!("running"), &json!(0), &json!("")));
    assert_eq!((&job["reason"], &job["by"]), (&json!("laptop lost"), &json!(format!("key:{}", key.id))));
    server.pass(Duration::from_secs(1));
    let late = browsers(&server, ADA, 1).await;

    let done = worked(&server, &key, &job).await;
    assert_eq!((&done["status"], &done["ended"], &done["examined"]), (&json!("done"), &json!(3), &json!(3)), "{done}");
    assert_eq!(done["doneAt"], json!(server.now().iso()));
    assert_eq!((signed_in(&ada).await, signed_in(&bob).await, signed_in(&late).await), (0, 2, 1));
    let events = server.service.store().events(None, 100).await.expect("the log");
    let mine: Vec<_> = events.iter().map(|event| &event.draft).filter(|it| it.actor == Actor::Key(key.id)).collect();
    let actions: Vec<_> = mine.iter().map(|draft| draft.action).collect();
    let three = [Action::EndSession; 3];
    assert_eq!(actions, [&[Action::FinishJob][..], &three, &[Action::OrderJob]].concat());
    let noted = |draft: &sessiond::domain::audit::Draft| draft.note.as_ref().map(|note| note.as_str() == "laptop lost");
    assert!(mine[1..].iter().all(|draft| noted(draft) == Some(true)), "{mine:#?}");

    let list = key.get("/v1/jobs").await.is(200).value();
    assert_eq!((&list["total"], &list["jobs"][0]), (&json!(1), &done));
    let again = key.delete("/v1/sessions", &order).await.is(202).value();
    let again = worked(&server, &key, &again).await;
    assert_eq!((&again["status"], &again["ended"]), (&json!("done"), &json!(1)), "the late one, since it was there");
}

async fn asvs_8_2_1_a_dry_run_shows_sessions_to_whoever_may_read_them_alone(server: Server) {
    let _ada = browsers(&server, ADA, 2).await;
    let order = json!({ "queries": [of(&server, ADA).await], "reason": "test", "dryRun": true });
    for (scopes, shown) in [("sessions.write", 0), ("sessions.read,sessions.write", 2)] {
        let told = Program::with(&server, scopes).await.delete("/v1/sessions", &order).await.is(200).value();
        let sessions = told["sessions"].as_array().map(Vec::len);
        assert_eq!((&told["total"], sessions), (&json!(2), Some(shown)), "{scopes}");
    }
}

async fn a_dry_run_tells_the_exact_number_and_ends_nothing(server: Server) {
    let ada = browsers(&server, ADA, 12).await;
    let _bob = browsers(&server, BOB, 1).await;
    let key = Program::with(&server, "sessions.read,sessions.write").await;
    let order = json!({ "queries": [of(&server, ADA).await], "reason": "test", "dryRun": true });
    let told = key.delete("/v1/sessions", &order).await.is(200).value();
    assert_eq!((&told["total"], &told["dryRun"]), (&json!(12), &json!(true)));
    assert_eq!(told["sessions"].as_array().map(Vec::len), Some(10));
    let everyone = json!({ "everyone": true, "reason": "test", "dryRun": true });
    assert_eq!(key.delete("/v1/sessions", &everyone).await.is(200).value()["total"], json!(13));
    server.service.work().await.expect("nothing to do");
    assert_eq!(signed_in(&ada).await, 12);
    assert_eq!(key.get("/v1/jobs").await.value()["total"], json!(0));
}

async fn an_order_without_a_filter_ends_nobody(server: Server) {
    let ada = browsers(&server, ADA, 1).await;
    let key = Program::with(&server, "sessions.read,sessions.write").await;
    let mine = of(&server, ADA).await;
    let long = "x".repeat(201);
    let limit = json!({ "method": "limit", "values": [5] }).to_string();
    for body in [
        json!({}),
        json!({ "reason": "test" }),
        json!({ "reason": "test", "queries": [] }),
        json!({ "reason": "test", "queries": [query("equal", "status", &["live"])] }),
        json!({ "reason": "test", "everyone": false }),
        json!({ "reason": "test", "everyone": true, "queries": [mine] }),
        json!({ "reason": "test", "queries": [mine, limit] }),
        json!({ "reason": "test", "queries": [mine, query("orderAsc", "$createdAt", &[])] }),
        json!({ "reason": "test", "queries": [mine, query("equal", "status", &["any"])] }),
        json!({ "reason": "test", "queries": [query("equal", "$id", &["0199f2a4-7d3c-7000-8000-00805f9b34fb"])] }),
        json!({ "reason": "test", "queries": mine }),
        json!({ "reason": "test", "queries": [5] }),
        json!({ "reason": "test", "queries": [mine], "dryRun": "yes" }),
        json!({ "reason": "test", "queries": [mine], "more": 1 }),
        json!({ "reason": "", "queries": [mine] }),
        json!({ "reason": " test", "queries": [mine] }),
        json!({ "reason": "a\nb", "queries": [mine] }),
        json!({ "reason": long, "queries": [mine] }),
        json!({ "reason": null, "queries": [mine] }),
        json!({ "queries": [mine] }),
        json!([]),
    ] {
        key.delete("/v1/sessions", &body).await.fails(400, "general_argument_invalid");
    }
    server.service.work().await.expect("nothing to do");
    assert_eq!(signed_in(&ada).await, 1);
    assert_eq!(server.service.jobs().await.expect("jobs"), []);
    key.get("/v1/jobs/none").await.fails(404, "job_not_found");
    key.get("/v1/jobs/0199f2a47d3c7000").await.fails(404, "job_not_found");
}

async fn the_session_that_asks_goes_on(server: Server) {
    let mut root = server.administrator(ROOT).await;
    let other = server.anonymous().signed_in(ROOT).await;
    server.pass(Duration::from_secs(1));
    let own = of(&server, ROOT).await;
    let foreseen = json!({ "queries": [own], "reason": "test", "dryRun": true });
    assert_eq!(by(&mut root, Method::Delete, "/v1/sessions", &foreseen).await.is(200).value()["total"], json!(1));
    let order = json!({ "queries": [own], "reason": "test" });
    by(&mut root, Method::Delete, "/v1/sessions", &order).await.is(202);
    server.service.work().await.expect("the job is done");
    assert!(root.is_signed_in().await && !other.is_signed_in().await);
    let jobs = by(&mut root, Method::Get, "/v1/jobs", &Value::Null).await.is(200).value();
    assert_eq!((&jobs["jobs"][0]["status"], &jobs["jobs"][0]["ended"]), (&json!("done"), &json!(1)));
}

async fn an_administrator_whose_sign_in_is_old_gives_the_password(server: Server) {
    let mut root = server.administrator(ROOT).await;
    let ada = browsers(&server, ADA, 1).await;
    server.pass(Duration::from_mins(11));
    let mut order = json!({ "queries": [of(&server, ADA).await], "reason": "test" });
    by(&mut root, Method::Delete, "/v1/sessions", &order).await.fails(401, "user_reauthentication_required");
    order["password"] = json!("not this one at all");
    by(&mut root, Method::Delete, "/v1/sessions", &order).await.fails(401, "user_invalid_credentials");
    server.service.work().await.expect("nothing to do");
    assert_eq!(signed_in(&ada).await, 1);
    order["password"] = json!(PASSWORD);
    by(&mut root, Method::Delete, "/v1/sessions", &order).await.is(202);
    server.service.work().await.expect("the job is done");
    assert_eq!(signed_in(&ada).await, 0);
}

async fn everyones_sessions_end_in_one_step_and_with_the_password(server: Server) {
    let mut root = server.administrator(ROOT).await;
    let ada = browsers(&server, ADA, 2).await;
    let mut order = json!({ "everyone": true, "reason": "test" });
    by(&mut root, Method::Delete, "/v1/sessions", &order).await.fails(401, "user_reauthentication_required");
    order["password"] = json!("not this one at all");
    by(&mut root, Method::Delete, "/v1/sessions", &order).await.fails(401, "user_invalid_credentials");
    assert_eq!(signed_in(&ada).await, 2);
    order["password"] = json!(PASSWORD);
    let before = root.credential();
    let told = by(&mut root, Method::Delete, "/v1/sessions", &order).await.is(200).value();
    assert_eq!((&told["total"], &told["dryRun"]), (&json!(3), &json!(false)));
    assert_eq!(signed_in(&ada).await, 0);
    assert!(root.is_signed_in().await && root.credential() != before, "there is a new one in the place of the old");

    // Whose credential is in a header has no place for a new one.
    let ada = browsers(&server, ADA, 1).await;
    let credential = root.credential().expect("a session");
    let mut program = server.anonymous().sending("X-Appwrite-Session", &credential);
    by(&mut program, Method::Delete, "/v1/sessions", &order).await.is(200);
    assert_eq!(signed_in(&ada).await, 0);
    by(&mut program, Method::Get, "/v1/jobs", &Value::Null).await.fails(401, "general_unauthorized_scope");

    let ada = browsers(&server, ADA, 1).await;
    let key = Program::with(&server, "sessions.write").await;
    let told = key.delete("/v1/sessions", &json!({ "everyone": true, "reason": "test" })).await.is(200).value();
    assert_eq!(told["total"], json!(1));
    assert_eq!(signed_in(&ada).await, 0);
}

async fn a_job_of_a_revoked_key_or_a_former_administrator_is_given_up(server: Server) {
    let ada = browsers(&server, ADA, 1).await;
    let (key, watch) = (Program::with(&server, "sessions.write").await, Program::with(&server, "sessions.read").await);
    let order = json!({ "queries": [of(&server, ADA).await], "reason": "test" });
    let first = key.delete("/v1/sessions", &order).await.is(202).value();
    let mut root = server.administrator(ROOT).await;
    let second = by(&mut root, Method::Delete, "/v1/sessions", &order).await.is(202).value();
    let by_operator = Order { by: Actor::Operator, note: None, from: None };
    server.service.revoke_key(key.id, &by_operator).await.expect("revoked");
    server.create("other@example.com", &[Label::admin()]).await;
    let user = server.service.named(ROOT).await.expect("an answer").expect("root");
    let demoted = UserChange::Labels(BTreeSet::new());
    server.service.change_user(&user.id, demoted, &by_operator).await.expect("demoted");
    for (job, why) in [(first, "revoked"), (second, "administrator")] {
        let job = worked(&server, &watch, &job).await;
        assert_eq!((&job["status"], &job["ended"]), (&json!("failed"), &json!(0)));
        assert!(job["message"].as_str().is_some_and(|told| told.contains(why)), "{job}");
    }
    assert_eq!(signed_in(&ada).await, 1);
    let event = server.service.store().events(None, 1).await.expect("the log").remove(0);
    assert_eq!((event.draft.action, event.draft.outcome), (Action::FinishJob, Outcome::Failure));
}

async fn sixteen_jobs_wait_and_no_more(server: Server) {
    let ada = browsers(&server, ADA, 1).await;
    let key = Program::with(&server, "sessions.read,sessions.write").await;
    let order = json!({ "queries": [of(&server, ADA).await], "reason": "test" });
    for _ in 0..16 {
        key.delete("/v1/sessions", &order).await.is(202);
    }
    key.delete("/v1/sessions", &order).await.fails(429, "general_queue_full");
    server.service.work().await.expect("the jobs are done");
    assert_eq!(signed_in(&ada).await, 0);
    key.delete("/v1/sessions", &order).await.is(202);
    let list = key.get("/v1/jobs").await.value();
    assert_eq!(list["total"], json!(17));
    let ended: u64 = list["jobs"].as_array().expect("jobs").iter().filter_map(|job| job["ended"].as_u64()).sum();
    assert_eq!(ended, 1);
}

#[tokio::test]
async fn a_job_goes_on_when_the_store_answers_again_and_counts_what_it_has_ended() {
    let server = Server::start().await;
    let ada = browsers(&server, ADA, 20).await;
    let key = Program::with(&server, "sessions.read,sessions.write").await;
    let order = json!({ "queries": [of(&server, ADA).await], "reason": "test" });
    let job = key.delete("/v1/sessions", &order).await.is(202).value();
    server.faults().fail_writes_after(7);
    assert!(server.service.work().await.is_err());
    server.faults().fail_writes(false);
    let left = signed_in(&ada).await;
    assert_eq!(left, 13);
    let path = format!("/v1/jobs/{}", job["$id"].as_str().expect("an id"));
    let waits = key.get(&path).await.value();
    assert_eq!((&waits["status"], &waits["doneAt"]), (&json!("running"), &json!("")));
    assert!(waits["message"].as_str().is_some_and(|told| told.starts_with("it waits")), "{waits}");
    let done = worked(&server, &key, &job).await;
    assert_eq!((&done["status"], &done["ended"]), (&json!("done"), &json!(20)), "{done}");
    assert_eq!(signed_in(&ada).await, 0);
}
