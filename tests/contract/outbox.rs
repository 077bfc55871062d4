//! How far webhooks have got: each has a place of its own, and what was noted last counts.

use super::bench::*;
use sessiond::domain::id::EventSeq;
use sessiond::domain::webhook::WebhookName;

store_contract! {
    a_webhooks_place_is_its_own_and_the_last_that_was_noted,
    places_outlive_a_reopening_and_every_sweep,
    noting_a_place_leaves_no_event,
}

fn name(text: &str) -> WebhookName {
    text.parse().expect("a name")
}

async fn a_webhooks_place_is_its_own_and_the_last_that_was_noted(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let (crm, mail) = (name("crm"), name("mail"));
    assert_eq!(bench.store.delivered(&crm).await?, None);
    bench.store.note_delivered(&crm, EventSeq(0)).await?;
    assert_eq!(bench.store.delivered(&crm).await?, Some(EventSeq(0)), "to have begun is not the same as never");
    bench.store.note_delivered(&crm, EventSeq(9)).await?;
    bench.store.note_delivered(&mail, EventSeq(3)).await?;
    assert_eq!(bench.store.delivered(&crm).await?, Some(EventSeq(9)));
    // After a restore the log may be shorter.
    bench.store.note_delivered(&crm, EventSeq(4)).await?;
    assert_eq!(bench.store.delivered(&crm).await?, Some(EventSeq(4)));
    assert_eq!(bench.store.delivered(&mail).await?, Some(EventSeq(3)));
    assert_eq!(bench.store.delivered(&name("cr")).await?, None);
    Ok(())
}

async fn places_outlive_a_reopening_and_every_sweep(backend: &'static dyn Backend) -> Outcome {
    let mut bench = Bench::open(backend).await?;
    bench.store.note_delivered(&name("crm"), EventSeq(9)).await?;
    bench.clock.advance(MINUTE * 60 * 24 * 400);
    while bench.store.sweep(bench.now(), 10).await? > 0 {}
    bench.reopen().await?;
    assert_eq!(bench.store.delivered(&name("crm")).await?, Some(EventSeq(9)));
    Ok(())
}

async fn noting_a_place_leaves_no_event(backend: &'static dyn Backend) -> Outcome {
    let bench = Bench::open(backend).await?;
    let heard = bench.store.watch_events();
    bench.store.note_delivered(&name("crm"), EventSeq(1)).await?;
    assert_eq!(bench.events().await?, []);
    assert!(!heard.has_changed()?, "a webhook that has got somewhere must not wake itself");
    Ok(())
}
