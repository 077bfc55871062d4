//! `change_user`: what a user is, and the sessions that may not survive a change of it.

use std::collections::BTreeSet;

use super::bench::*;
use sessiond::domain::audit::Action;
use sessiond::domain::change::{NewSecondFactor, UserChange};
use sessiond::domain::ending::{Actor, Ending, Reason};
use sessiond::domain::listing::{Status, Total};
use sessiond::domain::password::PasswordHash;
use sessiond::domain::second_factor::{SecondFactor, TotpSecret};
use sessiond::domain::session::Verdict;
use sessiond::domain::user::{Label, User};
use sessiond::store::{Created, UserChanged, UserCreated};
use tokio::task::JoinSet;

store_contract! {
    blocking_ends_all_sessions_in_the_same_step,
    a_sign_in_under_way_is_stale_once_the_user_is_blocked,
    what_changes_nothing_leaves_no_trace,
    unblocking_brings_no_session_back,
    only_the_administrators_label_ends_sessions,
    the_last_administrator_stays,
    a_blocked_administrator_is_none,
    of_administrators_who_demote_each_other_at_once_one_is_left,
    nobody_cannot_be_changed,
    a_change_outlives_a_reopening,
    an_address_is_taken_and_the_old_one_free_in_the_same_step,
    of_two_who_want_one_address_at_once_one_gets_it,
    a_name_and_an_address_end_no_session,
    a_one_time_password_and_a_second_factor_end_all_sessions,
}

async fn change(bench: &Bench, user: &User, change: UserChange) -> Result<UserChanged, Failure> {
    let ending = Ending::new(Actor::Operator, change.reason(), None);
    Ok(bench.store.change_user(user.key(), change, ending).await?)
}

/// The user as they are after a change that was made, and how many sessions ended by it.
async fn changed(bench: &Bench, user: &User, asked: UserChange) -> Result<(User, u64), Failure> {
    match change(bench, user, asked).await? {
        UserChanged::Done { user, ended } => Ok((*user, ended)),
        other => Err(format!("{other:?}").into()),
    }
}

fn labels(labels: &[&str]) -> UserChange {
    let labels = labels.iter().map(|label| label.parse::<Label>());
    UserChange::Labels(labels.collect::<Result<BTreeSet<_>, _>>().expect("labels"))
}

async fn administrator(bench: &Bench, id: &str) -> Result<User, Failure> {
    let user = User { labels: BTreeSet::from([Label::admin()]), ..person(id, bench.now(), &*bench.dice) };
    let created = bench.store.create_user(user.clone(), false, Actor::Operator, None).await?;
    assert_eq!(created, UserCreated::Done);
    Ok(user)
}

async fn blocking_ends_all_sessions_in_the_same_step(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let (sessions, other) = (bench.sign_in_times(&ada, 3).await?, bench.sign_in(&bob).await?);
    let (after, ended) = changed(&bench, &ada, UserChange::Block).await?;
    assert_eq!((after.blocked, ended), (true, 3));
    assert_eq!(bench.store.user(ada.key()).await?, Some(after));
    for verdict in bench.verdicts(&sessions).await? {
        assert_eq!(reason(&verdict), Some(Reason::Blocked));
    }
    assert_eq!(bench.verdict(&other).await?, Verdict::Live);
    assert_eq!(bench.total(&everyones(Status::Live)).await?, Total::Exactly(1));
    let event = bench.events().await?.pop().ok_or("no event")?;
    let draft = event.draft;
    assert_eq!((draft.action, draft.user, draft.ended), (Action::BlockUser, Some(ada.id), 3));
    assert_eq!(draft.reason, Some(Reason::Blocked));
    let told = bench.verdict(&sessions[0]).await?;
    assert_eq!(ended_by(&told), Some(event.seq.0), "the sessions point to it");
    Ok(())
}

fn ended_by(verdict: &Verdict) -> Option<u64> {
    ended(verdict).map(|ended| ended.event.0)
}

async fn a_sign_in_under_way_is_stale_once_the_user_is_blocked(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let slow = bench.session(&ada).await?;
    changed(&bench, &ada, UserChange::Block).await?;
    assert_eq!(bench.store.create(slow, None).await?, Created::Stale);
    Ok(())
}

async fn what_changes_nothing_leaves_no_trace(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let events = bench.events().await?;
    assert_eq!(change(&bench, &ada, UserChange::Unblock).await?, UserChanged::Unchanged);
    assert_eq!(change(&bench, &ada, labels(&[])).await?, UserChanged::Unchanged);
    assert_eq!(bench.events().await?, events);
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    changed(&bench, &ada, UserChange::Block).await?;
    let told = bench.verdict(&session).await?;
    bench.clock.advance(MINUTE);
    assert_eq!(change(&bench, &ada, UserChange::Block).await?, UserChanged::Unchanged);
    assert_eq!(bench.verdict(&session).await?, told);
    Ok(())
}

async fn unblocking_brings_no_session_back(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let before = bench.sign_in(&ada).await?;
    changed(&bench, &ada, UserChange::Block).await?;
    let (after, ended) = changed(&bench, &ada, UserChange::Unblock).await?;
    assert_eq!((after.blocked, ended), (false, 0));
    assert_eq!(reason(&bench.verdict(&before).await?), Some(Reason::Blocked));
    let fresh = bench.sign_in(&ada).await?;
    assert_eq!(bench.verdict(&fresh).await?, Verdict::Live);
    Ok(())
}

async fn only_the_administrators_label_ends_sessions(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (_root, ada) = (administrator(&bench, "root").await?, bench.user("ada").await?);
    let session = bench.sign_in(&ada).await?;
    let (after, ended) = changed(&bench, &ada, labels(&["staff"])).await?;
    assert_eq!((after.epoch, ended), (ada.epoch, 0));
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    assert_eq!(changed(&bench, &ada, labels(&["admin", "staff"])).await?.1, 1);
    assert_eq!(reason(&bench.verdict(&session).await?), Some(Reason::RightsChanged));
    let session = bench.sign_in(&ada).await?;
    assert_eq!(changed(&bench, &ada, labels(&["staff"])).await?.1, 1);
    assert_eq!(reason(&bench.verdict(&session).await?), Some(Reason::RightsChanged));
    Ok(())
}

async fn the_last_administrator_stays(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (administrator(&bench, "ada").await?, administrator(&bench, "bob").await?);
    let session = bench.sign_in(&ada).await?;
    changed(&bench, &bob, labels(&[])).await?;
    let events = bench.events().await?;
    assert_eq!(change(&bench, &ada, UserChange::Block).await?, UserChanged::LastAdministrator);
    assert_eq!(change(&bench, &ada, labels(&["staff"])).await?, UserChanged::LastAdministrator);
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    assert_eq!(bench.events().await?, events);
    changed(&bench, &bob, labels(&["admin"])).await?;
    changed(&bench, &ada, UserChange::Block).await?;
    Ok(())
}

async fn a_blocked_administrator_is_none(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (administrator(&bench, "ada").await?, administrator(&bench, "bob").await?);
    changed(&bench, &bob, UserChange::Block).await?;
    assert_eq!(change(&bench, &ada, UserChange::Block).await?, UserChanged::LastAdministrator);
    // Blocked already, so nobody is lost by it.
    changed(&bench, &bob, labels(&[])).await?;
    changed(&bench, &bob, UserChange::Unblock).await?;
    assert_eq!(change(&bench, &ada, labels(&[])).await?, UserChanged::LastAdministrator);
    Ok(())
}

async fn of_administrators_who_demote_each_other_at_once_one_is_left(backend: &'static dyn Backend) -> Outcome {
    for _ in 0..10 {
        let bench = Bench::open(backend).await?;
        let mut running = JoinSet::new();
        let mut people = Vec::new();
        for number in 0..4 {
            let user = administrator(&bench, &format!("admin-{number}")).await?;
            let change = if number % 2 == 0 { labels(&[]) } else { UserChange::Block };
            people.push((user.key(), change));
        }
        for (key, change) in people.clone() {
            let (store, ending) = (bench.store.clone(), Ending::new(Actor::Operator, change.reason(), None));
            running.spawn(async move { store.change_user(key, change, ending).await });
        }
        let mut refused = 0;
        while let Some(answer) = running.join_next().await {
            refused += u64::from(answer?? == UserChanged::LastAdministrator);
        }
        let mut left = 0;
        for (key, _) in people {
            left += u64::from(bench.store.user(key).await?.is_some_and(|user| user.may_administrate()));
        }
        assert_eq!((refused, left), (1, 1));
    }
    Ok(())
}

async fn nobody_cannot_be_changed(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let nobody = person("nobody", bench.now(), &*bench.dice);
    assert_eq!(change(&bench, &nobody, UserChange::Block).await?, UserChanged::NotFound);
    assert_eq!(bench.events().await?, []);
    Ok(())
}

async fn a_change_outlives_a_reopening(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let (ada, bob) = (administrator(&bench, "ada").await?, administrator(&bench, "bob").await?);
    let session = bench.sign_in(&bob).await?;
    let (after, _) = changed(&bench, &bob, UserChange::Block).await?;
    bench.reopen().await?;
    assert_eq!(bench.store.user(bob.key()).await?, Some(after));
    assert_eq!(reason(&bench.verdict(&session).await?), Some(Reason::Blocked));
    assert_eq!(change(&bench, &ada, UserChange::Block).await?, UserChanged::LastAdministrator);
    Ok(())
}

async fn an_address_is_taken_and_the_old_one_free_in_the_same_step(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let events = bench.events().await?;
    assert_eq!(change(&bench, &ada, UserChange::Email(bob.email.clone())).await?, UserChanged::EmailTaken);
    assert_eq!(change(&bench, &ada, UserChange::Email(ada.email.clone())).await?, UserChanged::Unchanged);
    assert_eq!(bench.events().await?, events);
    let (after, ended) = changed(&bench, &ada, UserChange::Email("countess@example.com".parse()?)).await?;
    assert_eq!((after.epoch, ended), (ada.epoch, 0));
    let event = bench.events().await?.pop().ok_or("no event")?.draft;
    assert_eq!((event.action, event.user.as_ref(), event.reason), (Action::ChangeEmail, Some(&ada.id), None));
    let told = event.detail.map(|detail| detail.as_str().to_owned()).unwrap_or_default();
    assert!(told.contains(&ada.email.fingerprint()) && told.contains(&after.email.fingerprint()), "{told}");
    assert!(!told.contains("example.com"));
    // Whoever wants the old address may have it at once.
    let (moved, _) = changed(&bench, &bob, UserChange::Email(ada.email.clone())).await?;
    for reopened in [false, true] {
        if reopened {
            bench.reopen().await?;
        }
        assert_eq!(bench.store.user_by_email(&after.email).await?, Some(after.clone()));
        assert_eq!(bench.store.user_by_email(&ada.email).await?, Some(moved.clone()));
        assert_eq!(bench.store.user_by_email(&bob.email).await?, None);
    }
    let other = User { email: bob.email, ..person("other", bench.now(), &*bench.dice) };
    assert_eq!(bench.store.create_user(other, false, Actor::Operator, None).await?, UserCreated::Done);
    Ok(())
}

async fn of_two_who_want_one_address_at_once_one_gets_it(backend: &'static dyn Backend) -> Outcome {
    for round in 0..10 {
        let bench = Bench::open(backend).await?;
        let wanted: sessiond::domain::user::Email = "wanted@example.com".parse()?;
        let mut running = JoinSet::new();
        for number in 0..4 {
            let store = bench.store.clone();
            let email = wanted.clone();
            if (round + number) % 2 == 0 {
                let user = bench.user(&format!("user-{number}")).await?;
                let change = UserChange::Email(email);
                let ending = Ending::new(Actor::Operator, change.reason(), None);
                running.spawn(async move {
                    let changed = store.change_user(user.key(), change, ending).await;
                    changed.map(|changed| matches!(changed, UserChanged::Done { .. }))
                });
            } else {
                let user = User { email, ..person(&format!("new-{number}"), bench.now(), &*bench.dice) };
                running.spawn(async move {
                    let created = store.create_user(user, false, Actor::Operator, None).await;
                    created.map(|created| created == UserCreated::Done)
                });
            }
        }
        let mut got = 0;
        while let Some(answer) = running.join_next().await {
            got += u64::from(answer??);
        }
        assert_eq!(got, 1);
        let all = sessiond::domain::listing::UserQuery { rows: 100, ..Default::default() };
        let having = bench.store.list_users(&all).await?.rows.into_iter().filter(|user| user.email == wanted).count();
        assert_eq!(having, 1);
    }
    Ok(())
}

async fn a_name_and_an_address_end_no_session(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let (session, slow) = (bench.sign_in(&ada).await?, bench.session(&ada).await?);
    let (after, ended) = changed(&bench, &ada, UserChange::Name("Countess".parse()?)).await?;
    assert_eq!((after.name.as_str(), ended), ("Countess", 0));
    changed(&bench, &ada, UserChange::Email("countess@example.com".parse()?)).await?;
    assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    assert!(matches!(bench.store.create(slow, None).await?, Created::Done { .. }));
    Ok(())
}

async fn a_one_time_password_and_a_second_factor_end_all_sessions(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let (hash, until) = (PasswordHash::from_phc("one".to_owned()), bench.now() + HOUR * 24);
    let factor = Some(SecondFactor::new(TotpSecret::draw(&*bench.dice), 0, BTreeSet::new()));
    for (asked, why, action) in [
        (UserChange::OneTime { hash, until }, Reason::PasswordChanged, Action::ResetPassword),
        (
            UserChange::SecondFactor(Box::new(NewSecondFactor { factor, asked: None })),
            Reason::SecondFactorChanged,
            Action::SetSecondFactor,
        ),
        (
            UserChange::SecondFactor(Box::new(NewSecondFactor { factor: None, asked: None })),
            Reason::SecondFactorChanged,
            Action::RemoveSecondFactor,
        ),
    ] {
        let (session, slow) = (bench.sign_in(&ada).await?, bench.session(&ada).await?);
        let (after, ended) = changed(&bench, &ada, asked).await?;
        assert_eq!(ended, 1);
        assert_eq!(reason(&bench.verdict(&session).await?), Some(why));
        assert_eq!(bench.store.create(slow, None).await?, Created::Stale);
        let event = bench.events().await?.pop().ok_or("no event")?.draft;
        assert_eq!((event.action, event.ended), (action, 1));
        assert_eq!(after.safeguards.one_time_until, Some(until));
    }
    let chosen = UserChange::Chosen { verified: PasswordHash::from_phc("other".to_owned()), fresh: ada.password };
    assert_eq!(
        change(
            &bench,
            &bench.store.user("ada".parse::<sessiond::domain::id::UserId>()?.key()).await?.ok_or("gone")?,
            chosen
        )
        .await?,
        UserChanged::Stale
    );
    Ok(())
}
