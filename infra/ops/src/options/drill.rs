//! Drills.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Drills.
#[derive(Debug, Clone, Subcommand)]
pub enum DrillCommand {
    /// Play a thief with the signing ring and a copy of the tokens table, answer by the runbook, and measure how soon
    /// and how completely everything stolen is refused. Refuses any service but one on this machine. Start the service
    /// with `DASHTAM_RATE_LIMIT_SCALE=1000`, or its limits stop the drill. Everybody who is signed in there is signed out
    Breach(BreachOptions),
}

/// How big the drill is.
#[derive(Debug, Clone, Args)]
pub struct BreachOptions {
    /// The running local service
    #[arg(long, default_value = "http://127.0.0.1:9000")]
    pub url: String,
    /// Accounts that are made for it
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(3..=200))]
    pub users: u16,
    /// Sessions of each
    #[arg(long, value_name = "M", default_value_t = 3, value_parser = clap::value_parser!(u16).range(3..=40))]
    pub sessions: u16,
    /// How long the load runs before the response begins
    #[arg(long, value_name = "S", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=300))]
    pub seconds: u64,
    /// Tries of each kind of access token after the response; of other tokens fewer
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub tries: u32,
    /// Write the report into this file, as Markdown
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}
