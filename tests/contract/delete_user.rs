//! `delete_user`: the user goes, their sessions end, and what happened stays known.

use std::collections::BTreeSet;

use super::bench::*;
use sessiond::domain::audit::Action;
use sessiond::domain::change::UserChange;
use sessiond::domain::ending::{Actor, Ending, Note, Reason};
use sessiond::domain::epoch::Epoch;
use sessiond::domain::listing::{Filter, Order, Query, Status, Total, Whose};
use sessiond::domain::safeguards::Admission;
use sessiond::domain::session::Verdict;
use sessiond::domain::user::{Label, User};
use sessiond::store::{Admitted, Created, End, EndUser, UserChanged, UserCreated, UserDeleted};
use tokio::task::JoinSet;

store_contract! {
    asvs_7_4_2_deleting_ends_all_sessions_in_the_same_step,
    the_event_keeps_the_id_and_tells_no_address,
    sessions_of_a_deleted_user_stay_listed_as_ended,
    a_sign_in_under_way_is_stale_once_the_user_is_deleted,
    nobody_is_deleted_twice,
    the_last_administrator_is_not_deleted,
    of_administrators_who_take_each_other_away_at_once_one_is_left,
    id_and_address_are_free_again_and_bring_nothing_back,
    a_deletion_outlives_a_reopening,
    many_deletions_and_sign_ins_at_once_leave_no_live_session,
}

async fn delete(bench: &Bench, user: &User) -> Result<UserDeleted, Failure> {
    Ok(bench.store.delete_user(user.key(), Ending::new(Actor::Operator, Reason::Deleted, None)).await?)
}

async fn administrator(bench: &Bench, id: &str) -> Result<User, Failure> {
    let user = User { labels: BTreeSet::from([Label::admin()]), ..person(id, bench.now(), &*bench.dice) };
    let created = bench.store.create_user(user.clone(), false, Actor::Operator, None).await?;
    assert_eq!(created, UserCreated::Done);
    Ok(user)
}

async fn asvs_7_4_2_deleting_ends_all_sessions_in_the_same_step(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let (sessions, other) = (bench.sign_in_times(&ada, 3).await?, bench.sign_in(&bob).await?);
    let past = sessions[0].id();
    bench.end(&sessions[0]).await?;
    assert_eq!(delete(&bench, &ada).await?, UserDeleted::Done { ended: 2 });
    assert_eq!(bench.store.user(ada.key()).await?, None);
    assert_eq!(bench.store.user_by_email(&ada.email).await?, None);
    let verdicts = bench.verdicts(&sessions).await?;
    let reasons: Vec<_> = verdicts.iter().map(reason).collect();
    assert_eq!(reasons, [Some(Reason::Revoked), Some(Reason::Deleted), Some(Reason::Deleted)], "{past}");
    let event = bench.events().await?.pop().ok_or("no event")?;
    assert_eq!(ended(&verdicts[1]).map(|ended| ended.event), Some(event.seq), "the sessions point to it");
    assert_eq!(bench.verdict(&other).await?, Verdict::Live);
    Ok(())
}

async fn the_event_keeps_the_id_and_tells_no_address(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    bench.sign_in(&ada).await?;
    let ending = Ending {
        note: Note::parse("asked to be forgotten")?,
        ..Ending::new(Actor::Operator, Reason::Deleted, Some("192.0.2.9".parse()?))
    };
    bench.store.delete_user(ada.key(), ending.clone()).await?;
    let events = bench.events().await?;
    let draft = events.last().ok_or("no event")?.draft.clone();
    assert_eq!((draft.action, draft.user.as_ref(), draft.ended), (Action::DeleteUser, Some(&ada.id), 1));
    assert_eq!((draft.actor, draft.note, draft.from), (ending.by, ending.note, ending.from));
    assert_eq!(draft.reason, Some(Reason::Deleted));
    assert!(draft.detail.is_some_and(|detail| detail.as_str().contains(&ada.email.fingerprint())));
    assert!(!format!("{events:?}").contains(ada.email.as_str()));
    Ok(())
}

async fn sessions_of_a_deleted_user_stay_listed_as_ended(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let (ada, bob) = (bench.user("ada").await?, bench.user("bob").await?);
    let sessions = bench.sign_in_times(&ada, 3).await?;
    let other = bench.sign_in(&bob).await?;
    delete(&bench, &ada).await?;
    for reopened in [false, true] {
        if reopened {
            bench.reopen().await?;
        }
        assert_eq!(bench.total(&everyones(Status::Live)).await?, Total::Exactly(1));
        let filter = users(ada.key(), Status::Ended);
        assert_eq!(bench.total(&filter).await?, Total::Exactly(3), "{reopened}");
        let mut listed = bench.walk(&filter, Order::SignedIn, 2).await?;
        listed.reverse();
        assert_eq!(listed, ids(&sessions), "{reopened}");
        // A text is looked for in what users are, and they are one no more.
        let text = Filter { whose: Whose::Matching("ada".to_owned()), ..everyones(Status::Ended) };
        assert_eq!(bench.total(&text).await?, Total::Exactly(0), "{reopened}");
        assert_eq!(bench.walk(&text, Order::SignedIn, 2).await?, [], "{reopened}");
        let gone = bench.store.page(&Query::first(users(ada.key(), Status::Any))).await?;
        assert!(gone.rows.iter().all(|(standing, verdict)| standing.user.is_none()
            && standing.session.user() == &ada.id
            && reason(verdict) == Some(Reason::Deleted)));
        assert_eq!(bench.total(&users(ada.key(), Status::Live)).await?, Total::Exactly(0));
        assert_eq!(bench.verdict(&other).await?, Verdict::Live);
        while bench.store.reap(100).await? > 0 {}
    }
    Ok(())
}

async fn a_sign_in_under_way_is_stale_once_the_user_is_deleted(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let slow = bench.session(&ada).await?;
    let signed_in = bench.sign_in(&ada).await?;
    delete(&bench, &ada).await?;
    assert_eq!(bench.store.create(slow, None).await?, Created::Stale);
    assert_eq!(bench.store.admit(ada.key(), Admission::default(), None).await?, Admitted::NotFound);
    assert!(matches!(bench.store.end(ada.key(), signed_in.id(), revoked()).await?, End::AlreadyEnded(_)));
    assert_eq!(bench.store.end_user(ada.key(), None, revoked()).await?, EndUser::NotFound);
    Ok(())
}

async fn nobody_is_deleted_twice(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (ada, nobody) = (bench.user("ada").await?, person("nobody", bench.now(), &*bench.dice));
    assert_eq!(delete(&bench, &nobody).await?, UserDeleted::NotFound);
    delete(&bench, &ada).await?;
    let events = bench.events().await?;
    assert_eq!(delete(&bench, &ada).await?, UserDeleted::NotFound);
    let change = bench.store.change_user(ada.key(), UserChange::Block, revoked()).await?;
    assert_eq!(change, UserChanged::NotFound);
    assert_eq!(bench.events().await?, events);
    assert!(!bench.store.has_users().await?);
    Ok(())
}

async fn the_last_administrator_is_not_deleted(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let (ada, bob) = (administrator(&bench, "ada").await?, administrator(&bench, "bob").await?);
    let (_carol, session) = (bench.user("carol").await?, bench.sign_in(&ada).await?);
    bench.store.change_user(bob.key(), UserChange::Block, revoked()).await?;
    let events = bench.events().await?;
    for reopened in [false, true] {
        if reopened {
            bench.reopen().await?;
        }
        assert_eq!(delete(&bench, &ada).await?, UserDeleted::LastAdministrator);
        assert_eq!(bench.events().await?, events);
        assert_eq!(bench.verdict(&session).await?, Verdict::Live);
    }
    bench.store.change_user(bob.key(), UserChange::Unblock, revoked()).await?;
    assert_eq!(delete(&bench, &ada).await?, UserDeleted::Done { ended: 1 });
    assert_eq!(delete(&bench, &bob).await?, UserDeleted::LastAdministrator);
    Ok(())
}

async fn of_administrators_who_take_each_other_away_at_once_one_is_left(backend: &'static dyn Backend) -> Outcome {
    for round in 0..20 {
        let bench = Bench::open(backend).await?;
        let (ada, bob) = (administrator(&bench, "ada").await?, administrator(&bench, "bob").await?);
        let mut running = JoinSet::new();
        for (n, key) in [ada.key(), bob.key()].into_iter().enumerate() {
            let store = bench.store.clone();
            running.spawn(async move {
                let ending = Ending::new(Actor::Operator, Reason::Deleted, None);
                Ok::<_, sessiond::store::StoreError>(match (round + n) % 3 {
                    0 => store.delete_user(key, ending).await? == UserDeleted::LastAdministrator,
                    1 => store.change_user(key, UserChange::Block, ending).await? == UserChanged::LastAdministrator,
                    _ => {
                        let change = UserChange::Labels(BTreeSet::new());
                        store.change_user(key, change, ending).await? == UserChanged::LastAdministrator
                    }
                })
            });
        }
        let mut refused = 0;
        while let Some(answer) = running.join_next().await {
            refused += u64::from(answer??);
        }
        let mut left = 0;
        for key in [ada.key(), bob.key()] {
            left += u64::from(bench.store.user(key).await?.is_some_and(|user| user.may_administrate()));
        }
        assert_eq!((refused, left), (1, 1));
    }
    Ok(())
}

async fn id_and_address_are_free_again_and_bring_nothing_back(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let (old, slow) = (bench.sign_in(&ada).await?, bench.session(&ada).await?);
    delete(&bench, &ada).await?;
    let again = User { epoch: Epoch::draw(&*bench.dice), ..ada.clone() };
    assert_eq!(bench.store.create_user(again.clone(), false, Actor::Operator, None).await?, UserCreated::Done);
    let fresh = bench.sign_in(&again).await?;
    for reopened in [false, true] {
        if reopened {
            bench.reopen().await?;
        }
        assert_eq!(bench.store.user_by_email(&ada.email).await?, Some(again.clone()));
        assert_eq!(reason(&bench.verdict(&old).await?), Some(Reason::Deleted));
        assert_eq!(bench.verdict(&fresh).await?, Verdict::Live);
        assert_eq!(bench.total(&users(ada.key(), Status::Live)).await?, Total::Exactly(1));
        assert_eq!(bench.total(&users(ada.key(), Status::Ended)).await?, Total::Exactly(1));
        assert_eq!(bench.store.create(slow.clone(), None).await?, Created::Stale);
        while bench.store.reap(100).await? > 0 {}
    }
    // Somebody else may have the address, too.
    delete(&bench, &again).await?;
    let other = User { email: ada.email.clone(), ..person("other", bench.now(), &*bench.dice) };
    assert_eq!(bench.store.create_user(other.clone(), false, Actor::Operator, None).await?, UserCreated::Done);
    assert_eq!(bench.store.user_by_email(&ada.email).await?, Some(other));
    Ok(())
}

async fn a_deletion_outlives_a_reopening(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let (root, ada) = (administrator(&bench, "root").await?, administrator(&bench, "ada").await?);
    let session = bench.sign_in(&ada).await?;
    delete(&bench, &ada).await?;
    let told = bench.verdict(&session).await?;
    bench.reopen().await?;
    assert_eq!(bench.store.user(ada.key()).await?, None);
    assert_eq!(bench.store.user_by_email(&ada.email).await?, None);
    assert_eq!(bench.verdict(&session).await?, told);
    assert_eq!(delete(&bench, &root).await?, UserDeleted::LastAdministrator);
    Ok(())
}

async fn many_deletions_and_sign_ins_at_once_leave_no_live_session(backend: &'static dyn Backend) -> Outcome {
    for _ in 0..10 {
        let bench = Bench::open(backend).await?;
        let ada = bench.user("ada").await?;
        let mut running = JoinSet::new();
        let mut sessions = Vec::new();
        for _ in 0..12 {
            sessions.push(bench.session(&ada).await?);
        }
        for (n, session) in sessions.clone().into_iter().enumerate() {
            let (store, key) = (bench.store.clone(), ada.key());
            running.spawn(async move {
                if n % 4 == 3 {
                    store.delete_user(key, Ending::new(Actor::Operator, Reason::Deleted, None)).await.map(drop)
                } else {
                    store.create(session, None).await.map(drop)
                }
            });
        }
        while let Some(answer) = running.join_next().await {
            answer??;
        }
        assert_eq!(bench.total(&everyones(Status::Live)).await?, Total::Exactly(0));
        for session in sessions {
            if let Some(standing) = bench.store.session(session.user_key(), session.id()).await? {
                assert_ne!(standing.verdict(bench.now(), &bench.limits), Verdict::Live);
            }
        }
    }
    Ok(())
}
