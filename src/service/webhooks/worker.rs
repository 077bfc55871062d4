//! Delivering what one webhook is to tell, one event after the other.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::Webhook;
use super::schedule::pause;
use super::target::{Answer, Message, Target};
use crate::domain::audit::{Action, Detail, Draft, Outcome};
use crate::domain::ending::Actor;
use crate::domain::id::EventSeq;
use crate::domain::timestamp::Timestamp;
use crate::service::Service;
use crate::service::feed::{Cursor, Follower, Told};
use crate::store::Result;

/// An event that could not be delivered for so long is given up.
const LONGEST: Duration = Duration::from_hours(24);
/// One that the receiver refuses is given up after so many attempts: it must not hold up the others for a day.
const REFUSALS: u32 = 3;
/// Events that are read at once.
const PAGE: usize = 64;
/// How many events may be passed over before the place is noted: after a start they are passed over once more.
const UNNOTED: u64 = 256;
/// How long to wait for a store that does not answer, and at most for a clock that may jump.
const AWHILE: Duration = Duration::from_secs(1);
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

impl Service {
    /// Delivers what `webhook` is to tell, until the task is dropped or the receiver says that it is gone. One that has never
    /// been there begins with what comes from now on.
    pub async fn keep_delivering(self: Arc<Self>, webhook: Webhook) {
        let target = Target::new(webhook.address.clone(), webhook.private, webhook.patience);
        let looks = self.board.looks();
        let follower = loop {
            match begin(&self, &webhook).await {
                Ok(follower) => break follower,
                Err(error) => {
                    tracing::warn!(webhook = %webhook.name, %error, "a webhook cannot begin; trying again");
                    tokio::time::sleep(AWHILE).await;
                }
            }
        };
        let noted = follower.cursor().seq;
        self.board.change(&webhook.name, |standing| standing.at = noted);
        Worker { service: self, webhook, target, follower, noted, looks }.run().await;
    }
}

async fn begin(service: &Service, webhook: &Webhook) -> Result<Follower> {
    let store = &service.store;
    if let Some(seq) = store.delivered(&webhook.name).await? {
        if let Some(follower) = Follower::after(Arc::clone(store), Cursor { seq, time: None }) {
            return Ok(follower);
        }
        tracing::error!(
            webhook = %webhook.name,
            place = seq.0,
            "the audit log ends before the place of a webhook; it goes on from the end, and events may be missing"
        );
    }
    let follower = Follower::from_now_on(Arc::clone(store)).await?;
    store.note_delivered(&webhook.name, follower.cursor().seq).await?;
    Ok(follower)
}

/// What became of an event.
enum Fate {
    Delivered,
    GivenUp,
    /// The receiver wants no more at all.
    Gone,
}

struct Worker {
    service: Arc<Service>,
    webhook: Webhook,
    target: Target,
    follower: Follower,
    /// The place that the store knows.
    noted: EventSeq,
    looks: watch::Receiver<u64>,
}

impl Worker {
    async fn run(mut self) {
        loop {
            let heard = match self.follower.read(PAGE).await {
                Ok(heard) => heard,
                Err(error) => {
                    tracing::warn!(webhook = %self.webhook.name, %error, "a webhook cannot read on; trying again");
                    tokio::time::sleep(AWHILE).await;
                    continue;
                }
            };
            if heard.is_empty() {
                if self.follower.changed().await {
                    continue;
                }
                return;
            }
            for told in heard.iter().filter_map(Told::of) {
                if !self.webhook.tells(told.kind) {
                    continue;
                }
                if matches!(self.deliver(&told).await, Fate::Gone) {
                    return;
                }
                self.note(told.seq).await;
            }
            let reached = self.follower.cursor().seq;
            self.service.board.change(&self.webhook.name, |standing| standing.at = reached);
            if reached.0.abs_diff(self.noted.0) >= UNNOTED {
                self.note(reached).await;
            }
        }
    }

    /// Where that fails, the events since are delivered once more after a start, under the same ids.
    async fn note(&mut self, reached: EventSeq) {
        match self.service.store.note_delivered(&self.webhook.name, reached).await {
            Ok(()) => self.noted = reached,
            Err(error) => tracing::warn!(webhook = %self.webhook.name, %error, "how far it has got was not noted"),
        }
        // Last: whoever sees it may rely on that the note has been made, or has failed.
        self.service.board.change(&self.webhook.name, |standing| standing.at = reached);
    }

    async fn deliver(&mut self, told: &Told) -> Fate {
        let (id, body) = (format!("evt_{}", told.id), told.json());
        let begun = self.service.clock.now();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let answer = self.attempt(&id, &body).await;
            let (status, asked, what) = match answer {
                Answer::Status { status: 200..=299, .. } => {
                    self.delivered(&id);
                    return Fate::Delivered;
                }
                Answer::Status { status, after } => (status, after, format!("status {status}")),
                Answer::Nothing(what) => (0, None, what),
            };
            let failures = self.failed(&id, &what).await;
            if status == 410 {
                self.gone(&id).await;
                return Fate::Gone;
            }
            let now = self.service.clock.now();
            let is_refused = matches!(status, 400..=499) && !matches!(status, 408 | 425 | 429);
            if (is_refused && attempts >= REFUSALS) || now.since(begun) >= LONGEST {
                self.give_up(&id, &what).await;
                return Fate::GivenUp;
            }
            self.wait_until(now + pause(failures, asked, &*self.service.entropy)).await;
        }
    }

    /// From a thread of its own and not of the runtime's: whoever stops the server must not wait for a receiver.
    async fn attempt(&self, id: &str, body: &str) -> Answer {
        let seconds = self.service.clock.now().millis().div_euclid(1_000);
        let signatures: Vec<_> = self.webhook.secrets.iter().map(|secret| secret.sign(id, seconds, body)).collect();
        let message = Message { id: id.to_owned(), seconds, signatures: signatures.join(" "), body: body.to_owned() };
        let (answer, answered) = oneshot::channel();
        let target = self.target.clone();
        let sending = thread::Builder::new().name("webhook".to_owned()).spawn(move || {
            // Whoever asked may have gone.
            let _ = answer.send(target.send(&message));
        });
        match sending {
            Ok(_) => answered.await.unwrap_or_else(|_| Answer::Nothing("the attempt was broken off".to_owned())),
            Err(error) => Answer::Nothing(format!("no thread to send from: {error}")),
        }
    }

    /// Waits by the clock that was handed in; the timer only wakes.
    async fn wait_until(&mut self, due: Timestamp) {
        self.looks.borrow_and_update();
        self.service.board.change(&self.webhook.name, |standing| standing.next = Some(due));
        loop {
            let left = due.since(self.service.clock.now());
            if left.is_zero() {
                break;
            }
            let _ = tokio::time::timeout(left.min(LONGEST_SLEEP), self.looks.changed()).await;
        }
        self.service.board.change(&self.webhook.name, |standing| standing.next = None);
    }

    fn delivered(&self, id: &str) {
        let name = &self.webhook.name;
        let before = self.service.board.of(name).row;
        self.service.board.change(name, |standing| {
            standing.delivered += 1;
            standing.row = 0;
        });
        if before > 0 {
            tracing::warn!(webhook = %name, event = id, failures = before, "a webhook is taken again");
        }
    }

    /// Answers how many attempts in a row came to nothing. The first of them is told to everybody.
    async fn failed(&self, id: &str, what: &str) -> u32 {
        let name = &self.webhook.name;
        self.service.board.change(name, |standing| {
            standing.failed += 1;
            standing.row = standing.row.saturating_add(1);
        });
        let row = self.service.board.of(name).row;
        if row == 1 {
            tracing::warn!(webhook = %name, event = id, what, "a webhook was not taken; it is tried again");
            self.report(format!("{name}: {id} was not taken ({what}); it is tried again")).await;
        } else {
            tracing::info!(webhook = %name, event = id, what, row, "a webhook was not taken");
        }
        row
    }

    async fn give_up(&self, id: &str, what: &str) {
        let name = &self.webhook.name;
        self.service.board.change(name, |standing| standing.given_up += 1);
        tracing::error!(webhook = %name, event = id, what, "an event is not delivered, and the webhook goes on");
        self.report(format!("{name}: {id} is given up ({what})")).await;
    }

    async fn gone(&self, id: &str) {
        let name = &self.webhook.name;
        self.service.board.change(name, |standing| standing.paused = true);
        tracing::error!(webhook = %name, event = id, "the receiver of a webhook says that it is gone; nothing is sent until a restart");
        self.report(format!("{name}: the receiver says that it is gone (status 410); nothing is sent until a restart"))
            .await;
    }

    /// Where people look. It is an event that no webhook tells.
    async fn report(&self, what: String) {
        let draft = Draft::new(Actor::System, Action::FailWebhook, Outcome::Failure);
        let recorded = self.service.store.record(Draft { detail: Some(Detail::new(what)), ..draft }).await;
        if let Err(error) = recorded {
            tracing::warn!(webhook = %self.webhook.name, %error, "that could not be written into the audit log");
        }
    }
}
