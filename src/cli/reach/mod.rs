//! Where a verb is carried out: in this process on a database that nobody has open, by the server that has it open, or by one
//! elsewhere.

mod address;
mod afar;
mod remote;

pub use self::address::Address;
pub use self::afar::Afar;
pub use self::remote::{Remote, blocking};
use super::Failure;
use crate::config::Config;
use crate::open::{self, Opened};
use crate::service::operator::{Command, How, Refused};
use crate::store::Store;

/// A page of sessions, in bytes, is never longer; findings of a check neither.
const LONGEST: u64 = 64 << 20;

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        if refused.usage { Self::usage(refused.told) } else { Self::failed(refused.told) }
    }
}

/// Either way.
pub enum Reach {
    /// This process has the database open.
    Here(Opened),
    /// A server on this machine has.
    There(Remote),
    /// A server elsewhere.
    Afar(Afar),
}

impl Reach {
    /// Asks the server of this data folder, or opens the database.
    pub async fn find(config: &Config) -> Result<Self, Failure> {
        match Remote::find(config).await {
            Some(remote) => Ok(Self::There(remote)),
            None => Ok(Self::Here(open::open_in(config, open::system(config)).await?)),
        }
    }

    /// Has it done, or told what would become of it.
    pub async fn run<C: Command + 'static>(&self, command: C, how: How) -> Result<C::Answer, Failure> {
        match (self, how) {
            (Self::Here(opened), How::ForGood) => Ok(command.run(&opened.operator()).await?),
            (Self::Here(opened), How::DryRun) => Ok(command.foresee(&opened.operator()).await?),
            (Self::There(remote), how) => remote.run(command, how).await,
            (Self::Afar(afar), how) => afar.run(command, how).await,
        }
    }

    /// Lets go of the database.
    pub async fn close(self) -> Result<(), Failure> {
        match self {
            Self::Here(opened) => Ok(opened.store.close().await?),
            Self::There(_) | Self::Afar(_) => Ok(()),
        }
    }
}
