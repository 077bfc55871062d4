//! What the audit log says of signing in and out: who, what, from where, when and how it went.

use std::net::IpAddr;

use sessiond::domain::audit::{Action, Event, Outcome};
use sessiond::domain::change::UserChange;
use sessiond::domain::ending::{Actor, Reason};
use sessiond::service::sessions::Order;

use crate::harness::{PASSWORD, Server};

on_both_stores! {
    asvs_16_3_1_every_proof_of_who_somebody_is_and_every_failure_is_written_down,
}

const ADA: &str = "ada@example.com";
const WRONG: &str = "not the right words";

async fn last(server: &Server) -> Event {
    let mut events = server.service.store().events(None, 1).await.expect("the store answers");
    events.remove(0)
}

async fn asvs_16_3_1_every_proof_of_who_somebody_is_and_every_failure_is_written_down(server: Server) {
    let id = server.create(ADA, &[]).await.expect("a new user").id;
    let mut ada = server.anonymous().at("198.51.100.7");
    let place: IpAddr = [198, 51, 100, 7].into();
    let is = |event: &Event, by: &Actor, action, outcome, user: Option<_>| {
        let draft = &event.draft;
        assert_eq!((&draft.actor, draft.action, draft.outcome), (by, action, outcome), "{event:?}");
        assert_eq!((draft.user.as_ref(), draft.from), (user, Some(place)), "{event:?}");
        assert_eq!(event.at, server.now(), "{event:?}");
    };
    let (nobody, herself) = (Actor::Anonymous, Actor::User(id.clone()));

    ada.sign_in("eve@example.com", WRONG).await.is(401);
    is(&last(&server).await, &nobody, Action::SignIn, Outcome::Failure, None);
    server.pass(std::time::Duration::from_secs(1));
    ada.sign_in(ADA, WRONG).await.is(401);
    is(&last(&server).await, &nobody, Action::SignIn, Outcome::Failure, Some(&id));
    ada.sign_in(ADA, PASSWORD).await.goes_to("/account");
    let begun = last(&server).await;
    is(&begun, &herself, Action::SignIn, Outcome::Success, Some(&id));
    let own = ada.session().await;
    assert_eq!(begun.draft.session, Some(own));

    let typed = |present| {
        [("password", present), ("new_password", "seven brave otters"), ("new_password_again", "seven brave otters")]
    };
    ada.fill("/account/password", "/account/password", &typed(WRONG)).await.is(401);
    let refused = last(&server).await;
    is(&refused, &herself, Action::Reauthenticate, Outcome::Failure, Some(&id));
    assert_eq!(refused.draft.session, Some(own));
    ada.fill("/account/password", "/account/password", &typed(PASSWORD)).await.goes_to("/account");
    // The new password, and the session that takes the place of the one in which it was asked for.
    let both = server.service.store().events(None, 2).await.expect("the store answers");
    is(&both[0], &herself, Action::SignIn, Outcome::Success, Some(&id));
    is(&both[1], &herself, Action::ChangePassword, Outcome::Success, Some(&id));
    ada.sign_out().await.goes_to("/login");
    let ended = last(&server).await;
    is(&ended, &herself, Action::EndSession, Outcome::Success, Some(&id));
    assert_eq!(ended.draft.reason, Some(Reason::SignedOut));

    let order = Order { by: Actor::Operator, note: None, from: None };
    server.service.change_user(&id, UserChange::Block, &order).await.expect("the store answers");
    ada.sign_in(ADA, "seven brave otters").await.is(403);
    let blocked = last(&server).await;
    is(&blocked, &herself, Action::SignIn, Outcome::Failure, Some(&id));
    assert_eq!(blocked.draft.reason, Some(Reason::Blocked));
}
