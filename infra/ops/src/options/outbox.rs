//! The command line of `ops outbox`.

use clap::{Args, Subcommand, ValueEnum};

/// Mails and sweeps that were asked for.
#[derive(Debug, Clone, Subcommand)]
pub enum OutboxCommand {
    /// List what was asked for and not done, oldest first. It reads the whole table
    List(OutboxRows),
    /// Hand it on to the mailer or the sweeper once more, whatever became of its message. What was done is not done twice
    Redrive {
        /// Which.
        #[command(flatten)]
        rows: OutboxRows,
        /// Why, for the audit trail: one line of 10 to 500 characters
        #[arg(long)]
        reason: String,
    },
}

/// What a row asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Errands {
    /// Mails that were not sent
    Mails,
    /// Sweeps of sessions, also those that were done: nobody notes it, and they may be done again
    Sweeps,
}

/// Which rows.
#[derive(Debug, Clone, Args)]
pub struct OutboxRows {
    /// What they ask for
    #[arg(long, value_name = "WHAT", default_value = "mails")]
    pub of: Errands,
    /// Only what was asked for by this moment: RFC 3339, a date, or an age such as 30m, 24h, 7d
    #[arg(long, value_name = "TIME", default_value = "15m")]
    pub to: String,
}
