//! `delete_user`: what ends by it, what is left of a user, and what may come after.

use super::bench::*;
use sessiond::domain::audit::{Action, Draft, Outcome as Went};
use sessiond::domain::change::UserChange;
use sessiond::domain::ending::{Actor, Ending, Reason};
use sessiond::domain::listing::{Filter, Order, Status, Total, Whose};
use sessiond::domain::safeguards::Admission;
use sessiond::domain::session::Verdict;
use sessiond::domain::user::User;
use sessiond::store::{Admitted, Created, End, EndUser, UserChanged, UserDeleted};
use tokio::task::JoinSet;

store_contract! {
    a_deleted_user_is_found_nowhere_and_changed_by_nothing,
    a_sign_in_under_way_is_stale_and_a_wrong_password_is_written_down_all_the_same,
    what_is_left_is_reaped_swept_and_opened_again,
    no_text_finds_the_sessions_of_a_deleted_user,
    somebody_with_the_id_of_a_deleted_user_is_created_while_the_old_sessions_are_asked_for,
}

fn deleted() -> Ending {
    Ending::new(Actor::Operator, Reason::Deleted, None)
}

async fn delete(bench: &Bench, user: &User) -> Result<u64, Failure> {
    match bench.store.delete_user(user.key(), deleted()).await? {
        UserDeleted::Done { ended } => Ok(ended),
        other => Err(format!("{other:?}").into()),
    }
}

async fn a_deleted_user_is_found_nowhere_and_changed_by_nothing(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    delete(&bench, &ada).await?;
    for again in [false, true] {
        if again {
            bench.reopen().await?;
        }
        let key = ada.key();
        assert_eq!(bench.store.user(key).await?, None);
        assert_eq!(bench.store.user_by_email(&ada.email).await?, None);
        assert!(!bench.store.has_users().await?);
        for change in [UserChange::Block, UserChange::Unlock, UserChange::Email("a@b".parse()?)] {
            assert_eq!(bench.store.change_user(key, change, revoked()).await?, UserChanged::NotFound);
        }
        assert_eq!(bench.store.delete_user(key, deleted()).await?, UserDeleted::NotFound);
        assert_eq!(bench.store.end_user(key, None, revoked()).await?, EndUser::NotFound);
        assert_eq!(bench.store.admit(key, Admission::default(), None).await?, Admitted::NotFound);
        let known = Admission { known: true, ..Admission::default() };
        assert_eq!(bench.store.admit(key, known, None).await?, Admitted::NotFound);
        assert!(matches!(bench.store.end(key, session.id(), revoked()).await?, End::AlreadyEnded(Verdict::Ended(_))));
        assert_eq!(bench.store.user(key).await?, None);
    }
    Ok(())
}

async fn a_sign_in_under_way_is_stale_and_a_wrong_password_is_written_down_all_the_same(
    backend: &'static dyn Backend,
) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.session(&ada).await?;
    delete(&bench, &ada).await?;
    assert_eq!(bench.store.create(session, None).await?, Created::Stale);
    let before = bench.events().await?.len();
    let draft = Draft::new(Actor::Anonymous, Action::SignIn, Went::Failure);
    bench.store.sign_in_failed(ada.key(), false, Draft { user: Some(ada.id.clone()), ..draft }).await?;
    assert_eq!(bench.events().await?.len(), before + 1);
    assert_eq!(bench.store.user(ada.key()).await?, None, "counting brings nobody back");
    Ok(())
}

async fn what_is_left_is_reaped_swept_and_opened_again(backend: &'static dyn Backend) -> Outcome {
    for (reap, reopen) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut bench = Bench::open(backend).await?;
        let ada = bench.user("ada").await?;
        let sessions = bench.sign_in_times(&ada, 5).await?;
        assert_eq!(delete(&bench, &ada).await?, 5);
        bench.clock.advance(MINUTE);
        if reap {
            while bench.store.reap(2).await? > 0 {}
        }
        if reopen {
            bench.reopen().await?;
        }
        for verdict in bench.verdicts(&sessions).await? {
            assert_eq!(reason(&verdict), Some(Reason::Deleted));
        }
        assert_eq!(bench.total(&everyones(Status::Ended)).await?, Total::Exactly(5));
        while bench.store.reap(2).await? > 0 {}
        while bench.store.sweep(bench.now(), 2).await? > 0 {}
        assert_eq!(bench.total(&everyones(Status::Any)).await?, Total::Exactly(0), "{reap} {reopen}");
        assert_eq!(bench.store.session(ada.key(), sessions[0].id()).await?, None);
    }
    Ok(())
}

async fn no_text_finds_the_sessions_of_a_deleted_user(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in(&ada).await?;
    delete(&bench, &ada).await?;
    let filter = Filter { whose: Whose::Matching("ada".to_owned()), status: Status::Any, ..Filter::default() };
    assert_eq!(bench.walk(&filter, Order::SignedIn, 5).await?, []);
    assert_eq!(bench.total(&filter).await?, Total::Exactly(0));
    Ok(())
}

/// Hangs if locks are taken in two orders.
async fn somebody_with_the_id_of_a_deleted_user_is_created_while_the_old_sessions_are_asked_for(
    backend: &'static dyn Backend,
) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    // Each takes no time where nothing is written to a disk.
    let rounds = if bench.keeps() { 50 } else { 50_000 };
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        let (store, key, id) = (bench.store.clone(), ada.key(), session.id());
        tasks.spawn(async move {
            for _ in 0..rounds {
                let _ = store.session(key, id).await;
            }
        });
        let (store, user) = (bench.store.clone(), ada.clone());
        tasks.spawn(async move {
            for _ in 0..rounds {
                let _ = store.delete_user(user.key(), deleted()).await;
                let _ = store.create_user(user.clone(), false, Actor::Operator, None).await;
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done?;
    }
    Ok(())
}
