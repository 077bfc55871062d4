//! Deleted users and changed addresses that the database forgot.

use super::*;

#[tokio::test]
async fn asvs_7_4_2_a_deletion_that_the_database_forgot_is_put_back_and_the_id_is_free() {
    let (folder, session) = forgotten(async |sled, session| {
        let ending = Ending::new(Actor::Operator, Reason::Deleted, None);
        let deleted = sled.delete_user(session.user_key(), ending).await.unwrap();
        assert_eq!(deleted, UserDeleted::Done { ended: 1 });
    })
    .await;
    let (clock, environment) = at(START + MINUTE * 32);
    let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
    let Verdict::Ended(ended) = verdict(&sled, &session, clock.now()).await else { panic!("resurrected") };
    assert_eq!(ended.reason, Reason::Deleted);
    let email: Email = "ada@example.com".parse().unwrap();
    assert_eq!(sled.user(session.user_key()).await.unwrap(), None);
    assert_eq!(sled.user_by_email(&email).await.unwrap(), None);
    assert_eq!(sled.count_users(&UserFilter::default()).await.unwrap(), Total::Exactly(0));
    // Replaying it once more takes nothing from whoever has the id next.
    let again = ada(&email, Epoch::draw(&OsEntropy));
    assert_eq!(sled.create_user(again.clone(), false, Actor::Operator, None).await.unwrap(), UserCreated::Done);
    let fresh = sign_in(&sled, &again, clock.now(), &environment).await;
    sled.close().await.unwrap();
    drop(sled);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    assert_eq!(sled.user_by_email(&email).await.unwrap(), Some(again));
    assert_eq!(verdict(&sled, &fresh, clock.now()).await, Verdict::Live);
    assert!(matches!(verdict(&sled, &session, clock.now()).await, Verdict::Ended(_)));
}

#[tokio::test]
async fn an_address_that_the_database_forgot_comes_back_with_the_change_after_it() {
    let new: Email = "countess@example.com".parse().unwrap();
    let (folder, session) = forgotten(async |sled, session| {
        for change in [UserChange::Email("countess@example.com".parse().unwrap()), UserChange::Block] {
            let ending = Ending::new(Actor::Operator, change.reason(), None);
            sled.change_user(session.user_key(), change, ending).await.unwrap();
        }
    })
    .await;
    let (_, environment) = at(START + MINUTE * 32);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    let user = sled.user(session.user_key()).await.unwrap().unwrap();
    assert_eq!((user.email.clone(), user.blocked), (new.clone(), true));
    assert_eq!(sled.user_by_email(&new).await.unwrap(), Some(user), "found by the address that the record says");
    let old: Email = "ada@example.com".parse().unwrap();
    assert_eq!(sled.user_by_email(&old).await.unwrap(), None);
    let other = User { id: "other".parse().unwrap(), ..ada(&old, Epoch::draw(&OsEntropy)) };
    assert_eq!(sled.create_user(other, false, Actor::Operator, None).await.unwrap(), UserCreated::Done);
}

/// A change of address that was never confirmed, since the power went, and a block right after it that the journal has.
#[tokio::test]
async fn a_block_that_is_put_back_brings_no_address_along_that_the_database_has_no_index_of() {
    let new = || "lovelace@example.com".parse::<sessiond::domain::user::Email>().unwrap();
    let (folder, session) = forgotten(async |sled, session| {
        for change in [UserChange::Email(new()), UserChange::Block] {
            let ending = Ending::new(Actor::Operator, change.reason(), None);
            let changed = sled.change_user(session.user_key(), change, ending).await.unwrap();
            assert!(matches!(changed, UserChanged::Done { .. }));
        }
    })
    .await;
    let (_, environment) = at(START + MINUTE * 32);
    let sled = Sled::open(folder.path(), environment).await.unwrap();
    let user = sled.user(session.user_key()).await.unwrap().unwrap();
    assert!(user.blocked);
    assert_eq!(sled.user_by_email(&user.email).await.unwrap().as_ref(), Some(&user), "found by the address they have");
    assert_eq!(sled.check_open().await.unwrap().findings, Vec::<String>::new());
}

#[tokio::test]
async fn a_deletion_that_the_database_forgot_is_put_back_whatever_address_it_knows() {
    let new = || "lovelace@example.com".parse::<sessiond::domain::user::Email>().unwrap();
    for moved in [false, true] {
        let (folder, session) = forgotten(async |sled, session| {
            if moved {
                let change = UserChange::Email(new());
                let ending = Ending::new(Actor::Operator, change.reason(), None);
                sled.change_user(session.user_key(), change, ending).await.unwrap();
            }
            let ending = Ending::new(Actor::Operator, Reason::Deleted, None);
            let deleted = sled.delete_user(session.user_key(), ending).await.unwrap();
            assert_eq!(deleted, UserDeleted::Done { ended: 1 });
        })
        .await;
        let (clock, environment) = at(START + MINUTE * 32);
        // Twice: repeating it changes nothing.
        for _ in 0..2 {
            let sled = Sled::open(folder.path(), environment.clone()).await.unwrap();
            assert_eq!(sled.user(session.user_key()).await.unwrap(), None);
            for email in [new(), "ada@example.com".parse().unwrap()] {
                assert_eq!(sled.user_by_email(&email).await.unwrap(), None);
            }
            let Verdict::Ended(ended) = verdict(&sled, &session, clock.now()).await else { panic!("resurrected") };
            assert_eq!(ended.reason, Reason::Deleted);
            assert_eq!(sled.check_open().await.unwrap().findings, Vec::<String>::new());
            sled.close().await.unwrap();
        }
    }
}
