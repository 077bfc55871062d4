//! The operator and sessions.

use serde::{Deserialize, Serialize};

use super::users::find;
use super::{Command, Needs, Operator, Refused};
use crate::domain::ending::{Ended as Ending, Note};
use crate::domain::id::SessionId;
use crate::domain::key::Scope;
use crate::domain::lifetime::Limits;
use crate::domain::listing::{Query, Typed, Whose};
use crate::domain::session::{Standing, Verdict};
use crate::store::{End, EndUser};

/// One page of sessions.
#[derive(Serialize, Deserialize, Clone)]
pub struct ListSessions {
    /// Whose: an e-mail address, a user id, or part of either or of a name.
    pub user: String,
    /// Everything else.
    pub typed: Typed,
}

impl ListSessions {
    /// Whether it can be asked at all.
    pub fn check(&self) -> Result<(), Refused> {
        self.typed.query(Whose::Everyones).map(drop).map_err(Refused::usage)
    }
}

/// The page.
#[derive(Serialize, Deserialize)]
pub struct Listed {
    /// Its rows.
    pub rows: Vec<Row>,
    /// Where the next one starts.
    pub next: Option<String>,
}

/// One session, in words. Times are RFC 3339 in UTC.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Its user's id.
    pub user: String,
    /// Its user's address, if there still is such a user.
    pub email: Option<String>,
    /// `live`, `ended` or `expired`.
    pub status: String,
    /// When the person signed in.
    pub created: String,
    /// The last request written down.
    pub last_active: String,
    /// When it runs out unless it is used.
    pub expires: String,
    /// From where.
    pub address: Option<String>,
    /// With what, in words.
    pub device: String,
    /// With what, as sent.
    pub agent: String,
    /// How it ended.
    pub ended: Option<Story>,
}

/// How a session ended.
#[derive(Serialize, Deserialize)]
pub struct Story {
    /// When.
    pub at: String,
    /// Who ended it.
    pub by: String,
    /// The reason's code.
    pub reason: String,
    /// What they wrote.
    pub note: Option<String>,
}

impl Story {
    pub(super) fn of(ended: &Ending) -> Self {
        let note = ended.note.as_ref().map(Note::as_str).map(str::to_owned);
        Self { at: ended.at.to_string(), by: ended.by.to_string(), reason: ended.reason.code().to_owned(), note }
    }
}

impl Row {
    fn new(standing: &Standing, verdict: &Verdict, limits: &Limits) -> Self {
        let session = &standing.session;
        let (status, ended) = match verdict {
            Verdict::Live => ("live", None),
            Verdict::Expired(_) => ("expired", None),
            Verdict::Ended(ended) => ("ended", Some(Story::of(ended))),
        };
        Self {
            id: session.id().to_string(),
            user: session.user().to_string(),
            email: standing.user.as_ref().map(|user| user.email.to_string()),
            status: status.to_owned(),
            created: session.created().to_string(),
            last_active: standing.seen.to_string(),
            expires: standing.deadline(limits).to_string(),
            address: session.client().address.map(|ip| ip.to_string()),
            device: session.client().device.to_string(),
            agent: session.client().agent.clone(),
            ended,
        }
    }
}

impl Command for ListSessions {
    const NAME: &'static str = "session-list";
    const NEEDS: Needs = Needs::Scope(Scope::SessionsRead);
    type Answer = Listed;

    async fn run(self, operator: &Operator) -> Result<Listed, Refused> {
        let service = &operator.service;
        self.check()?;
        let whose = service.whose(&self.user).await?;
        let query = self.typed.query(whose).map_err(Refused::usage)?;
        let page = service.list(&Query { rows: Query::MOST_ROWS, ..query }).await?;
        let rows = page.rows.iter().map(|(standing, verdict)| Row::new(standing, verdict, service.limits()));
        Ok(Listed { rows: rows.collect(), next: page.next.map(|cursor| cursor.to_string()) })
    }
}

/// Ends sessions.
#[derive(Serialize, Deserialize)]
pub enum RevokeSessions {
    /// These.
    These {
        /// Their ids.
        #[serde(with = "super::as_text")]
        ids: Vec<SessionId>,
        /// For the audit log.
        reason: String,
    },
    /// All of one user's.
    User {
        /// An e-mail address or a user id.
        user: String,
        /// For the audit log.
        reason: String,
    },
    /// Everyone's.
    Everyone {
        /// For the audit log.
        reason: String,
    },
}

/// What became of it.
#[derive(Serialize, Deserialize)]
pub enum Ended {
    /// What became of each.
    Each {
        /// Ended now.
        #[serde(with = "super::as_text")]
        ended: Vec<SessionId>,
        /// Past before.
        #[serde(with = "super::as_text")]
        before: Vec<SessionId>,
        /// No such session.
        #[serde(with = "super::as_text")]
        missing: Vec<SessionId>,
        /// Why it went no further, if it did not get through.
        broken: Option<String>,
    },
    /// So many ended.
    All(u64),
}

impl Command for RevokeSessions {
    const NAME: &'static str = "session-revoke";
    const NEEDS: Needs = Needs::Scope(Scope::SessionsWrite);
    type Answer = Ended;

    async fn run(self, operator: &Operator) -> Result<Ended, Refused> {
        let service = &operator.service;
        let order = operator.order(self.reason())?;
        match self {
            Self::Everyone { .. } => Ok(Ended::All(service.revoke_everyone(&order).await?.count)),
            Self::User { user, .. } => {
                match service.revoke_user(&find(service, &user).await?.id, None, &order).await? {
                    EndUser::Done { count, .. } => Ok(Ended::All(count)),
                    EndUser::KeeperEnded | EndUser::NotFound => Err(Refused::failed("the user is gone")),
                }
            }
            Self::These { ids, .. } => {
                let (mut ended, mut before, mut missing) = (Vec::new(), Vec::new(), Vec::new());
                for id in ids {
                    match service.revoke(id, &order).await {
                        Ok(End::Done(_)) => ended.push(id),
                        Ok(End::AlreadyEnded(_)) => before.push(id),
                        Ok(End::NotFound) => missing.push(id),
                        Err(error) => {
                            let broken = Some(format!("{id}: {error}"));
                            return Ok(Ended::Each { ended, before, missing, broken });
                        }
                    }
                }
                Ok(Ended::Each { ended, before, missing, broken: None })
            }
        }
    }

    async fn foresee(self, operator: &Operator) -> Result<Ended, Refused> {
        let service = &operator.service;
        operator.order(self.reason())?;
        match self {
            Self::Everyone { .. } => Ok(Ended::All(service.count_everyones().await?)),
            Self::User { user, .. } => Ok(Ended::All(service.count_live(&find(service, &user).await?.id).await?)),
            Self::These { ids, .. } => {
                let (mut ended, mut before, mut missing) = (Vec::new(), Vec::new(), Vec::new());
                for id in ids {
                    match service.foresee_end(id).await? {
                        Some(Verdict::Live) if !ended.contains(&id) => ended.push(id),
                        Some(_) => before.push(id),
                        None => missing.push(id),
                    }
                }
                Ok(Ended::Each { ended, before, missing, broken: None })
            }
        }
    }
}

impl RevokeSessions {
    fn reason(&self) -> &str {
        let (Self::These { reason, .. } | Self::User { reason, .. } | Self::Everyone { reason }) = self;
        reason
    }
}
