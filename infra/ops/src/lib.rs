//! The operator's command: what has to be done when the service's own endpoints are not enough, or not to be trusted.
//!
//! It works on the tables and secrets of the local run or of a deployment with the services that the endpoints use, so
//! the rules are the same and every change leaves the same record in the audit trail, with the operator's name in it. It
//! asks nobody but AWS for permission: whoever may write the tables may run it.
//!
//! | module | what it does |
//! |---|---|
//! | [`options`] | the command line |
//! | [`target`] | whose tables and secrets: the local run's or a deployment's |
//! | [`desk`] | who works on them, and what they have confirmed |
//! | [`users`], [`tokens`], [`keys`], [`sessions`], [`audit`], [`timeline`], [`seals`] | the commands |
//! | [`story`], [`words`], [`names`] | audit records in words |
//! | [`outbox`] | mails and sweeps that were not done |
//! | [`migrate`] | writes, runs and takes back migrations |
//! | [`configuration`] | checks the settings before anything starts with them |
//! | [`doctor`] | looks whether everything that the service stands on is as it should be |
//! | [`drill`] | a breach, played and answered, with a stop-watch |
//! | [`console`], [`failure`] | what is printed, and the exit code |
//!
//! A command that changes something does nothing without `--yes`, and says what it would do. No password, token, hash
//! or key is ever printed.

pub mod audit;
pub mod configuration;
pub mod console;
pub mod desk;
pub mod doctor;
pub mod drill;
pub mod failure;
pub mod imports;
mod invite;
pub mod keys;
pub mod migrate;
pub mod moment;
pub mod names;
pub mod options;
pub mod outbox;
pub mod seals;
pub mod sessions;
pub mod story;
pub mod target;
pub mod timeline;
pub mod tokens;
pub mod users;
pub mod words;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser as _;
use migrations::Migration;
use shared::clock::Clock as _;
use shared::config::Settings;

use crate::console::Console;
use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::options::{AuditCommand, Command, ConfigCommand, MigrateCommand, Options};

/// Runs one command; the first argument is the program's name. Gives the exit code: 0 done, 1 refused or failed, 2 wrong
/// usage or settings, 3 not found.
///
/// `migrations` are the migrations of this release: `ops migrate` runs them, and `ops doctor` reports which are pending.
/// The program passes [`migrations::steps::ALL`].
pub async fn run<'a>(
    arguments: impl IntoIterator<Item = OsString>,
    process: &Settings,
    migrations: &'static [Migration],
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
) -> u8 {
    let options = match Options::try_parse_from(arguments) {
        Ok(options) => options,
        Err(error) => {
            let mut console = Console::new(false, out, err);
            if error.use_stderr() {
                console.progress(error.to_string().trim_end());
                return Exit::Usage.code();
            }
            console.piece(&error.to_string());
            return console.finish(Exit::Done).code();
        }
    };
    let mut console = Console::new(options.common.json, out, err);
    let exit = Box::pin(carry_out(&options, process, migrations, &mut console))
        .await
        .unwrap_or_else(|failure| {
            console.fail(&failure);
            failure.exit
        });
    console.finish(exit).code()
}

async fn carry_out(
    options: &Options,
    process: &Settings,
    migrations: &'static [Migration],
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    if let Command::Config(ConfigCommand::Check) = &options.command {
        return configuration::check(&options.common, process, console);
    }
    if let Command::Migrate(MigrateCommand::Create { name, table, dir }) = &options.command {
        console.answer(&migrate::create::create(
            name,
            *table,
            dir,
            shared::clock::SystemClock.now(),
        )?);
        return Ok(Exit::Done);
    }
    let desk = Desk::open(&options.common, process)?;
    let answer = match &options.command {
        Command::Users(command) => return Box::pin(users::run(&desk, command, console)).await,
        Command::Tokens(command) => Box::pin(tokens::run(&desk, command)).await?,
        Command::Keys(command) => Box::pin(keys::run(&desk, command, console)).await?,
        Command::Sessions(command) => Box::pin(sessions::run(&desk, command)).await?,
        Command::Audit(AuditCommand::Query(query)) => Box::pin(audit::query(&desk, query)).await?,
        Command::Audit(AuditCommand::Timeline(wanted)) => {
            Box::pin(timeline::tell(&desk, wanted)).await?
        }
        Command::Audit(AuditCommand::Tail(tail)) => {
            return Box::pin(audit::tail(&desk, tail, console)).await;
        }
        Command::Audit(AuditCommand::Verify(verify)) => {
            return Box::pin(seals::verify(&desk, verify, console)).await;
        }
        Command::Audit(AuditCommand::Reconcile(reconcile)) => {
            Box::pin(seals::reconcile(&desk, reconcile)).await?
        }
        Command::Audit(AuditCommand::Key) => Box::pin(seals::key(&desk)).await?,
        Command::Outbox(command) => Box::pin(outbox::run(&desk, command)).await?,
        Command::Migrate(command) => {
            Box::pin(migrate::run(&desk, migrations, command, console)).await?
        }
        Command::Config(ConfigCommand::Check) => {
            return configuration::check(&options.common, process, console);
        }
        Command::Doctor => {
            return Box::pin(doctor::run(&desk, options.common.aws, migrations, console)).await;
        }
        Command::Drill(command) => return Box::pin(drill::run(&desk, command, console)).await,
    };
    console.answer(&answer);
    Ok(Exit::Done)
}
