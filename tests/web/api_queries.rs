//! `GET /v1/users` with queries, as the clients' query builders write them.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::api::{App, fails, ids, told};
use crate::harness::{Answer, Server};

on_both_stores! {
    users_are_found_by_what_they_are,
    pages_follow_one_another_in_any_order,
}

/// The address of the list with these queries, each as its own parameter.
fn uri(queries: &[Value]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> = queries
        .iter()
        .enumerate()
        .map(|(number, query)| format!("queries[{number}]={}", encode(&query.to_string())))
        .collect();
    format!("/users?{}", pairs.join("&"))
}

async fn list(app: &App<'_>, queries: &[Value]) -> Answer {
    app.get(&uri(queries)).await
}

async fn found(app: &App<'_>, query: Value) -> Vec<String> {
    ids(&list(app, &[query]).await, "users")
}

fn is(method: &str, attribute: &str, values: Value) -> Value {
    json!({ "method": method, "attribute": attribute, "values": values })
}

fn limit(most: usize) -> Value {
    json!({ "method": "limit", "values": [most] })
}

/// Five users, a minute apart: the ids do not follow the order of creation, nor that of the names or addresses.
async fn five(server: &Server) -> App<'_> {
    let app = App::keyed(server, "all").await;
    for (id, name, email) in [
        ("e", "Bea", "d@example.com"),
        ("d", "ada", "c@example.org"),
        ("c", "Ada L", "e@example.com"),
        ("b", "Cem", "a@example.com"),
        ("a", "", "b@example.org"),
    ] {
        app.post("/users", json!({ "userId": id, "email": email, "name": name })).await.is(201);
        server.pass(Duration::from_mins(1));
    }
    app.patch("/users/b/status", json!({ "status": false })).await.is(200);
    app.patch("/users/c/verification", json!({ "emailVerification": true })).await.is(200);
    app.put("/users/d/labels", json!({ "labels": ["writer", "admin"] })).await.is(200);
    app.put("/users/e/labels", json!({ "labels": ["Writer"] })).await.is(200);
    app
}

async fn users_are_found_by_what_they_are(server: Server) {
    let app = five(&server).await;
    let at = |minute: u32| format!("2026-01-02T03:{:02}:05.678+00:00", 4 + minute);
    assert_eq!(ids(&app.get("/users").await, "users"), ["e", "d", "c", "b", "a"], "the oldest first");
    for (query, expected) in [
        (is("equal", "$id", json!(["b", "e", "b", "nobody"])), "eb"),
        (is("equal", "$id", json!(["E"])), ""),
        (is("equal", "email", json!(["D@Example.com"])), "e"),
        (is("equal", "name", json!(["ADA", "cem"])), "db"),
        (is("notEqual", "name", json!(["ada"])), "ecba"),
        (is("equal", "status", json!([false])), "b"),
        (is("equal", "emailVerification", json!([true])), "c"),
        (is("notEqual", "phoneVerification", json!([true])), "edcba"),
        (is("equal", "phone", json!([""])), ""),
        (is("isNull", "phone", json!([])), "edcba"),
        (is("isNotNull", "accessedAt", json!([])), ""),
        (json!({ "method": "isNotNull", "attribute": "email" }), "edcba"),
        (is("contains", "labels", json!(["writer", "nothing"])), "d"),
        (is("notContains", "labels", json!(["writer"])), "ecba"),
        (is("contains", "email", json!(["ORG", "a@"])), "dba"),
        (is("startsWith", "name", json!(["ADA"])), "dc"),
        (is("endsWith", "email", json!([".org"])), "da"),
        (is("notEndsWith", "email", json!([".org"])), "ecb"),
        (is("search", "name", json!(["l ada"])), "c"),
        (is("notSearch", "name", json!(["ada"])), "eba"),
        (is("lessThan", "$createdAt", json!([at(1)])), "e"),
        (is("lessThanEqual", "$createdAt", json!([at(1)])), "ed"),
        (is("greaterThan", "registration", json!([at(3)])), "a"),
        (is("greaterThanEqual", "passwordUpdate", json!([at(3)])), "ba"),
        (is("between", "$createdAt", json!([at(1), at(3)])), "dcb"),
        (is("notBetween", "$createdAt", json!([at(1), at(3)])), "ea"),
        (is("between", "email", json!(["B", "D"])), "da"),
        (is("greaterThan", "$updatedAt", json!([at(4)])), "edcb"),
        (is("equal", "$createdAt", json!(["2026-01-02T04:04:05.678+01:00"])), "e"),
        (
            json!({ "method": "or", "values": [is("equal", "$id", json!(["a"])), is("equal", "status", json!([false]))] }),
            "ba",
        ),
        (
            json!({ "method": "and", "values": [
                is("endsWith", "email", json!([".com"])),
                json!({ "method": "or", "values": [is("equal", "name", json!(["bea"])), is("equal", "$id", json!(["c", "d"]))] }),
            ] }),
            "ec",
        ),
    ] {
        let got = found(&app, query.clone()).await.concat();
        assert_eq!(got, expected, "{query}");
    }
    // Several conditions hold together, also those that name users.
    let both = [is("equal", "$id", json!(["a", "b"])), is("equal", "email", json!(["a@example.com", "c@example.org"]))];
    assert_eq!(ids(&list(&app, &both).await, "users"), ["b"]);
    let select = json!({ "method": "select", "values": ["$id", "name"] });
    assert_eq!(found(&app, select).await.len(), 5);

    for (search, expected) in [("EXAMPLE.org", "da"), ("ada", "dc"), ("%20", "c"), ("nobody", ""), ("", "edcba")] {
        assert_eq!(ids(&app.get(&format!("/users?search={search}")).await, "users").concat(), expected, "{search}");
    }
    // Decoded once: a percent sign and a plus are found as they are.
    app.patch("/users/a/name", json!({ "name": "100%25 + more" })).await.is(200);
    for (search, expected) in
        [("100%2525+%2B+more", "a"), ("100%25+%2B", ""), ("%2525", "a"), ("100%", "a"), ("%2B", "a")]
    {
        assert_eq!(ids(&app.get(&format!("/users?search={search}")).await, "users").concat(), expected, "{search}");
    }
    let narrowed = format!("{}&search=ada", uri(&[is("equal", "$id", json!(["a", "c"]))]));
    assert_eq!(ids(&app.get(&narrowed).await, "users"), ["c"]);
    // As hand-written clients send lists, and as OpenAPI says it.
    let one = utf8_percent_encode(&limit(1).to_string(), NON_ALPHANUMERIC).to_string();
    for uri in
        [format!("/users?queries[]={one}"), format!("/users?queries={one}"), format!("/users?queries%5B0%5D={one}")]
    {
        assert_eq!(ids(&app.get(&uri).await, "users"), ["e"], "{uri}");
    }
}

async fn pages_follow_one_another_in_any_order(server: Server) {
    let app = five(&server).await;
    let order = |method: &str, attribute: &str| json!({ "method": method, "attribute": attribute });
    for (orders, expected) in [
        (vec![], "edcba"),
        (vec![order("orderAsc", "$id")], "abcde"),
        (vec![order("orderDesc", "$id")], "edcba"),
        (vec![order("orderAsc", "name")], "adceb"),
        (vec![order("orderDesc", "name")], "becda"),
        (vec![order("orderAsc", "email")], "badec"),
        (vec![order("orderDesc", "$createdAt")], "abcde"),
        (vec![order("orderDesc", "$updatedAt")], "bcdea"),
        (vec![order("orderAsc", "registration")], "edcba"),
        (vec![order("orderAsc", "status"), order("orderDesc", "email")], "bceda"),
        (vec![order("orderAsc", "phone")], "abcde"),
    ] {
        assert_eq!(ids(&list(&app, &orders).await, "users").concat(), expected, "{orders:?}");
        // Forward and back, two at a time, and by offset.
        let (mut forward, mut cursor) = (String::new(), None);
        loop {
            let mut queries = orders.clone();
            queries.push(limit(2));
            queries.extend(cursor.map(|id: String| json!({ "method": "cursorAfter", "values": [id] })));
            let answer = list(&app, &queries).await;
            assert_eq!(told(&answer)["total"], 5, "{queries:?}");
            let page = ids(&answer, "users");
            let Some(last) = page.last().cloned() else { break };
            forward.push_str(&page.concat());
            cursor = Some(last);
        }
        assert_eq!(forward, expected, "{orders:?}");
        let before = |id: &str, most| {
            [orders.clone(), vec![limit(most), json!({ "method": "cursorBefore", "values": [id] })]].concat()
        };
        let nth = |number: usize| &expected[number..=number];
        assert_eq!(ids(&list(&app, &before(nth(4), 2)).await, "users").concat(), expected[2..4], "{orders:?}");
        assert_eq!(ids(&list(&app, &before(nth(1), 2)).await, "users").concat(), expected[..1], "{orders:?}");
        assert_eq!(ids(&list(&app, &before(nth(0), 2)).await, "users").concat(), "", "{orders:?}");
        let offset = [orders.clone(), vec![limit(2), json!({ "method": "offset", "values": [3] })]].concat();
        assert_eq!(ids(&list(&app, &offset).await, "users").concat(), expected[3..], "{orders:?}");
    }
    let total = |answer: &Answer| told(answer)["total"].clone();
    let narrowed = [limit(1), is("endsWith", "email", json!([".com"]))];
    assert_eq!(total(&list(&app, &narrowed).await), 3, "all who are meant, and not the page alone");
    assert_eq!(total(&app.get(&format!("{}&total=false", uri(&narrowed))).await), 0);
    let beyond = [json!({ "method": "offset", "values": [100] })];
    assert_eq!(ids(&list(&app, &beyond).await, "users"), Vec::<String>::new());
    // A cursor keeps its place when its user is not meant, and is none when there is no such user.
    let cursor = json!({ "method": "cursorAfter", "values": ["d"] });
    let others = [cursor.clone(), is("notEqual", "$id", json!(["d"]))];
    assert_eq!(ids(&list(&app, &others).await, "users"), ["c", "b", "a"]);
    app.delete("/users/e").await.is(204);
    let gone = json!({ "method": "cursorAfter", "values": ["e"] });
    fails(&list(&app, &[gone]).await, 400, "general_cursor_not_found", "the id e,");
}

#[tokio::test]
async fn a_page_has_25_users_unless_told_otherwise() {
    let server = Server::start().await;
    let app = App::keyed(&server, "all").await;
    for number in 0..27 {
        app.post("/users", json!({ "userId": format!("u{number:02}"), "email": format!("{number}@x") })).await.is(201);
    }
    let first = app.get("/users").await;
    assert_eq!((ids(&first, "users").len(), told(&first)["total"].clone()), (25, json!(27)));
    // Who came at the same moment is told apart by the id.
    assert_eq!(ids(&first, "users")[24], "u24");
    assert_eq!(ids(&list(&app, &[limit(1000)]).await, "users").len(), 27);
}

#[tokio::test]
async fn a_query_that_means_nothing_is_refused_and_says_why() {
    let server = Server::start().await;
    let app = five(&server).await;
    let time = "2026-01-02T03:04:05.678Z";
    let many: Vec<_> = (0..501).map(|number| number.to_string()).collect();
    for (query, part) in [
        (json!({ "method": "limit", "values": [0] }), "`limit`"),
        (json!({ "method": "limit", "values": [1001] }), "`limit`"),
        (json!({ "method": "limit", "values": ["5"] }), "`limit`"),
        (json!({ "method": "limit", "values": [1.5] }), "`limit`"),
        (json!({ "method": "limit" }), "`limit`"),
        (json!({ "method": "offset", "values": [-1] }), "`offset`"),
        (json!({ "method": "cursorAfter", "values": ["-"] }), "`cursorAfter`"),
        (json!({ "method": "cursorBefore", "values": [5] }), "`cursorBefore`"),
        (json!({ "method": "orderAsc", "attribute": "labels" }), "`labels`"),
        (json!({ "method": "orderAsc", "attribute": "password" }), "`password`"),
        (json!({ "method": "orderAsc", "values": [] }), "attribute"),
        (json!({ "method": "orderAsc", "attribute": "name", "values": ["x"] }), "`orderAsc`"),
        (json!({ "method": "orderRandom" }), "`orderRandom`"),
        (json!({ "method": "select", "values": [1] }), "`select`"),
        (json!({ "method": "nothing", "attribute": "name", "values": ["x"] }), "`nothing`"),
        (is("equal", "nmae", json!(["x"])), "`nmae`"),
        (is("equal", "impersonator", json!([true])), "`impersonator`"),
        (is("equal", "password", json!(["x"])), "`password`"),
        (is("equal", "name", json!([])), "`equal`"),
        (is("equal", "name", json!([5])), "`name`"),
        (is("equal", "name", json!([null])), "`name`"),
        (is("equal", "status", json!(["true"])), "`status`"),
        (is("equal", "labels", json!(["x"])), "`contains`"),
        (is("equal", "$createdAt", json!(["yesterday"])), "`yesterday`"),
        (is("lessThan", "status", json!([true])), "`status`"),
        (is("lessThan", "$createdAt", json!([time, time])), "`lessThan`"),
        (is("between", "$createdAt", json!([time])), "`between`"),
        (is("startsWith", "$createdAt", json!(["2026"])), "`startsWith`"),
        (is("search", "labels", json!(["x"])), "`search`"),
        (is("contains", "status", json!([true])), "`contains`"),
        (is("contains", "name", json!([])), "`contains`"),
        (is("isNull", "name", json!([1])), "`isNull`"),
        (is("equal", "name", json!(many)), "500"),
        (json!({ "method": "or", "values": [] }), "`or`"),
        (json!({ "method": "or", "values": ["x"] }), "`or`"),
        (json!({ "method": "or", "values": [limit(1)] }), "`limit`"),
        (json!({ "method": "equal", "attribute": "name", "values": ["x"], "more": 1 }), "more"),
        (json!([]), ""),
        (json!("x"), ""),
    ] {
        fails(&list(&app, &[query]).await, 400, "general_argument_invalid", part);
    }
    for queries in [
        vec![limit(1), limit(2)],
        vec![json!({ "method": "cursorAfter", "values": ["a"] }), json!({ "method": "cursorBefore", "values": ["b"] })],
    ] {
        fails(&list(&app, &queries).await, 400, "general_argument_invalid", "more than one");
    }
    fails(&app.get("/users?queries[0]=%7B").await, 400, "general_argument_invalid", "`queries`");
    fails(&app.get("/users?queries[0]=").await, 400, "general_argument_invalid", "`queries`");
    fails(&app.get("/users?queries[0]=%FF").await, 400, "general_argument_invalid", "UTF-8");
    let long = format!("{{\"method\":\"limit\",\"values\":[1]{}}}", " ".repeat(4096));
    let long = format!("/users?queries[0]={}", utf8_percent_encode(&long, NON_ALPHANUMERIC));
    fails(&app.get(&long).await, 400, "general_argument_invalid", "4096");
    let hundred = uri(&vec![is("isNotNull", "name", json!([])); 100]);
    app.get(&hundred).await.is(200);
    let more = uri(&vec![is("isNotNull", "name", json!([])); 101]);
    fails(&app.get(&more).await, 400, "general_argument_invalid", "100");
    // Deep, as deep as the reader of JSON goes and further: an answer, and no overflow.
    let deep = (0..100).fold("{\"method\":\"isNotNull\",\"attribute\":\"name\"}".to_owned(), |inner, _| {
        format!("{{\"method\":\"or\",\"values\":[{inner}]}}")
    });
    let deep = utf8_percent_encode(&deep, NON_ALPHANUMERIC).to_string();
    fails(&app.get(&format!("/users?queries[0]={deep}")).await, 400, "general_argument_invalid", "`queries`");
}
