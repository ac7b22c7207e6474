//! The seals of the audit trail.

use std::path::PathBuf;

use clap::Args;

/// Which records are verified. The chains are always walked whole.
#[derive(Debug, Clone, Args)]
pub struct AuditVerify {
    /// Only this user's records
    #[arg(long, value_name = "EMAIL|ID")]
    pub user: Option<String>,
    /// Only records from this moment on: RFC 3339, a date, or an age such as 30m, 24h, 7d
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Only records up to this moment
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Trust this key and not the one that KMS shows now; more than once where the key was replaced
    #[arg(long, value_name = "FILE")]
    pub public_key: Vec<PathBuf>,
}

/// How far a look for records without a seal goes back.
#[derive(Debug, Clone, Args)]
pub struct AuditReconcile {
    /// The records of so many days
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=3_650))]
    pub days: u32,
}
