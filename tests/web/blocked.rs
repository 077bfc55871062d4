//! Blocking somebody, as they meet it.

use sessiond::domain::change::UserChange;
use sessiond::domain::ending::Actor;
use sessiond::service::sessions::Order;
use sessiond::store::UserChanged;

use crate::harness::{Ask, PASSWORD, Server};

on_both_stores! {
    asvs_7_4_2_blocking_a_user_ends_all_their_sessions,
}

const ADA: &str = "ada@example.com";

async fn asvs_7_4_2_blocking_a_user_ends_all_their_sessions(server: Server) {
    let mut browsers = Vec::new();
    for _ in 0..5 {
        browsers.push(server.user(ADA).await);
    }
    let bob = server.user("bob@example.com").await;
    let ada = server.service.named(ADA).await.expect("the store answers").expect("there she is");
    let order = Order { by: Actor::Operator, note: None, from: None };
    let blocked = server.service.change_user(&ada.id, UserChange::Block, &order).await.expect("the store answers");
    assert!(matches!(blocked, UserChanged::Done { ended: 5, .. }), "{blocked:?}");
    for browser in &browsers {
        browser.clone().send(Ask::get("/account").json()).await.is(401).says("session_ended");
    }
    browsers[0].clone().open("/account").await.says("An administrator blocked your account");
    // Nor is there a new one, and who does not know the password does not learn why.
    server.anonymous().sign_in(ADA, PASSWORD).await.is(403).says("Your account is blocked");
    let wrong = server.anonymous().sign_in(ADA, "not the right words").await;
    wrong.is(401).says("The e-mail address, the password or the code is wrong.").never_says("blocked");
    assert!(bob.is_signed_in().await);

    let unblocked = server.service.change_user(&ada.id, UserChange::Unblock, &order).await.expect("the store answers");
    assert!(matches!(unblocked, UserChanged::Done { .. }), "{unblocked:?}");
    let kept: Vec<_> = browsers.iter().map(|browser| browser.credential().expect("a cookie")).collect();
    let server = server.restarted("").await;
    for credential in kept {
        let ask = Ask::get("/account").json().header("Cookie", format!("sessiond={credential}"));
        server.send(ask, [192, 0, 2, 10].into()).await.is(401);
    }
    drop(server.anonymous().signed_in(ADA).await);
}
