//! The command line of `ops users import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// What a file was exported from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// A user pool's CSV file; it has no passwords
    Cognito,
    /// Auth0's JSON lines, with `passwordHash` or `custom_password_hash`
    Auth0,
    /// The users table of the Dashtam platform as JSON lines
    Dashtam,
    /// Rows of Supabase's auth.users as JSON lines
    Supabase,
    /// The users of a realm that Keycloak has exported, one JSON object a line
    Keycloak,
    /// JSON lines with exactly the members that docs/importing-users.md names
    Jsonl,
}

/// What a line that cannot be imported does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnFault {
    /// It is named, kept in the file of `--rejected`, and left out; the command ends with 1
    Skip,
    /// It ends the import; what stands before it stays imported
    Stop,
}

/// An import.
#[derive(Debug, Clone, Args)]
pub struct UsersImport {
    /// The exported file
    pub file: PathBuf,
    /// What it was exported from
    #[arg(long)]
    pub from: Source,
    /// What a line that cannot be imported does
    #[arg(long, default_value = "stop")]
    pub on_fault: OnFault,
    /// Where lines that were left out are kept, to be corrected and imported; without it the file's name with `.rejected`
    #[arg(long, value_name = "PATH")]
    pub rejected: Option<PathBuf>,
    /// Most accounts in a second
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: u32,
    /// Why, for the audit trail: one line of 10 to 500 characters
    #[arg(long)]
    pub reason: String,
}
