//! The command line.

mod audit;
mod drill;
mod imports;
mod migrate;
mod outbox;
mod seals;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::audit::{AuditCommand, AuditQuery, AuditTail, AuditTimeline};
pub use self::drill::{BreachOptions, DrillCommand};
pub use self::imports::{OnFault, Source, UsersImport};
pub use self::migrate::{MigrateCommand, MigrateDown, MigrateRun, MigrateTable, MigrateUp};
pub use self::outbox::{Errands, OutboxCommand, OutboxRows};
pub use self::seals::{AuditReconcile, AuditVerify};

/// The operator's command of Dashtam Auth.
///
/// Works on the local run (`cargo run`) unless told otherwise. Every change requires --yes and a --reason, and leaves a
/// record in the audit log with your name. Exit codes: 0 done, 1 refused or failed, 2 wrong usage or settings, 3 not
/// found. docs/operations.md has examples, docs/runbooks/ says what to do when.
#[derive(Debug, Clone, Parser)]
#[command(name = "ops", version)]
pub struct Options {
    /// What every command takes.
    #[command(flatten)]
    pub common: Common,
    /// What is to be done.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// Work on a deployment: AWS_* credentials, `AWS_REGION` and the stack's DASHTAM_* settings from the environment
    #[arg(long, global = true, conflicts_with_all = ["data_dir", "env_file"])]
    pub aws: bool,

    /// The data directory of the local run
    #[arg(
        long,
        global = true,
        value_name = "DIRECTORY",
        default_value = ".dashtam/"
    )]
    pub data_dir: PathBuf,

    /// Take the settings from this file of NAME=value lines instead of `<data-dir>/lambda.env`
    #[arg(long, global = true, value_name = "FILE")]
    pub env_file: Option<PathBuf>,

    /// Who you are, for the audit log; without it $USER, or the account this runs as
    #[arg(long = "as", global = true, value_name = "NAME")]
    pub operator: Option<String>,

    /// Print one JSON document on standard output, and nothing else there
    #[arg(long, global = true)]
    pub json: bool,

    /// Really do it; without it a command that changes something only says what it would do
    #[arg(long, global = true)]
    pub yes: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Accounts: show, disable, enable, unlock, invite, import, and give or revoke the admin role
    #[command(subcommand)]
    Users(UsersCommand),
    /// Revoke everything issued before, for one user or for all
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// Signing keys and data keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// A user's sessions
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// The audit trail
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Mails and sweeps that were asked for
    #[command(subcommand)]
    Outbox(OutboxCommand),
    /// Changes of the stored items, while the service runs
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// The settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Check whether everything that the service depends on is as it should be: tables, secrets, mail, clock, and what the
    /// service says of itself. Changes nothing. Ends with 1 if a check failed
    Doctor,
    /// Practise an emergency against a running local service
    #[command(subcommand)]
    Drill(DrillCommand),
}

/// An account and why.
#[derive(Debug, Clone, Args)]
pub struct AccountChange {
    /// The account's email address or id
    #[arg(value_name = "EMAIL|ID")]
    pub whom: String,
    /// Why, for the audit log: one line of 10 to 500 characters
    #[arg(long)]
    pub reason: String,
}

/// Accounts.
#[derive(Debug, Clone, Subcommand)]
pub enum UsersCommand {
    /// Show an account with its lock, version level and live sessions. This is recorded
    Show {
        /// The account's email address or id
        #[arg(value_name = "EMAIL|ID")]
        whom: String,
    },
    /// Count the accounts by how their password is kept; no hash is read. It reads the whole table
    Passwords,
    /// Disable an account; every token of it is revoked at once
    Disable(AccountChange),
    /// Enable a disabled account; its old tokens stay revoked
    Enable(AccountChange),
    /// Lift the lock of an account's address
    Unlock(AccountChange),
    /// Give an account the admin role; it counts from the next request on
    GrantAdmin(AccountChange),
    /// End the claim of a former address: its mailbox can no longer take the account back
    EndClaim {
        /// Whose, and why.
        #[command(flatten)]
        change: AccountChange,
        /// The former address
        #[arg(long, value_name = "EMAIL")]
        address: String,
    },
    /// Export everything that is stored about an account, except hashes of passwords and tokens. The export is recorded
    Export(AccountChange),
    /// Erase an account for good, with its sessions. The audit log keeps its records
    Delete(AccountChange),
    /// Mail the owner of an address a link to make an account, also where registration is closed
    Invite(Invite),
    /// Make accounts of the users of another service
    Import(UsersImport),
    /// Take the admin role from an account, unless it is the last admin. An address in `DASHTAM_ADMIN_EMAILS` stays an
    /// admin
    RevokeAdmin(AccountChange),
}

/// Whom to invite.
#[derive(Debug, Clone, Args)]
pub struct Invite {
    /// The email address
    pub email: String,
    /// What you know its owner by; it is not in the mail
    #[arg(long)]
    pub name: Option<String>,
    /// Why, for the audit log: one line of 10 to 500 characters
    #[arg(long)]
    pub reason: String,
}

/// Token rotations.
#[derive(Debug, Clone, Subcommand)]
pub enum TokensCommand {
    /// Revoke every access, refresh and mailed token, of one user or of all
    Rotate {
        /// Of this user
        #[arg(
            long,
            value_name = "EMAIL|ID",
            required_unless_present = "global",
            conflicts_with = "global"
        )]
        user: Option<String>,
        /// Of all users
        #[arg(long)]
        global: bool,
        /// Why, for the audit log: one line of 10 to 500 characters
        #[arg(long)]
        reason: String,
        /// How many seconds what was good until now is still let in
        #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=3_600))]
        grace: u64,
        /// Only say what would happen; the question is recorded, nothing is changed
        #[arg(long)]
        dry_run: bool,
    },
}

/// Why keys are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyMode {
    /// What was signed until now stays good; Secrets Manager runs the rotation
    Routine,
    /// Everything that was signed until now is refused at once
    Compromised,
}

/// Which keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Ring {
    /// The keys that sign access tokens
    Signing,
    /// The keys that encrypt stored data
    Data,
}

/// Keys.
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// List the signing keys with their state and the versions of the data key; never a key itself
    List,
    /// Write the copies of the security record again that are missing or behind the others, as the service does each hour
    Repair {
        /// Why, for the audit log: one line of 10 to 500 characters
        #[arg(long)]
        reason: String,
    },
    /// Replace the signing keys, or have a new data key made
    Rotate {
        /// Why it is done; the data ring knows `routine` only, and takes it without being told
        #[arg(long, required_unless_present = "ring")]
        mode: Option<KeyMode>,
        /// Which keys
        #[arg(long, default_value = "signing")]
        ring: Ring,
        /// Why, for the audit log: one line of 10 to 500 characters
        #[arg(long)]
        reason: String,
        /// Wait so many seconds for a routine rotation to be done; 0: only begin it
        #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(0..=600))]
        wait: u64,
    },
}

/// Sessions.
#[derive(Debug, Clone, Subcommand)]
pub enum SessionsCommand {
    /// List a user's live sessions, newest activity first. This is recorded
    List {
        /// The account's email address or id
        #[arg(value_name = "EMAIL|ID")]
        whom: String,
    },
    /// End one session of a user, or all of them
    Revoke {
        /// The session, by its id
        #[arg(
            value_name = "SESSION",
            required_unless_present = "all",
            conflicts_with = "all"
        )]
        session: Option<String>,
        /// Every session; the owner gets a mail
        #[arg(long)]
        all: bool,
        /// Whose
        #[arg(long, value_name = "EMAIL|ID")]
        user: String,
        /// Why, for the audit log: one line of 10 to 500 characters
        #[arg(long)]
        reason: String,
    },
}

/// The settings.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum ConfigCommand {
    /// Show what is in force, what differs from its default (*), and every fault at once; secrets are not shown. Asks
    /// nothing of AWS. Ends with 2 if there is a fault
    Check,
}
