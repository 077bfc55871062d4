//! Webhooks before receivers of every kind. Time stands still unless a test moves it.

mod receiver;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::task::JoinHandle;

use self::receiver::{Does, Got, Receiver, wait};
use super::*;
use crate::domain::audit::{Action, Draft, Event, Outcome};
use crate::domain::clock::{Clock, ManualClock, OsEntropy};
use crate::domain::ending::{Actor, Ending, Reason};
use crate::domain::id::{EventSeq, SessionId};
use crate::domain::lifetime::Limits;
use crate::domain::timestamp::Timestamp;
use crate::service::{Service, Settings};
use crate::store::memory::Memory;
use crate::store::{Audit, Environment, Outbox};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
const DAY: Duration = Duration::from_hours(24);

struct Bench {
    clock: Arc<ManualClock>,
    store: Arc<Memory>,
    service: Arc<Service>,
    running: Vec<JoinHandle<()>>,
}

impl Bench {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_767_323_045_678)));
        let store = Arc::new(Memory::new(environment(&clock)));
        let service = service(&clock, &store);
        Self { clock, store, service, running: Vec::new() }
    }

    /// Begins to deliver to `receiver`, and waits until it has a place in the log.
    async fn deliver(&mut self, webhook: Webhook) {
        let name = webhook.name.clone();
        let mut standings = self.service.watch_webhooks();
        self.running.push(tokio::spawn(Arc::clone(&self.service).keep_delivering(webhook)));
        wait(standings.wait_for(|all| all.contains_key(&name))).await.unwrap();
    }

    /// As a process that starts anew: whatever was under way is broken off.
    fn restarted(mut self) -> Self {
        self.running.drain(..).for_each(|running| running.abort());
        let service = service(&self.clock, &self.store);
        Self { service, ..self }
    }

    /// Something that is told.
    async fn end(&self) -> EventSeq {
        let id = SessionId::new(self.clock.now(), &OsEntropy);
        let draft = Draft::ended_one(&Ending::new(Actor::Operator, Reason::Revoked, None), &"ada".parse().unwrap(), id);
        self.store.record(draft).await.unwrap()
    }

    /// Something that is not.
    async fn fail(&self) {
        self.store.record(Draft::new(Actor::Anonymous, Action::SignIn, Outcome::Failure)).await.unwrap();
    }

    async fn standing(&self, reached: impl Fn(&Standing) -> bool) -> Standing {
        let mut standings = self.service.watch_webhooks();
        let seen = wait(standings.wait_for(|all| all.get(&crm()).is_some_and(&reached))).await.unwrap();
        seen[&crm()]
    }

    /// Lets the pause go by that it is in. Answers how long it was.
    async fn pass_the_pause(&self, row: u32) -> Duration {
        let next = self.standing(|standing| standing.row == row && standing.next.is_some()).await.next.unwrap();
        let left = next.since(self.clock.now());
        self.clock.advance(left);
        self.service.wake_webhooks();
        left
    }

    async fn reports(&self) -> Vec<String> {
        let mut events: Vec<Event> = self.store.events(None, 1_000).await.unwrap();
        events.reverse();
        let failures = events.into_iter().filter(|event| event.draft.action == Action::FailWebhook);
        failures.map(|event| event.draft.detail.unwrap().as_str().to_owned()).collect()
    }

    async fn place(&self) -> Option<EventSeq> {
        self.store.delivered(&crm()).await.unwrap()
    }
}

fn environment(clock: &Arc<ManualClock>) -> Environment {
    Environment { clock: clock.clone(), entropy: Arc::new(OsEntropy), limits: Limits::default() }
}

fn service(clock: &Arc<ManualClock>, store: &Arc<Memory>) -> Arc<Service> {
    Arc::new(Service::new(store.clone(), environment(clock), Settings::default()).unwrap())
}

fn crm() -> WebhookName {
    "crm".parse().unwrap()
}

fn to(address: &str) -> Webhook {
    Webhook {
        name: crm(),
        address: address.parse().unwrap(),
        secrets: vec![SECRET.parse().unwrap()],
        kinds: BTreeSet::new(),
        private: true,
        // A test must not wait as long as a server does.
        patience: Patience { connect: Duration::from_millis(500), whole: Duration::from_millis(500) },
    }
}

/// By another implementation than the one under test.
fn is_signed(got: &Got, secret: &str) -> bool {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let text = format!("{}.{}.{}", got.header("webhook-id"), got.header("webhook-timestamp"), got.body);
    let signatures = got.header("webhook-signature").split(' ').map(|signature| signature.strip_prefix("v1,").unwrap());
    signatures
        .into_iter()
        .any(|signature| ring::hmac::verify(&key, text.as_bytes(), &STANDARD.decode(signature).unwrap()).is_ok())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_told_in_their_order_once_and_signed() {
    let mut bench = Bench::new();
    bench.end().await;
    let mut receiver = Receiver::doing(vec![]);
    bench
        .deliver(Webhook { secrets: vec![SECRET.parse().unwrap(), OTHER.parse().unwrap()], ..to(&receiver.url()) })
        .await;
    assert_eq!(bench.place().await, Some(EventSeq(1)), "it begins with what comes from now on");
    let mut expected = Vec::new();
    for _ in 0..20 {
        bench.fail().await;
        expected.push(bench.end().await);
    }
    for seq in &expected {
        let got = receiver.next().await;
        let body: serde_json::Value = serde_json::from_str(&got.body).unwrap();
        let id = format!("{}-{}", seq.0, bench.clock.now().millis());
        assert_eq!((body["id"].as_str(), body["type"].as_str()), (Some(&*id), Some("session.ended")));
        assert_eq!(got.header("webhook-id"), format!("evt_{id}"));
        assert_eq!(got.header("webhook-timestamp"), (bench.clock.now().millis() / 1_000).to_string());
        assert_eq!((got.line.as_str(), got.header("content-type")), ("POST /hook?x=y HTTP/1.1", "application/json"));
        assert!(is_signed(&got, SECRET) && is_signed(&got, OTHER) && !is_signed(&got, "whsec_AAAA"));
    }
    let standing = bench.standing(|standing| standing.delivered == 20).await;
    assert_eq!((standing.failed, standing.given_up, standing.row), (0, 0, 0));
    assert_eq!(bench.reports().await, [""; 0]);
}

/// Every one of these is a failure like any other: bounded, told, tried again under the same id, and no hindrance to others.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_receivers_are_failures_and_tried_again() {
    let hostile = [
        Does::Answer("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n"),
        Does::Answer("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"),
        Does::Answer("HTTP/1.1 307 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"),
        Does::Answer("HTTP/1.1 200 O"),
        Does::Answer("SSH-2.0-OpenSSH_9.6\r\n"),
        Does::Answer(""),
        Does::Nothing,
        Does::EndlessHead,
        Does::Drip,
        Does::Answer("HTTP/1.1 429 Slow\r\nRetry-After: 4000\r\nContent-Length: 0\r\n\r\n"),
        Does::Answer("HTTP/1.1 503 Busy\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n"),
    ];
    let attempts = u32::try_from(hostile.len()).unwrap();
    let mut bench = Bench::new();
    let mut receiver = Receiver::doing(hostile.into());
    bench.deliver(to(&receiver.url())).await;
    bench.end().await;
    let mut pauses = Vec::new();
    let first = receiver.next().await;
    for attempt in 1..=attempts {
        pauses.push(bench.pass_the_pause(attempt).await);
        let got = receiver.next().await;
        assert_eq!((got.header("webhook-id"), &got.body), (first.header("webhook-id"), &first.body), "{attempt}");
        assert!(got.line.starts_with("POST /hook"), "{}", got.line);
        assert!(is_signed(&got, SECRET), "with the time of this attempt");
    }
    let standing = bench.standing(|standing| standing.delivered == 1).await;
    assert_eq!((standing.failed, standing.row, standing.given_up), (u64::from(attempts), 0, 0));
    assert!(pauses[..5].is_sorted() && pauses[0] <= Duration::from_secs(6), "{pauses:?}");
    assert!(pauses.iter().all(|pause| *pause <= Duration::from_mins(144)), "{pauses:?}");
    let reports = bench.reports().await;
    assert!(reports.len() == 1 && reports[0].contains("crm") && reports[0].contains("status 500"), "{reports:?}");
    bench.end().await;
    assert_ne!(receiver.next().await.header("webhook-id"), first.header("webhook-id"), "and it was taken once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endless_body_is_not_read() {
    let mut bench = Bench::new();
    let mut receiver = Receiver::doing(vec![Does::EndlessBody, Does::EndlessBody]);
    bench.deliver(to(&receiver.url())).await;
    for delivered in 1..=2 {
        bench.end().await;
        receiver.next().await;
        let standing = bench.standing(|standing| standing.delivered == delivered).await;
        assert_eq!(standing.failed, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_three_times_is_given_up_and_the_next_is_told() {
    let mut bench = Bench::new();
    let refused = || Does::Answer("HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n");
    let mut receiver = Receiver::doing(vec![refused(), refused(), refused()]);
    bench.deliver(to(&receiver.url())).await;
    let (poisoned, good) = (bench.end().await, bench.end().await);
    let id = |got: Got| got.header("webhook-id").split(['_', '-']).nth(1).unwrap().parse::<u64>().unwrap();
    assert_eq!(id(receiver.next().await), poisoned.0);
    for row in 1..=2 {
        bench.pass_the_pause(row).await;
        assert_eq!(id(receiver.next().await), poisoned.0);
    }
    assert_eq!(id(receiver.next().await), good.0);
    let standing = bench.standing(|standing| standing.delivered == 1).await;
    assert_eq!((standing.failed, standing.given_up), (3, 1));
    let reports = bench.reports().await;
    assert_eq!(reports.len(), 2, "{reports:?}");
    assert!(reports[1].contains("is given up (status 422)"), "{reports:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_delivered_for_a_day_is_given_up() {
    let mut bench = Bench::new();
    let failing = || Does::Answer("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
    let mut receiver = Receiver::doing(vec![failing(), failing()]);
    bench.deliver(to(&receiver.url())).await;
    let (late, next) = (bench.end().await, bench.end().await);
    receiver.next().await;
    bench.standing(|standing| standing.next.is_some()).await;
    bench.clock.advance(DAY);
    bench.service.wake_webhooks();
    receiver.next().await;
    let got = receiver.next().await;
    assert!(got.header("webhook-id").starts_with(&format!("evt_{}-", next.0)), "{}", got.header("webhook-id"));
    assert_eq!(bench.standing(|standing| standing.delivered == 1).await.given_up, 1);
    assert!(
        bench
            .reports()
            .await
            .iter()
            .any(|told| told.contains(&format!("evt_{}-", late.0)) && told.contains("given up"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_left_alone_until_a_restart() {
    let mut bench = Bench::new();
    let mut receiver = Receiver::doing(vec![Does::Answer("HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")]);
    bench.deliver(to(&receiver.url())).await;
    let seq = bench.end().await;
    let first = receiver.next().await;
    assert!(bench.standing(|standing| standing.paused).await.next.is_none());
    for running in bench.running.drain(..) {
        wait(running).await.unwrap();
    }
    assert!(bench.reports().await.iter().any(|told| told.contains("410")), "{:?}", bench.reports().await);
    assert_eq!(bench.place().await, Some(EventSeq(seq.0 - 1)));
    let mut bench = bench.restarted();
    bench.deliver(to(&receiver.url())).await;
    assert_eq!(receiver.next().await.header("webhook-id"), first.header("webhook-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_the_server_was_down_is_told_when_it_is_back() {
    let mut bench = Bench::new();
    let mut receiver = Receiver::doing(vec![Does::Answer(""), Does::Answer("")]);
    bench.deliver(to(&receiver.url())).await;
    bench.end().await;
    let first = receiver.next().await;
    bench.standing(|standing| standing.next.is_some()).await;
    let bench = bench.restarted();
    let later = bench.end().await;
    let mut bench = bench;
    bench.deliver(to(&receiver.url())).await;
    assert_eq!(receiver.next().await.header("webhook-id"), first.header("webhook-id"), "the same id");
    bench.pass_the_pause(1).await;
    assert_eq!(receiver.next().await.header("webhook-id"), first.header("webhook-id"));
    assert!(receiver.next().await.header("webhook-id").starts_with(&format!("evt_{}-", later.0)));
    bench.standing(|standing| standing.delivered == 2).await;
    // Dealt with is dealt with.
    let mut bench = bench.restarted();
    bench.deliver(to(&receiver.url())).await;
    let newest = bench.end().await;
    assert!(receiver.next().await.header("webhook-id").starts_with(&format!("evt_{}-", newest.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_this_machine_unless_that_is_meant() {
    for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let mut bench = Bench::new();
        let receiver = Receiver::doing(vec![]);
        let url = format!("http://{host}:{}/hook?x=y", receiver.port());
        bench.deliver(Webhook { private: false, ..to(&url) }).await;
        bench.end().await;
        let standing = bench.standing(|standing| standing.failed == 1 && standing.next.is_some()).await;
        assert_eq!(standing.delivered, 0);
        let reports = bench.reports().await;
        assert!(reports[0].contains("not a public one"), "{host}: {reports:?}");
        assert!(!receiver.was_asked(), "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_asked_for_is_told_and_a_gap_in_any_case() {
    let mut bench = Bench::new();
    let mut receiver = Receiver::doing(vec![]);
    let kinds = BTreeSet::from([Kind::KeyRevoked]);
    bench.deliver(Webhook { kinds, ..to(&receiver.url()) }).await;
    bench.end().await;
    bench.store.record(Draft::new(Actor::System, Action::Lost, Outcome::Failure)).await.unwrap();
    let got = receiver.next().await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&got.body).unwrap()["type"], "gap");
    assert_eq!(got.header("webhook-id"), "evt_2");
    assert!(is_signed(&got, SECRET));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_told_moves_the_place_on_without_a_write_for_each() {
    let mut bench = Bench::new();
    let receiver = Receiver::doing(vec![]);
    bench.deliver(to(&receiver.url())).await;
    for _ in 0..600 {
        bench.fail().await;
    }
    bench.standing(|standing| standing.at == EventSeq(600)).await;
    let place = bench.place().await.unwrap();
    assert!((256..=600).contains(&place.0), "{place:?}");
    let (_, behind) = bench.service.webhooks()[&crm()];
    assert_eq!(behind, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_hangs_holds_up_neither_the_store_nor_another_one() {
    let mut bench = Bench::new();
    let mut hanging = Receiver::doing(vec![Does::Nothing]);
    let mut quick = Receiver::doing(vec![]);
    let patience = Patience { connect: DAY, whole: DAY };
    bench.deliver(Webhook { patience, ..to(&hanging.url()) }).await;
    bench.deliver(Webhook { name: "quick".parse().unwrap(), ..to(&quick.url()) }).await;
    bench.end().await;
    hanging.next().await;
    for _ in 0..50 {
        bench.end().await;
    }
    for _ in 0..51 {
        quick.next().await;
    }
    let all: BTreeMap<_, _> = bench.service.webhooks();
    assert_eq!(all[&crm()].0.delivered, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_beyond_the_end_of_the_log_begins_at_its_end() {
    let mut bench = Bench::new();
    bench.end().await;
    bench.store.note_delivered(&crm(), EventSeq(900)).await.unwrap();
    let mut receiver = Receiver::doing(vec![]);
    bench.deliver(to(&receiver.url())).await;
    assert_eq!(bench.place().await, Some(EventSeq(1)));
    let seq = bench.end().await;
    assert!(receiver.next().await.header("webhook-id").starts_with(&format!("evt_{}-", seq.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_answer_is_waited_for() {
    let mut bench = Bench::new();
    let mut receiver = Receiver::doing(vec![]);
    bench.deliver(to(&receiver.url())).await;
    let seq = bench.end().await;
    receiver.next().await;
    bench.standing(|standing| standing.at == seq).await;
    // What was delivered and could not be noted is delivered again after a start, and only then.
    bench.store.faults().fail_writes_after(1);
    let seq = bench.end().await;
    let unnoted = receiver.next().await;
    bench.standing(|standing| standing.at == seq).await;
    bench.store.faults().fail_writes(false);
    let mut bench = bench.restarted();
    bench.deliver(to(&receiver.url())).await;
    assert_eq!(receiver.next().await.header("webhook-id"), unnoted.header("webhook-id"));
}
