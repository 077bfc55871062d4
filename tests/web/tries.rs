//! Wrong passwords in a row.

use sessiond::domain::audit::Action;
use sessiond::domain::change::UserChange;
use sessiond::domain::ending::Actor;
use sessiond::domain::safeguards::Tries;
use sessiond::domain::user::User;
use sessiond::service::sessions::Order;

use crate::harness::{On, PASSWORD, Server};

const ADA: &str = "ada@example.com";
const WRONG: &str = "not the right words";
/// So that the tries in a row are what counts.
const UNHURRIED: &str = "login_limits = { per_ip = \"100000/1h\", per_account = \"100000/1h\", all = \"100000/1h\" }";

async fn stored(server: &Server) -> User {
    server.service.named(ADA).await.expect("the store answers").expect("there she is")
}

async fn locks(server: &Server) -> usize {
    let events = server.service.store().events(None, 10_000).await.expect("events");
    events.iter().filter(|event| event.draft.action == Action::LockUser).count()
}

#[tokio::test]
async fn asvs_6_3_1_after_many_wrong_passwords_in_a_row_strangers_do_not_get_in_with_the_right_one() {
    for on in [On::Memory, On::Sled] {
        let server = Server::with(on, UNHURRIED).await;
        let mut at_home = server.user(ADA).await;
        at_home.sign_out().await;
        for left in (0..Tries::STRANGERS).rev() {
            assert_eq!(locks(&server).await, 0, "{left} left");
            server.anonymous().sign_in(ADA, WRONG).await.is(401);
        }
        assert_eq!(locks(&server).await, 1);
        let wrong = server.anonymous().sign_in(ADA, WRONG).await;
        let right = server.anonymous().sign_in(ADA, PASSWORD).await;
        let lines =
            |page: &str| page.lines().filter(|line| !line.contains("csrf")).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(lines(&right.is(401).body), lines(&wrong.is(401).body), "nobody learns that it was the right one");
        assert_eq!(locks(&server).await, 1);

        // The owner, where they have been before, gets in and ends it.
        at_home.sign_in(ADA, PASSWORD).await.goes_to("/account");
        assert_eq!(stored(&server).await.safeguards.tries, Tries::default());
        server.anonymous().sign_in(ADA, PASSWORD).await.goes_to("/account");
    }
}

#[tokio::test]
async fn asvs_6_3_1_what_is_known_to_the_account_has_tries_of_its_own_until_it_is_unlocked() {
    let server = Server::with(On::Sled, UNHURRIED).await;
    let mut at_home = server.user(ADA).await;
    at_home.sign_out().await;
    for _ in 0..Tries::KNOWN {
        at_home.sign_in(ADA, WRONG).await.is(401);
    }
    at_home.sign_in(ADA, PASSWORD).await.is(401);
    assert_eq!(locks(&server).await, 1);
    let order = Order { by: Actor::Operator, note: None, from: None };
    server.service.change_user(&stored(&server).await.id, UserChange::Unlock, &order).await.expect("unlocked");
    at_home.sign_in(ADA, PASSWORD).await.goes_to("/account");
}

#[tokio::test]
async fn asvs_6_3_1_a_right_password_in_between_begins_the_count_anew() {
    let server = Server::with(On::Sled, UNHURRIED).await;
    drop(server.user(ADA).await);
    for _ in 0..3 {
        for _ in 1..Tries::STRANGERS {
            server.anonymous().sign_in(ADA, WRONG).await.is(401);
        }
        server.anonymous().sign_in(ADA, PASSWORD).await.goes_to("/account");
    }
    assert_eq!(locks(&server).await, 0);
}
