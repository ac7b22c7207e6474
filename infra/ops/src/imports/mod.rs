//! `ops users import`: accounts of another service, line by line.
//!
//! Each line is one write, so nothing is ever half imported. An address that has an account is left as it is and told, so
//! an import that was cut off, by whatever, is begun again and goes on where it was.
//!
//! No user is dropped: with `--on-fault skip` a line that cannot be imported is kept in a file.

mod overview;
mod rejected;
mod sources;
mod systems;

use std::collections::HashMap;
use std::fs::File;
use std::time::Duration;

use serde_json::json;
use shared::accounts::import::Newcomer;
use shared::domain::Reason;
use shared::ground::digest;
use shared::request::Task;
use shared::store::Admitted;

use self::overview::Overview;
use self::rejected::Rejected;
use self::sources::Line;
use crate::console::{Answer, Console};
use crate::desk::{self, Desk};
use crate::failure::{Exit, Failure};
use crate::options::{OnFault, UsersImport};

static IMPORT: Task = Task {
    action: "admin.import_user",
    name: "ops users import",
};

/// So often it is told how far it is.
const PROGRESS: u64 = 1_000;

/// What has become of the lines.
#[derive(Debug, Default)]
struct Tally {
    imported: u64,
    present: u64,
    faulty: u64,
    stopped_at: Option<u64>,
    kept_at: Option<String>,
}

impl Tally {
    fn lines(&self) -> u64 {
        self.imported + self.present + self.faulty
    }

    fn text(&self) -> String {
        let Self {
            imported,
            present,
            faulty,
            stopped_at,
            kept_at,
        } = self;
        let stopped = stopped_at.map(|line| format!(" Stopped at line {line}."));
        let kept = kept_at
            .as_ref()
            .map(|path| format!(" They are kept in {path}: fix them there and import that file."));
        let end = stopped.or(kept).unwrap_or_default();
        format!(
            "{imported} accounts imported, {present} addresses had one, {faulty} lines could not be imported.{end}"
        )
    }

    fn answer(&self) -> Answer {
        let Self {
            imported,
            present,
            faulty,
            stopped_at,
            kept_at,
        } = self;
        let document = json!({
            "imported": imported,
            "present": present,
            "faulty": faulty,
            "stopped_at_line": stopped_at,
            "rejected_file": kept_at,
        });
        Answer {
            document,
            text: self.text(),
        }
    }
}

/// Carries the command out.
///
/// # Errors
/// [`Failure`] where the file or the store cannot be used; what was imported stays.
pub async fn run(
    desk: &Desk,
    options: &UsersImport,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let reason = desk::reason(&options.reason)?;
    let open = || {
        File::open(&options.file).map_err(|error| {
            let what = format!("{} cannot be read: {error}.", options.file.display());
            Failure::usage(what, "Name the file that the other service has exported.")
        })
    };
    plan(desk, options, open()?, console)?;
    let path = options
        .rejected
        .clone()
        .unwrap_or_else(|| Rejected::beside(&options.file));
    let mut rejected = match options.on_fault {
        OnFault::Skip => Some(Rejected::new(path, sources::head(options.from, open()?))?),
        OnFault::Stop => None,
    };
    let mut tally = Tally::default();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / options.rate);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    for Line { number, found, raw } in distinct(sources::lines(options.from, open()?)) {
        let fault = match found {
            Ok(newcomer) => {
                ticks.tick().await;
                admit(desk, &newcomer, &reason, &mut tally)
                    .await
                    .map_err(|failure| cut_off(failure, &tally))?
            }
            Err(fault) => Some(fault),
        };
        if let Some(fault) = fault {
            tally.faulty += 1;
            console.progress(&format!("line {number}: {fault}"));
            let Some(rejected) = &mut rejected else {
                tally.stopped_at = Some(number);
                break;
            };
            rejected
                .keep(&raw)
                .map_err(|failure| cut_off(failure, &tally))?;
            tally.kept_at = rejected.kept_at().map(|path| path.display().to_string());
        }
        if tally.lines() % PROGRESS == 0 {
            console.progress(&tally.text());
        }
    }
    console.answer(&tally.answer());
    // The exit code tells a script that lines are missing.
    Ok(if tally.faulty == 0 {
        Exit::Done
    } else {
        Exit::Refused
    })
}

/// Without `--yes`: reads everything, names every fault, and says what would be done.
fn plan(
    desk: &Desk,
    options: &UsersImport,
    file: File,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    if desk.confirm("").is_ok() {
        return Ok(());
    }
    let mut overview = Overview::default();
    for Line { number, found, .. } in distinct(sources::lines(options.from, file)) {
        overview.count(&found);
        if let Err(fault) = found {
            console.progress(&format!("line {number}: {fault}"));
        }
    }
    desk.confirm(&overview.text())
}

/// The lines, of which none has the address of one before it: of two that differ nobody knows which one is meant. A mark of
/// each address is kept, some 50 bytes.
fn distinct(lines: impl Iterator<Item = Line>) -> impl Iterator<Item = Line> {
    let mut firsts = HashMap::new();
    lines.map(move |Line { number, found, raw }| {
        let found = found.and_then(|newcomer| {
            let mark = digest::sha256(newcomer.email.canonical().as_bytes())
                .first_chunk::<16>()
                .copied();
            match firsts.insert(mark, number) {
                Some(first) => {
                    firsts.insert(mark, first);
                    Err(format!("it has the address of line {first}"))
                }
                None => Ok(newcomer),
            }
        });
        Line { number, found, raw }
    })
}

/// Makes the account; what stands against it, if something does.
async fn admit(
    desk: &Desk,
    newcomer: &Newcomer,
    reason: &Reason,
    tally: &mut Tally,
) -> Result<Option<String>, Failure> {
    let administration = desk.environment.administration();
    match administration
        .admit(&desk.meta(&IMPORT), desk.actor(), newcomer, reason)
        .await?
    {
        Admitted::Done => tally.imported += 1,
        Admitted::AddressTaken => tally.present += 1,
        Admitted::AddressReserved(user) => {
            return Ok(Some(format!(
                "the address belonged to account {user} until recently and can still take it back; import it later"
            )));
        }
        Admitted::IdTaken => {
            return Ok(Some(
                "another account has this id, had it until it was erased, or it must not be used; leave it out to get a new one".to_owned(),
            ));
        }
    }
    Ok(None)
}

/// What was imported before the store failed, and how to go on.
fn cut_off(mut failure: Failure, tally: &Tally) -> Failure {
    failure.what = format!("{} {}", failure.what, tally.text());
    failure
        .remedy
        .push_str(" Then give the same command again: it goes on where it was.");
    failure
}
