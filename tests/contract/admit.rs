//! `sign_in_failed` and `admit`: wrong tries are counted, and no code comes in twice.

use std::collections::BTreeSet;

use super::bench::*;
use sessiond::domain::audit::{Action, Draft, Outcome as Went};
use sessiond::domain::change::{NewSecondFactor, UserChange};
use sessiond::domain::ending::Actor;
use sessiond::domain::safeguards::{Admission, NewDevice, Refusal, Safeguards, Tries};
use sessiond::domain::second_factor::{SecondFactor, Spent, TotpSecret, digests, recovery_codes};
use sessiond::domain::token::Token;
use sessiond::domain::user::User;
use sessiond::store::{Admitted, UserChanged};
use tokio::task::JoinSet;

store_contract! {
    asvs_6_3_1_strangers_have_their_tries_and_those_who_are_known_have_theirs,
    a_lock_is_one_event,
    coming_in_forgets_the_wrong_tries,
    asvs_6_5_1_of_many_who_come_with_the_same_code_one_comes_in,
    a_token_opens_once_and_the_oldest_makes_room,
    unlocking_forgets_the_wrong_tries_and_is_an_event,
    wrong_tries_at_once_are_all_counted,
    wrong_tries_outlive_a_reopening,
    nobodys_wrong_tries_are_written_down_all_the_same,
    the_last_new_devices_are_remembered,
}

/// One wrong try.
async fn fail(bench: &Bench, user: &User, known: bool) -> Outcome {
    let draft = Draft::new(Actor::Anonymous, Action::SignIn, Went::Failure);
    let draft = Draft { user: Some(user.id.clone()), ..draft };
    Ok(bench.store.sign_in_failed(user.key(), known, draft).await?)
}

async fn admit(bench: &Bench, user: &User, admission: Admission) -> Result<Admitted, Failure> {
    Ok(bench.store.admit(user.key(), admission, None).await?)
}

fn by(known: bool) -> Admission {
    Admission { known, ..Admission::default() }
}

async fn asvs_6_3_1_strangers_have_their_tries_and_those_who_are_known_have_theirs(
    backend: &'static dyn Backend,
) -> Outcome {
    let bench = Bench::open(backend).await?;
    for (id, known, most) in [("ada", false, Tries::STRANGERS), ("bob", true, Tries::KNOWN)] {
        let user = bench.user(id).await?;
        for _ in 0..most - 1 {
            fail(&bench, &user, known).await?;
        }
        assert!(matches!(admit(&bench, &user, by(known)).await?, Admitted::Yes(_)), "one try is left");
        for _ in 0..most {
            fail(&bench, &user, known).await?;
        }
        assert_eq!(admit(&bench, &user, by(known)).await?, Admitted::No(Refusal::Locked));
        let present = bench.store.user(user.key()).await?.ok_or("gone")?;
        assert_eq!(present.safeguards.tries.count(), u32::from(most), "a refusal forgets nothing");
        assert!(matches!(admit(&bench, &user, by(!known)).await?, Admitted::Yes(_)), "the others are not locked out");
        assert!(matches!(admit(&bench, &user, by(known)).await?, Admitted::Yes(_)), "and let everybody in again");
    }
    Ok(())
}

async fn a_lock_is_one_event(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    for tried in 1..=Tries::STRANGERS + 5 {
        fail(&bench, &ada, false).await?;
        let events = bench.events().await?;
        let locks: Vec<_> = events.iter().filter(|event| event.draft.action == Action::LockUser).collect();
        assert_eq!(locks.len(), usize::from(tried >= Tries::STRANGERS), "after {tried}");
        let failures = events.iter().filter(|event| event.draft.outcome == Went::Failure).count();
        assert_eq!(failures, usize::from(tried));
        if tried == Tries::STRANGERS {
            let [lock] = &locks[..] else { return Err("one lock".into()) };
            assert_eq!((&lock.draft.user, &lock.draft.actor), (&Some(ada.id.clone()), &Actor::System));
            assert_eq!(Some(lock.seq), events.last().map(|event| event.seq), "right after the try");
        }
    }
    Ok(())
}

async fn coming_in_forgets_the_wrong_tries(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let events = bench.events().await?.len();
    assert_eq!(admit(&bench, &ada, by(false)).await?, Admitted::Yes(Box::new(ada.clone())));
    assert_eq!(bench.events().await?.len(), events, "nothing to write");
    fail(&bench, &ada, false).await?;
    fail(&bench, &ada, true).await?;
    assert_eq!(admit(&bench, &ada, by(false)).await?, Admitted::Yes(Box::new(ada.clone())));
    assert_eq!(bench.store.user(ada.key()).await?, Some(ada));
    Ok(())
}

/// Somebody with a second factor, its secret and recovery codes.
async fn with_factor(bench: &Bench) -> Result<(User, TotpSecret, Vec<String>), Failure> {
    let ada = bench.user("ada").await?;
    let (secret, codes) = (TotpSecret::draw(&*bench.dice), recovery_codes(&*bench.dice));
    let factor = Some(SecondFactor::new(secret.clone(), 0, digests(&codes)));
    let change = UserChange::SecondFactor(Box::new(NewSecondFactor { factor, asked: None }));
    match bench.store.change_user(ada.key(), change, revoked()).await? {
        UserChanged::Done { user, .. } => Ok((*user, secret, codes)),
        other => Err(format!("{other:?}").into()),
    }
}

async fn asvs_6_5_1_of_many_who_come_with_the_same_code_one_comes_in(backend: &'static dyn Backend) -> Outcome {
    for round in 0..8 {
        let bench = Bench::open(backend).await?;
        let (ada, secret, codes) = with_factor(&bench).await?;
        let factor = ada.safeguards.second_factor.clone().ok_or("no factor")?;
        let typed = if round % 2 == 0 { secret.code(bench.now()) } else { codes[round % codes.len()].clone() };
        let spent = factor.check(&typed, bench.now());
        assert!(spent.is_some());
        let mut running = JoinSet::new();
        for known in [false, true, false, true] {
            let (store, key) = (bench.store.clone(), ada.key());
            running
                .spawn(async move { store.admit(key, Admission { known, spent, ..Admission::default() }, None).await });
        }
        let (mut came, mut refused) = (0, 0);
        while let Some(answer) = running.join_next().await {
            match answer?? {
                Admitted::Yes(_) => came += 1,
                Admitted::No(Refusal::Spent) => refused += 1,
                other => return Err(format!("{other:?}").into()),
            }
        }
        assert_eq!((came, refused), (1, 3), "{typed}");
        let used = bench.events().await?.iter().filter(|event| event.draft.action == Action::UseRecoveryCode).count();
        assert_eq!(used, usize::from(matches!(spent, Some(Spent::Recovery(_)))));
        let left = bench.store.user(ada.key()).await?.and_then(|user| user.safeguards.second_factor);
        assert_eq!(left.map(|factor| factor.recovery_left()), Some(codes.len() - used));
    }
    Ok(())
}

async fn a_token_opens_once_and_the_oldest_makes_room(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let epochs = bench.epochs(&ada).await?;
    let lifetime = std::time::Duration::from_mins(15);
    let mut drawn = Vec::new();
    for _ in 0..=Safeguards::TOKENS {
        let (token, _) = Token::draw(&ada.id, epochs, 6, bench.now(), lifetime, &*bench.dice);
        let change = UserChange::Token(Box::new(token.clone()));
        assert!(matches!(bench.store.change_user(ada.key(), change, revoked()).await?, UserChanged::Done { .. }));
        drawn.push(token);
    }
    let kept = bench.store.user(ada.key()).await?.map(|user| user.safeguards.tokens);
    assert_eq!(kept.as_deref(), Some(&drawn[1..]));
    let mut running = JoinSet::new();
    for _ in 0..4 {
        let (store, key) = (bench.store.clone(), ada.key());
        let admission = Admission { token: Some(drawn[1].digest()), ..Admission::default() };
        running.spawn(async move { store.admit(key, admission, None).await });
    }
    let (mut came, mut refused) = (0, 0);
    while let Some(answer) = running.join_next().await {
        match answer?? {
            Admitted::Yes(_) => came += 1,
            Admitted::No(Refusal::Spent) => refused += 1,
            other => return Err(format!("{other:?}").into()),
        }
    }
    assert_eq!((came, refused), (1, 3));
    let later = bench.now() + lifetime;
    assert!(drawn[2].is_good(epochs, bench.now()) && !drawn[2].is_good(epochs, later));
    bench.end_user(&ada, None).await?;
    assert!(!drawn[2].is_good(bench.epochs(&ada).await?, bench.now()), "ending all of a user's sessions ends it");
    Ok(())
}

async fn unlocking_forgets_the_wrong_tries_and_is_an_event(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let session = bench.sign_in(&ada).await?;
    let unlock = async || bench.store.change_user(ada.key(), UserChange::Unlock, revoked()).await;
    assert_eq!(unlock().await?, UserChanged::Unchanged);
    for _ in 0..Tries::STRANGERS {
        fail(&bench, &ada, false).await?;
    }
    assert_eq!(unlock().await?, UserChanged::Done { user: Box::new(ada.clone()), ended: 0 });
    let event = bench.events().await?.pop().ok_or("no event")?.draft;
    assert_eq!((event.action, event.ended, event.reason), (Action::UnlockUser, 0, None));
    let told = format!("{} wrong passwords", Tries::STRANGERS);
    assert_eq!(event.detail.map(|detail| detail.as_str().to_owned()), Some(told));
    assert!(matches!(admit(&bench, &ada, by(false)).await?, Admitted::Yes(_)));
    assert_eq!(bench.verdict(&session).await?, sessiond::domain::session::Verdict::Live);
    Ok(())
}

async fn wrong_tries_at_once_are_all_counted(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let mut running = JoinSet::new();
    for _ in 0..Tries::STRANGERS {
        let (store, key) = (bench.store.clone(), ada.key());
        let draft = Draft::new(Actor::Anonymous, Action::SignIn, Went::Failure);
        running.spawn(async move { store.sign_in_failed(key, false, draft).await });
    }
    while let Some(answer) = running.join_next().await {
        answer??;
    }
    assert_eq!(admit(&bench, &ada, by(false)).await?, Admitted::No(Refusal::Locked));
    let locks = bench.events().await?.iter().filter(|event| event.draft.action == Action::LockUser).count();
    assert_eq!(locks, 1);
    Ok(())
}

async fn wrong_tries_outlive_a_reopening(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    for _ in 0..Tries::KNOWN {
        fail(&bench, &ada, true).await?;
    }
    bench.reopen().await?;
    assert_eq!(admit(&bench, &ada, by(true)).await?, Admitted::No(Refusal::Locked));
    Ok(())
}

async fn nobodys_wrong_tries_are_written_down_all_the_same(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let nobody = person("nobody", bench.now(), &*bench.dice);
    fail(&bench, &nobody, false).await?;
    assert_eq!(bench.events().await?.len(), 1);
    assert_eq!(admit(&bench, &nobody, by(false)).await?, Admitted::NotFound);
    Ok(())
}

async fn the_last_new_devices_are_remembered(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    let ada = bench.user("ada").await?;
    let mut all = Vec::new();
    for _ in 0..Safeguards::NEW_DEVICES + 2 {
        let session = bench.sign_in(&ada).await?;
        let client = session.client();
        let (id, device, from) = (session.id(), client.device.clone(), client.address);
        let device = NewDevice { session: id, at: bench.now(), device, from };
        all.push(device.clone());
        let admitted = admit(&bench, &ada, Admission { device: Some(device), ..Admission::default() }).await?;
        assert!(matches!(admitted, Admitted::Yes(_)));
    }
    bench.reopen().await?;
    let user = bench.store.user(ada.key()).await?.ok_or("gone")?;
    assert_eq!(user.safeguards.new_devices, all[2..]);
    assert_eq!(user.labels, BTreeSet::new());
    Ok(())
}
