//! Sessions: which step answers which call.

use std::net::IpAddr;
use std::sync::PoisonError;

use async_trait::async_trait;

use super::super::{Change, Created, End, EndUser, EndedEveryone, Result, Sessions};
use super::{Memory, listing, lock};
use crate::domain::audit::Draft;
use crate::domain::ending::Ending;
use crate::domain::epoch::Epoch;
use crate::domain::id::{SessionId, UserKey};
use crate::domain::listing::{Filter, Page, Query, Total, Whose};
use crate::domain::session::{Session, SessionChange, Standing, Verdict};

#[async_trait]
impl Sessions for Memory {
    async fn server_epoch(&self) -> Result<Epoch> {
        self.read("read the server's epoch", || self.server().epoch()).await
    }

    async fn session(&self, user: UserKey, id: SessionId) -> Result<Option<Standing>> {
        self.read("read a session", || self.step(user, |step| step.partition.standing(id, step.server)).flatten()).await
    }

    async fn owner(&self, id: SessionId) -> Result<Option<UserKey>> {
        self.read("find a session's owner", || self.find_owner(id)).await
    }

    async fn create(&self, session: Session, replaces: Option<SessionId>) -> Result<Created> {
        self.write("create a session", || {
            self.step(session.user_key(), |step| step.create(session, replaces)).unwrap_or(Created::Stale)
        })
        .await
    }

    async fn end(&self, user: UserKey, id: SessionId, ending: Ending) -> Result<End> {
        self.write("end a session", || self.step(user, |step| step.end(id, &ending)).unwrap_or(End::NotFound)).await
    }

    async fn end_user(&self, user: UserKey, keep: Option<SessionId>, ending: Ending) -> Result<EndUser> {
        self.write("end a user's sessions", || {
            self.step(user, |step| step.end_user(keep, &ending)).unwrap_or(EndUser::NotFound)
        })
        .await
    }

    async fn end_everyone(&self, ending: Ending) -> Result<EndedEveryone> {
        self.write("end everyone's sessions", || self.redraw_server(&ending)).await
    }

    async fn change_session(
        &self,
        user: UserKey,
        id: SessionId,
        change: SessionChange,
        from: Option<IpAddr>,
    ) -> Result<Change> {
        self.write("change a session", || {
            self.step(user, |step| step.change(id, &change, from)).unwrap_or(Change::NotFound)
        })
        .await
    }

    async fn touch(&self, user: UserKey, id: SessionId) -> Result<()> {
        self.write("note that a session was seen", || self.step(user, |step| step.touch(id)).unwrap_or(())).await
    }

    async fn reap(&self, most: usize) -> Result<usize> {
        self.write("write endings into records", || self.reap_partitions(most)).await
    }

    async fn page(&self, query: &Query) -> Result<Page> {
        self.read("list sessions", || {
            let entries = self.entries(&query.filter.whose);
            listing::page(entries, query, self.environment.clock.now(), &self.environment.limits)
        })
        .await
    }

    async fn total(&self, filter: &Filter) -> Result<Total> {
        self.read("count sessions", || {
            let entries = self.entries(&filter.whose);
            listing::total(&entries, filter, self.environment.clock.now(), &self.environment.limits)
        })
        .await
    }
}

impl Memory {
    fn find_owner(&self, id: SessionId) -> Option<UserKey> {
        self.partitions().into_iter().find_map(|partition| {
            let partition = lock(&partition);
            partition.holds(id).then(|| partition.user().key())
        })
    }

    /// Holds the server's record, and with it every other step, while it counts: the count is that of one moment.
    /// No step can hold a partition then, so the log may be taken first.
    fn redraw_server(&self, ending: &Ending) -> EndedEveryone {
        let mut server = self.server.write().unwrap_or_else(PoisonError::into_inner);
        let mut log = lock(&self.log);
        let now = self.environment.clock.now();
        let live = |standing: &Standing| standing.verdict(now, &self.environment.limits) == Verdict::Live;
        let count: usize = self
            .partitions()
            .iter()
            .map(|partition| lock(partition).standings(&server).iter().filter(|standing| live(standing)).count())
            .sum();
        let event = log.append(now, Draft::ended_everyone(ending, count as u64));
        let ended = ending.at(now, event);
        let epoch = Epoch::draw(&*self.environment.entropy);
        server.redraw(epoch, ended.clone());
        EndedEveryone { count: count as u64, ended, epoch }
    }

    fn reap_partitions(&self, most: usize) -> usize {
        let mut written = 0;
        for partition in self.partitions() {
            let user = lock(&partition).user().key();
            written += self.step(user, |step| step.reap(most - written)).unwrap_or(0);
        }
        written
    }

    /// Every entry that a listing passes over, admitted or not.
    fn entries(&self, whose: &Whose) -> Vec<Standing> {
        let server = self.server();
        let partitions = match whose {
            Whose::User(key) => self.partition(*key).into_iter().collect(),
            Whose::Everyones | Whose::Matching(_) => self.partitions(),
        };
        partitions.iter().flat_map(|partition| lock(partition).standings(&server)).collect()
    }
}
