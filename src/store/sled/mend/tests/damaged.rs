//! Records that cannot be read keep nobody out, and nothing for ever.

use super::*;

/// Who did what long ago is no reason to keep people out today; but no search may leave it out as if it had never been.
#[tokio::test]
async fn a_damaged_event_keeps_nobody_out_and_hides_from_no_search() {
    let bench = Bench::new().await;
    let ada = bench.user("ada").await;
    for _ in 0..300 {
        bench.sled.record(Draft::new(Actor::System, Action::Start, Outcome::Success)).await.unwrap();
    }
    let handle = bench.sled.handle().await.unwrap();
    let key = 7_u64.to_be_bytes();
    handle.shared.trees.tree(Place::Audit).insert(key, &b"no record at all"[..]).unwrap();
    drop(handle);
    let bench = bench.after_a_crash().await;
    let session = bench.sign_in(&ada).await;
    assert_eq!(bench.verdict(&session).await, Verdict::Live);
    let newest = bench.sled.find(&search::Query::first(search::Filter::default())).await.unwrap();
    assert_eq!(newest.rows.len(), search::Query::ROWS, "what is not near it is found");
    let rare = search::Filter { actions: vec![Action::DeleteUser], ..search::Filter::default() };
    let found = bench.sled.find(&search::Query::first(rare)).await.unwrap().rows;
    assert_eq!(found.iter().map(|event| (event.seq.0, event.draft.action)).collect::<Vec<_>>(), [(7, Action::Lost)]);
    let all = search::Query { rows: 1_000, ..search::Query::first(search::Filter::default()) };
    assert_eq!(bench.sled.find(&all).await.unwrap().rows.len(), 302, "and nobody is kept from what lies beyond it");
    let of_ada = search::Filter { user: Some(ada.id), ..search::Filter::default() };
    assert_eq!(bench.sled.find(&search::Query::first(of_ada)).await.unwrap().rows.len(), 2);

    // Nor does it keep what is older than anybody wants to know for ever.
    bench.clock.advance(Duration::from_hours(1));
    let before = bench.clock.now();
    bench.sled.record(Draft::new(Actor::System, Action::Start, Outcome::Success)).await.unwrap();
    while bench.sled.sweep(before, 100).await.unwrap() > 0 {}
    let left = bench.sled.find(&all).await.unwrap().rows;
    assert_eq!(left.iter().map(|event| event.draft.action).collect::<Vec<_>>(), [Action::Start]);
}

/// Opening looks at the oldest one, at the newest one and at those that the journal knows.
#[tokio::test]
async fn a_damaged_event_at_either_end_of_the_log_keeps_nobody_out() {
    for place in ["oldest", "journalled", "newest"] {
        let bench = Bench::new().await;
        let ada = bench.user("ada").await;
        let session = bench.sign_in(&ada).await;
        for _ in 0..3 {
            bench.sled.record(Draft::new(Actor::System, Action::Start, Outcome::Success)).await.unwrap();
        }
        let handle = bench.sled.handle().await.unwrap();
        let seq: u64 = match place {
            "oldest" => 1,
            "journalled" => 2,
            _ => 5,
        };
        let before =
            handle.shared.trees.tree(Place::Audit).insert(seq.to_be_bytes(), &b"no record at all"[..]).unwrap();
        assert!(before.is_some(), "there was one");
        drop(handle);
        let bench = bench.after_a_crash().await;
        assert_eq!(bench.verdict(&session).await, Verdict::Live, "the {place}");
        bench.sled.record(Draft::new(Actor::System, Action::Start, Outcome::Success)).await.unwrap();
        let all = bench.sled.find(&search::Query::first(search::Filter::default())).await.unwrap().rows;
        assert_eq!(all.len(), 6, "the {place}");
    }
}

#[tokio::test]
async fn more_damaged_records_than_are_swept_at_once_do_not_stop_the_sweep() {
    let bench = Bench::new().await;
    for _ in 0..30 {
        bench.sled.record(Draft::new(Actor::System, Action::Start, Outcome::Success)).await.unwrap();
    }
    bench.clock.advance(Duration::from_hours(1));
    let before = bench.clock.now();
    bench.sled.record(Draft::new(Actor::System, Action::ExportAudit, Outcome::Success)).await.unwrap();
    let handle = bench.sled.handle().await.unwrap();
    for seq in 1..=25_u64 {
        handle.shared.trees.tree(Place::Audit).insert(seq.to_be_bytes(), &b"no record at all"[..]).unwrap();
    }
    handle.shared.trees.tree(Place::Keys).insert([7; 8], &b"no record at all"[..]).unwrap();
    drop(handle);
    while bench.sled.sweep(before, 10).await.expect("a damaged key is in nobody's way") > 0 {}
    let left = bench.sled.find(&search::Query::first(search::Filter::default())).await.unwrap().rows;
    assert_eq!(left.iter().map(|event| event.draft.action).collect::<Vec<_>>(), [Action::ExportAudit]);
}
