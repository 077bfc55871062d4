//! The names of the store's calls.

/// Declares the calls, in the order of the traits, each with its name there.
macro_rules! operations {
    ($($trait:ident: $($name:ident = $code:literal),+;)+) => {
        /// One kind of call to the store, by the method's name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Operation {
            $($(#[doc = concat!("`", stringify!($trait), "::", $code, "`.")] $name,)+)+
        }

        impl Operation {
            /// Each of them.
            pub const ALL: &[Self] = &[$($(Self::$name,)+)+];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self {
                    $($(Self::$name => $code,)+)+
                }
            }
        }
    };
}

operations! {
    Sessions:
        ServerEpoch = "server_epoch",
        Session = "session",
        Owner = "owner",
        Create = "create",
        End = "end",
        EndUser = "end_user",
        EndEveryone = "end_everyone",
        ChangeSession = "change_session",
        Touch = "touch",
        Reap = "reap",
        Page = "page",
        Total = "total";
    Users:
        User = "user",
        UserByEmail = "user_by_email",
        HasUsers = "has_users",
        ListUsers = "list_users",
        CountUsers = "count_users",
        Recipes = "recipes",
        CreateUser = "create_user",
        ChangeUser = "change_user",
        DeleteUser = "delete_user",
        SignInFailed = "sign_in_failed",
        Admit = "admit",
        HasOtherAdministrator = "has_other_administrator";
    Keys:
        CreateKey = "create_key",
        Key = "key",
        Keys = "keys",
        RevokeKey = "revoke_key",
        NoteKeyUse = "note_key_use";
    Jobs:
        CreateJob = "create_job",
        Job = "job",
        Jobs = "jobs",
        NoteJob = "note_job";
    Audit:
        Record = "record",
        Events = "events",
        Find = "find",
        EventsAfter = "events_after";
    Outbox:
        Delivered = "delivered",
        NoteDelivered = "note_delivered";
    Store:
        Ready = "ready",
        Sweep = "sweep";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_at_its_own_place_and_has_a_name_of_its_own() {
        let codes: std::collections::BTreeSet<_> = Operation::ALL.iter().map(|one| one.code()).collect();
        assert_eq!(codes.len(), Operation::ALL.len());
        for (place, operation) in Operation::ALL.iter().enumerate() {
            assert_eq!(*operation as usize, place);
        }
    }
}
