//! `ops drill breach`: somebody has the signing ring and a copy of the tokens table; how soon is it worth nothing?
//!
//! The drill runs against a running local service, over HTTP and under load, and reads like the runbook
//! `docs/runbooks/breach.md`:
//!
//! | part | what happens |
//! |---|---|
//! | [`safety`] | nothing but a service on this machine is touched |
//! | [`cast`] | accounts are made, with sessions, and links in mails that nobody has used yet |
//! | [`thief`] | the ring and the table are taken, tokens are forged, hashes are tried as tokens |
//! | [`load`] | people go on using the service |
//! | [`probes`] | every kind of token is shown again and again |
//! | [`timeline`] | when which call was answered |
//! | [`response`] | the runbook, step by step |
//! | [`proof`] | new logins work, and the trail holds what was done |
//! | [`report`] | what was measured, and whether it is good enough |
//!
//! A try counts as stale if it was sent after the answer of the call that was to end its token, and was accepted. One is
//! one too many. Everything is bounded in count and in time.

pub mod cast;
pub mod check;
pub mod client;
pub mod load;
pub mod probes;
pub mod proof;
pub mod report;
pub mod response;
pub mod safety;
pub mod thief;
pub mod timeline;
pub mod tries;

use std::fs::OpenOptions;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::console::{Answer, Console};
use crate::desk::Desk;
use crate::drill::cast::Cast;
use crate::drill::load::Load;
use crate::drill::probes::{Plan, Probes};
use crate::drill::report::{Report, Size};
use crate::drill::safety::Service;
use crate::drill::thief::Loot;
use crate::drill::timeline::Timeline;
use crate::failure::{Exit, Failure};
use crate::options::{BreachOptions, DrillCommand};

/// Below this the limits of the service stop the drill before it has measured anything.
const SCALE: f64 = 100.0;

/// What is told whenever a limit got in the way.
pub(crate) const RAISE: &str =
    "The limits of the service got in the way: start it with DASHTAM_RATE_LIMIT_SCALE=1000.";

/// Carries the command out.
///
/// # Errors
/// [`Failure`] where the drill could not be played to its end; what it measured is no failure but its exit code.
pub async fn run(
    desk: &Desk,
    command: &DrillCommand,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let DrillCommand::Breach(options) = command;
    let service = safety::only_here(desk, &options.url)?;
    desk.confirm(&format!(
        "sign everybody out of {}, drop its signing keys and make {} accounts there",
        options.url,
        usize::from(options.users) + cast::OTHERS
    ))?;
    Box::pin(safety::is_ours(desk, &service)).await?;
    if desk.environment.config().rate_limits.scale < SCALE {
        console
            .progress("The service runs with its usual limits; they will probably stop the drill.");
    }
    // Before the drill: a file that cannot be written must not cost the measurements. A report that is there stays till then.
    let open = |file| {
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(file)
    };
    options
        .report
        .as_ref()
        .map(open)
        .transpose()
        .map_err(|error| unwritable(&error))?;
    let report = Box::pin(breach(desk, &service, options, console)).await?;
    console.answer(&Answer {
        document: json!(report),
        text: report.markdown(),
    });
    if let Some(file) = &options.report {
        std::fs::write(file, report.markdown()).map_err(|error| unwritable(&error))?;
    }
    if report.failures().is_empty() {
        Ok(Exit::Done)
    } else {
        Ok(Exit::Refused)
    }
}

fn unwritable(error: &io::Error) -> Failure {
    Failure::refused(
        format!("The report cannot be written: {error}."),
        "Name another file with --report.",
    )
}

async fn breach(
    desk: &Desk,
    service: &Service,
    options: &BreachOptions,
    console: &mut Console<'_>,
) -> Result<Report, Failure> {
    let begun = desk.store.now();
    console.progress("Making accounts, sessions and links.");
    let cast = Box::pin(Cast::assemble(desk, service, options)).await?;

    console.progress("Playing the thief.");
    let loot = Loot::steal(desk, &cast).await?;
    let forged = loot.forge(desk, probes::FORGED)?;
    let mut before = Box::pin(thief::try_loot(service, &loot, &forged)).await?;
    before.extend(cast.proofs.iter().cloned());

    console.progress("Putting load on the service, and showing every kind of token.");
    let timeline = Arc::new(Timeline::default());
    let load = Load::start(service.address, &cast.lodger, &timeline);
    let plan = Plan {
        address: service.address,
        timeline: Arc::clone(&timeline),
        tries: options.tries,
    };
    let mut probes = Probes::begin(&plan, &cast, &forged);
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;

    console.progress("Answering by the runbook.");
    let steps = Box::pin(response::respond(
        desk,
        service,
        &cast,
        &timeline,
        &mut probes,
    ))
    .await?;

    console.progress("Showing every kind of token until there have been enough tries.");
    let deadline = Instant::now() + probes::PATIENCE;
    let measured = probes.finish(deadline).await;
    let load = load.finish().await;

    console.progress("Logging everybody in anew, and reading the trail.");
    let mut after = Box::pin(proof::new_logins(desk, service, &cast)).await?;
    after.extend(Box::pin(proof::trail(desk, &cast, begun)).await?);
    cast.retire(desk).await?;
    Ok(Report {
        size: Size {
            users: options.users,
            sessions: options.sessions,
            stolen_sessions: loot.sessions.len(),
            tries: options.tries,
            seconds: options.seconds,
        },
        before,
        steps,
        tokens: measured
            .iter()
            .map(|probe| probe.measure(&timeline))
            .collect(),
        load,
        load_seconds: timeline.since_begin().as_secs_f64(),
        after,
    })
}
