//! Every command by its name, for the doors that take them as text.

use super::{
    ChangeUser, Check, Command, Compact, CreateKey, CreateUser, DeleteUser, InviteUser, ListEvents, ListKeys,
    ListSessions, ListUsers, Needs, Operator, Refused, ResetPassword, RevokeKey, RevokeSessions, SetPassword, ShowUser,
    Upkeep,
};

/// Whether a command is to be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Yes.
    ForGood,
    /// No: it is to be told what would become of it.
    DryRun,
}

macro_rules! commands {
    ($($command:ty),+ $(,)?) => {
        /// What it takes to have the command of this name carried out from afar; `None` if there is none.
        pub fn needs(name: &str) -> Option<Needs> {
            match name {
                $(<$command>::NAME => Some(<$command>::NEEDS),)+
                Check::NAME | Compact::NAME | "backup" | "restore" => Some(Needs::Machine),
                _ => None,
            }
        }

        /// Carries out the command of this name. Answers what it answers, as JSON.
        pub async fn carry_out(operator: &Operator, name: &str, text: &str, how: How) -> Result<String, Refused> {
            match name {
                $(<$command>::NAME => one::<$command>(operator, text, how).await,)+
                _ => Err(Refused::usage(format!("the server does not know the command {name}; is it older?"))),
            }
        }

        #[cfg(test)]
        const NAMES: &[&str] = &[$(<$command>::NAME),+];
    };
}

commands![
    CreateUser,
    ChangeUser,
    SetPassword,
    ListUsers,
    ShowUser,
    InviteUser,
    ResetPassword,
    DeleteUser,
    ListSessions,
    RevokeSessions,
    ListEvents,
    CreateKey,
    ListKeys,
    RevokeKey,
];

async fn one<C: Command>(operator: &Operator, text: &str, how: How) -> Result<String, Refused> {
    let command: C =
        serde_json::from_str(text).map_err(|error| Refused::usage(format!("the command cannot be read: {error}")))?;
    let answer = match how {
        How::ForGood => command.run(operator).await?,
        How::DryRun => command.foresee(operator).await?,
    };
    serde_json::to_string(&answer).map_err(Refused::failed)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::key::Scope;

    #[test]
    fn each_command_has_a_name_of_its_own_and_writing_takes_a_scope_for_writing() {
        assert_eq!(NAMES.iter().collect::<BTreeSet<_>>().len(), NAMES.len());
        for name in NAMES {
            let wanted = match *name {
                "session-list" => Needs::Scope(Scope::SessionsRead),
                "session-revoke" => Needs::Scope(Scope::SessionsWrite),
                "key-list" | "user-list" | "user-show" => Needs::Scope(Scope::UsersRead),
                "audit-list" => Needs::Scope(Scope::AuditRead),
                "key-create" => Needs::Machine,
                _ => Needs::Scope(Scope::UsersWrite),
            };
            assert_eq!(needs(name), Some(wanted), "{name}");
        }
        for name in ["check", "compact", "backup", "restore"] {
            assert_eq!(needs(name), Some(Needs::Machine), "{name}");
        }
        assert_eq!(needs("nothing"), None);
    }
}
