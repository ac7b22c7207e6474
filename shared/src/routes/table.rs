//! The names of tables and indexes.

/// A table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Table {
    /// Accounts and addresses.
    Users,
    /// Sessions.
    Tokens,
    /// The audit log.
    Audit,
    /// The service's version level and public keys.
    Security,
    /// What is to be sent or swept.
    Outbox,
    /// Buckets and locks.
    Limits,
    /// What makes a change of the audit log show.
    Seals,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 7] = [
        Self::Users,
        Self::Tokens,
        Self::Audit,
        Self::Security,
        Self::Outbox,
        Self::Limits,
        Self::Seals,
    ];

    /// The name behind the prefix.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Tokens => "tokens",
            Self::Audit => "audit",
            Self::Security => "security",
            Self::Outbox => "outbox",
            Self::Limits => "limits",
            Self::Seals => "seals",
        }
    }
}

/// A secondary index. No rule goes by one: it is behind its table by up to some seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Index {
    /// Everybody's records.
    ByMonth,
    /// The record that opens a session, and those of the session that are in no partition of its user.
    BySession,
    /// The records of a user that stand outside the user's partition.
    ByUser,
    /// Accounts and invitations by identifier.
    ByDirectory,
    /// Digests that wait, by the time when they are due.
    DueDigests,
}

impl Index {
    /// All indexes.
    pub const ALL: [Self; 5] = [
        Self::ByMonth,
        Self::BySession,
        Self::ByUser,
        Self::ByDirectory,
        Self::DueDigests,
    ];
    /// Those of the audit table.
    pub const OF_AUDIT: [Self; 3] = [Self::ByMonth, Self::BySession, Self::ByUser];

    /// Its table.
    #[must_use]
    pub const fn table(self) -> Table {
        match self {
            Self::ByMonth | Self::BySession | Self::ByUser => Table::Audit,
            Self::ByDirectory => Table::Users,
            Self::DueDigests => Table::Outbox,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByMonth => "by_month",
            Self::BySession => "by_session",
            Self::ByUser => "by_user",
            Self::ByDirectory => "by_directory",
            Self::DueDigests => "due_digests",
        }
    }

    /// The attribute that it is partitioned by.
    #[must_use]
    pub const fn attribute(self) -> &'static str {
        match self {
            Self::ByMonth => "month",
            Self::BySession => "indexed_session",
            Self::ByUser => "once_user",
            Self::ByDirectory => "directory",
            Self::DueDigests => "due_shard",
        }
    }
}
