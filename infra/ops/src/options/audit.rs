//! The command line of `ops audit`.

use clap::{Args, Subcommand};

use super::seals::{AuditReconcile, AuditVerify};

/// The audit trail.
#[derive(Debug, Clone, Subcommand)]
pub enum AuditCommand {
    /// Show records, the newest last
    Query(AuditQuery),
    /// Show records as they come
    Tail(AuditTail),
    /// Tell what happened to a user, in a session or in a request, oldest first, in sentences
    Timeline(AuditTimeline),
    /// See whether a record was changed, removed, added or reordered, and name it; ends with 1 if so
    Verify(AuditVerify),
    /// Seal the records that the stream has lost, now and not at the daily run
    Reconcile(AuditReconcile),
    /// Show the public half of the key that signs the trail, for --public-key
    Key,
}

/// What is looked for in the trail.
#[derive(Debug, Clone, Args)]
pub struct AuditQuery {
    /// In this user's records; without any of these four in those that belong to no user
    #[arg(long, value_name = "EMAIL|ID")]
    pub user: Option<String>,
    /// In the records of this session
    #[arg(long, value_name = "ID", conflicts_with = "user")]
    pub session: Option<String>,
    /// In the records of this request, by the `X-Request-Id` of its answer
    #[arg(long, value_name = "ID", conflicts_with_all = ["user", "session"])]
    pub request: Option<String>,
    /// In everybody's records
    #[arg(long, conflicts_with_all = ["user", "session", "request"])]
    pub all: bool,
    /// From this moment on: RFC 3339, a date, or an age such as 30m, 24h, 7d. Without it a day ago, but with a user, session
    /// or request ever
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Up to this moment; without it now
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Only this action, such as auth.login; `admin.` is every action that begins so
    #[arg(long)]
    pub action: Option<String>,
    /// At most so many records, the newest
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub limit: u32,
}

/// What is told.
#[derive(Debug, Clone, Args)]
pub struct AuditTimeline {
    /// What happened to this user, and to everybody meanwhile
    #[arg(long, value_name = "EMAIL|ID", required_unless_present_any = ["session", "request"])]
    pub user: Option<String>,
    /// What happened in this session, and what ended it
    #[arg(long, value_name = "ID", conflicts_with_all = ["user", "request"])]
    pub session: Option<String>,
    /// What happened in this request
    #[arg(long, value_name = "ID", conflicts_with = "user")]
    pub request: Option<String>,
    /// From this moment on: RFC 3339, a date, or an age such as 30m, 24h, 7d; without it seven days ago
    #[arg(long, value_name = "TIME", default_value = "7d")]
    pub from: String,
    /// Up to this moment; without it now
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
}

/// What is waited for in the trail.
#[derive(Debug, Clone, Args)]
pub struct AuditTail {
    /// This user's records; without it those that belong to no user
    #[arg(long, value_name = "EMAIL|ID")]
    pub user: Option<String>,
    /// Begin with the records from this moment on: RFC 3339, a date, or an age such as 30m; without it from now
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// End after so many seconds; without it at Ctrl-C
    #[arg(long = "for", value_name = "SECONDS")]
    pub seconds: Option<u64>,
    /// Look again after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub every: u64,
}
