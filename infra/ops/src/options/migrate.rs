//! The command line of `ops migrate`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Changes of the stored items.
#[derive(Debug, Clone, Subcommand)]
pub enum MigrateCommand {
    /// Write a new migration and register it; wants a checkout and no service
    Create {
        /// What it is about: small letters, digits and underscores
        #[arg(value_name = "NAME")]
        name: String,
        /// The table that it walks
        #[arg(long, default_value = "users")]
        table: MigrateTable,
        /// Where the migrations are
        #[arg(
            long,
            value_name = "DIRECTORY",
            default_value = "infra/migrations/src/steps"
        )]
        dir: PathBuf,
    },
    /// Do what is pending, oldest first; without --yes only count what would change. A run that was stopped goes on
    Up(MigrateUp),
    /// Take the youngest one back; without --yes only count what would change
    Down(MigrateDown),
    /// Show every migration and how far it is
    Status,
    /// Show every run: who, when, how many items
    History,
}

/// The tables whose items carry a version that may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MigrateTable {
    /// Accounts and addresses
    Users,
    /// Sessions
    Tokens,
    /// The version level and the keys
    Security,
}

/// What is done.
#[derive(Debug, Clone, Args)]
pub struct MigrateUp {
    /// Up to this one, and not all
    #[arg(long, value_name = "ID")]
    pub to: Option<String>,
    /// Also one that is older than one that is applied
    #[arg(long)]
    pub out_of_order: bool,
    /// How.
    #[command(flatten)]
    pub run: MigrateRun,
}

/// What is taken back.
#[derive(Debug, Clone, Args)]
pub struct MigrateDown {
    /// How.
    #[command(flatten)]
    pub run: MigrateRun,
}

/// How it runs.
#[derive(Debug, Clone, Args)]
pub struct MigrateRun {
    /// Why, for the audit trail: one line of 10 to 500 characters
    #[arg(long)]
    pub reason: String,
    /// Look at so many items in a second, at most
    #[arg(long, value_name = "ITEMS", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// Read so many parts of the table beside each other
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=32))]
    pub segments: u32,
    /// Go on at once though somebody seems to be at it: their process is known to be dead. If it is not, it ends
    #[arg(long)]
    pub take_over: bool,
}
