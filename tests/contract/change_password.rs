//! `change_user` with a new password: what ends by it, and the session that takes the place of the one in which it was asked for.

use super::bench::*;
use sessiond::domain::audit::Action;
use sessiond::domain::change::{Asked, NewPassword, UserChange};
use sessiond::domain::ending::{Actor, Ending, Reason};
use sessiond::domain::id::SessionId;
use sessiond::domain::listing::{Order, Status, Total};
use sessiond::domain::password::PasswordHash;
use sessiond::domain::session::{Session, Verdict};
use sessiond::domain::user::User;
use sessiond::store::{Created, UserChanged};
use tokio::task::JoinSet;

store_contract! {
    asvs_7_4_3_a_new_password_ends_every_session_and_one_takes_the_place_of_the_one_that_asked,
    a_session_may_go_on_where_a_new_credential_would_not_arrive,
    asvs_7_5_1_only_the_password_that_is_still_the_users_counts,
    asvs_7_4_1_a_session_that_is_past_or_somebody_elses_changes_no_password,
    an_end_of_all_others_meanwhile_refuses_the_change,
    of_changes_at_once_one_is_made,
    a_session_that_was_there_before_takes_nobodys_place,
    the_operators_new_password_ends_every_session,
    a_sign_in_with_the_old_password_under_way_is_stale,
    asvs_11_4_2_hashing_anew_ends_nothing_and_overwrites_no_other_password,
    a_new_password_outlives_a_reopening_and_so_does_the_new_session,
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash::from_phc(format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ${text}"))
}

async fn change(bench: &Bench, user: &User, change: UserChange) -> Result<UserChanged, Failure> {
    let ending = Ending::new(Actor::User(user.id.clone()), change.reason(), None);
    Ok(bench.store.change_user(user.key(), change, ending).await?)
}

/// What a user sends who asks in `session`, knows the password that they have in `user`, and would go on in `successor`.
fn asked(user: &User, session: SessionId, successor: &Session, to: &str) -> UserChange {
    let asked = Asked { verified: user.password.clone(), session, successor: successor.clone() };
    UserChange::Password(Box::new(NewPassword { hash: hash(to), asked: Some(asked) }))
}

/// Nothing has changed since these events: the user is `user`, and the sessions are live.
async fn assert_untouched(bench: &Bench, user: &User, live: &[Session], events: usize) -> Outcome {
    assert_eq!(bench.store.user(user.key()).await?.as_ref(), Some(user));
    for verdict in bench.verdicts(live).await? {
        assert_eq!(verdict, Verdict::Live);
    }
    assert_eq!(bench.events().await?.len(), events);
    Ok(())
}

async fn asvs_7_4_3_a_new_password_ends_every_session_and_one_takes_the_place_of_the_one_that_asked(
    backend: &'static dyn Backend,
) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let (sessions, other) = (bench.sign_in_times(&ada, 3).await?, bench.sign_in(&bob).await?);
    let successor = bench.session(&ada).await?;
    let UserChanged::Done { user, ended } =
        change(&bench, &ada, asked(&ada, sessions[1].id(), &successor, "new")).await?
    else {
        return Err("not changed".into());
    };
    assert_eq!((&user.password, ended), (&hash("new"), 3));
    assert_eq!(bench.store.user(ada.key()).await?, Some(*user));
    for verdict in bench.verdicts(&sessions).await? {
        assert_eq!(reason(&verdict), Some(Reason::PasswordChanged));
    }
    assert_eq!(bench.verdicts(&[successor.clone(), other]).await?, [Verdict::Live, Verdict::Live]);
    let live = users(ada.key(), Status::Live);
    assert_eq!(bench.total(&live).await?, Total::Exactly(1));
    assert_eq!(bench.walk_both_ways(&live, Order::SignedIn, 2).await?, [successor.id()]);
    assert_eq!(bench.total(&everyones(Status::Ended)).await?, Total::Exactly(3));

    let mut events = bench.events().await?;
    let (begun, changed) = (events.pop().ok_or("no event")?, events.pop().ok_or("no event")?);
    assert_eq!((begun.draft.action, begun.draft.session), (Action::SignIn, Some(successor.id())));
    assert_eq!((changed.draft.action, changed.draft.ended), (Action::ChangePassword, 3));
    assert_eq!((changed.draft.user, changed.draft.reason), (Some(ada.id.clone()), Some(Reason::PasswordChanged)));
    while bench.store.reap(10).await? > 0 {}
    assert_eq!(bench.verdict(&successor).await?, Verdict::Live);
    assert_eq!(reason(&bench.verdict(&sessions[1]).await?), Some(Reason::PasswordChanged));
    Ok(())
}

async fn a_session_may_go_on_where_a_new_credential_would_not_arrive(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let sessions = bench.sign_in_times(&ada, 3).await?;
    let kept = &sessions[1];
    let wish = asked(&ada, kept.id(), kept, "new");
    let wrong = User { password: hash("wrong"), ..ada.clone() };
    assert_eq!(change(&bench, &wrong, asked(&wrong, kept.id(), kept, "new")).await?, UserChanged::Stale);
    let changed = change(&bench, &ada, wish.clone()).await?;
    assert!(matches!(changed, UserChanged::Done { ended: 2, .. }), "{changed:?}");
    let verdicts = bench.verdicts(&sessions).await?;
    assert_eq!(verdicts[1], Verdict::Live);
    for ended in [&verdicts[0], &verdicts[2]] {
        assert_eq!(reason(ended), Some(Reason::PasswordChanged));
    }
    let live = users(ada.key(), Status::Live);
    assert_eq!(bench.total(&live).await?, Total::Exactly(1));
    assert_eq!(bench.walk_both_ways(&live, Order::SignedIn, 2).await?, [kept.id()]);
    assert_eq!(change(&bench, &ada, wish).await?, UserChanged::Stale, "once more, with the password of before");

    bench.reopen().await?;
    assert_eq!(bench.verdict(kept).await?, Verdict::Live);
    while bench.store.reap(10).await? > 0 {}
    assert_eq!(bench.verdict(kept).await?, Verdict::Live);
    assert_eq!(bench.total(&live).await?, Total::Exactly(1));
    Ok(())
}

async fn asvs_7_5_1_only_the_password_that_is_still_the_users_counts(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let successor = bench.session(&ada).await?;
    let events = bench.events().await?.len();
    let wrong = User { password: hash("wrong"), ..ada.clone() };
    assert_eq!(change(&bench, &wrong, asked(&wrong, session.id(), &successor, "new")).await?, UserChanged::Stale);
    assert_untouched(&bench, &ada, &[session], events).await?;
    assert_eq!(bench.store.session(ada.key(), successor.id()).await?, None);
    Ok(())
}

async fn asvs_7_4_1_a_session_that_is_past_or_somebody_elses_changes_no_password(
    backend: &'static dyn Backend,
) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let expired = bench.sign_in(&ada).await?;
    bench.clock.advance(2 * HOUR);
    let (ended, live, other) = (bench.sign_in(&ada).await?, bench.sign_in(&ada).await?, bench.sign_in(&bob).await?);
    bench.end(&ended).await?;
    let successor = bench.session(&ada).await?;
    let events = bench.events().await?.len();
    for id in [expired.id(), ended.id(), other.id(), successor.id()] {
        assert_eq!(change(&bench, &ada, asked(&ada, id, &successor, "new")).await?, UserChanged::Stale);
    }
    // A session that is to begin for somebody else does not begin.
    let foreign = bench.session(&bob).await?;
    assert_eq!(change(&bench, &ada, asked(&ada, live.id(), &foreign, "new")).await?, UserChanged::Stale);
    assert_untouched(&bench, &ada, &[live, other], events).await?;
    assert_eq!(reason(&bench.verdict(&ended).await?), Some(Reason::Revoked));
    Ok(())
}

async fn an_end_of_all_others_meanwhile_refuses_the_change(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let successor = bench.session(&ada).await?;
    bench.end_user(&ada, Some(session.id())).await?;
    assert_eq!(change(&bench, &ada, asked(&ada, session.id(), &successor, "new")).await?, UserChanged::Stale);
    bench.store.end_everyone(everyone_revoked()).await?;
    assert_eq!(change(&bench, &ada, asked(&ada, session.id(), &successor, "new")).await?, UserChanged::Stale);
    let present = bench.store.user(ada.key()).await?.ok_or("no user")?;
    assert_eq!(present.password, ada.password);
    Ok(())
}

async fn of_changes_at_once_one_is_made(backend: &'static dyn Backend) -> Outcome {
    for _ in 0..10 {
        let bench = Bench::open(backend).await?;
        let ada = bench.user("ada").await?;
        let sessions = bench.sign_in_times(&ada, 4).await?;
        let mut running = JoinSet::new();
        let mut successors = Vec::new();
        for (number, session) in sessions.iter().enumerate() {
            let successor = bench.session(&ada).await?;
            let asked = asked(&ada, session.id(), &successor, &format!("new{number}"));
            let (store, ending) = (bench.store.clone(), Ending::new(Actor::Operator, asked.reason(), None));
            let key = ada.key();
            running.spawn(async move { store.change_user(key, asked, ending).await });
            successors.push(successor);
        }
        let mut answers = Vec::new();
        while let Some(answer) = running.join_next().await {
            answers.push(answer??);
        }
        assert_eq!(answers.iter().filter(|answer| matches!(answer, UserChanged::Done { ended: 4, .. })).count(), 1);
        assert_eq!(answers.iter().filter(|answer| **answer == UserChanged::Stale).count(), 3);
        let mut begun = 0;
        for successor in &successors {
            begun += usize::from(bench.store.session(ada.key(), successor.id()).await?.is_some());
        }
        assert_eq!(begun, 1);
        assert_eq!(bench.total(&users(ada.key(), Status::Live)).await?, Total::Exactly(1));
    }
    Ok(())
}

async fn a_session_that_was_there_before_takes_nobodys_place(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let (session, before) = (bench.sign_in(&ada).await?, bench.sign_in(&ada).await?);
    bench.end(&before).await?;
    assert_eq!(change(&bench, &ada, asked(&ada, session.id(), &before, "new")).await?, UserChanged::Stale);
    assert_eq!(reason(&bench.verdict(&before).await?), Some(Reason::Revoked), "ended is ended");
    Ok(())
}

async fn the_operators_new_password_ends_every_session(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let sessions = bench.sign_in_times(&ada, 2).await?;
    let set = UserChange::Password(Box::new(NewPassword { hash: hash("set"), asked: None }));
    assert!(matches!(change(&bench, &ada, set).await?, UserChanged::Done { ended: 2, .. }));
    for verdict in bench.verdicts(&sessions).await? {
        assert_eq!(reason(&verdict), Some(Reason::PasswordChanged));
    }
    let fresh = bench.sign_in(&ada).await?;
    assert_eq!(bench.verdict(&fresh).await?, Verdict::Live);
    Ok(())
}

async fn a_sign_in_with_the_old_password_under_way_is_stale(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let (slow, successor) = (bench.session(&ada).await?, bench.session(&ada).await?);
    let changed = change(&bench, &ada, asked(&ada, session.id(), &successor, "new")).await?;
    assert!(matches!(changed, UserChanged::Done { .. }));
    assert_eq!(bench.store.create(slow, None).await?, Created::Stale);
    Ok(())
}

async fn asvs_11_4_2_hashing_anew_ends_nothing_and_overwrites_no_other_password(
    backend: &'static dyn Backend,
) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let slow = bench.session(&ada).await?;
    let rehash = |from: &PasswordHash, to: &str| UserChange::Rehash { verified: from.clone(), fresh: hash(to) };
    let UserChanged::Done { user, ended: 0 } = change(&bench, &ada, rehash(&ada.password, "dearer")).await? else {
        return Err("not hashed anew".into());
    };
    assert_eq!((&user.password, user.epoch), (&hash("dearer"), ada.epoch));
    let last = bench.events().await?.pop().ok_or("no event")?.draft;
    assert_eq!((last.action, last.reason, last.ended), (Action::RehashPassword, None, 0));
    assert_eq!(change(&bench, &ada, rehash(&ada.password, "late")).await?, UserChanged::Stale);
    assert_eq!(bench.store.user(ada.key()).await?, Some(*user));
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    assert!(matches!(bench.store.create(slow, None).await?, Created::Done { .. }));
    Ok(())
}

async fn a_new_password_outlives_a_reopening_and_so_does_the_new_session(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let sessions = bench.sign_in_times(&ada, 2).await?;
    let successor = bench.session(&ada).await?;
    let changed = change(&bench, &ada, asked(&ada, sessions[0].id(), &successor, "new")).await?;
    assert!(matches!(changed, UserChanged::Done { .. }));
    bench.reopen().await?;
    assert_eq!(bench.store.user(ada.key()).await?.map(|user| user.password), Some(hash("new")));
    assert_eq!(bench.verdict(&successor).await?, Verdict::Live);
    for verdict in bench.verdicts(&sessions).await? {
        assert_eq!(reason(&verdict), Some(Reason::PasswordChanged));
    }
    assert_eq!(bench.total(&users(ada.key(), Status::Live)).await?, Total::Exactly(1));
    Ok(())
}
