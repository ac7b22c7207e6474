//! `ops doctor`: is what a deployment, or the local run, stands on as it should be?
//!
//! Every check looks at the real thing and changes nothing: tables and secrets by the settings' names, what seals the
//! trail, the mail identity, the clock of AWS, and what the running service says of itself. What the template says is the
//! measure, so a table that somebody has changed by hand is found. A check that the credentials do not allow is a warning
//! that names the right.

mod clock;
mod keys;
mod mail;
mod migrations;
mod protection;
mod service;
mod tables;
mod trail;

use ::migrations::Migration;
use serde_json::json;
use shared::aws::AwsBase;

use crate::console::{Answer, Console};
use crate::desk::Desk;
use crate::failure::{Exit, Failure};

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warning,
    Failed,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One check.
#[derive(Debug)]
struct Check {
    name: String,
    state: State,
    found: String,
    /// What to do; `None` where all is well.
    fix: Option<String>,
}

impl Check {
    fn ok(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            state: State::Ok,
            found: found.into(),
            fix: None,
        }
    }

    fn warning(name: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            state: State::Warning,
            found: found.into(),
            fix: Some(fix.into()),
        }
    }

    fn failed(name: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            state: State::Failed,
            found: found.into(),
            fix: Some(fix.into()),
        }
    }

    /// Something that AWS did not show. `right` is what it takes to look.
    fn unseen(name: impl Into<String>, error: &str, right: &str) -> Self {
        if error.contains("AccessDenied") {
            let fix = format!("Look with credentials that have {right}.");
            return Self::warning(name, "these credentials may not look", fix);
        }
        let fix = "See that region, credentials and, locally, `cargo run` are right and up, and that the clock is.";
        Self::failed(name, format!("could not be looked at: {error}"), fix)
    }
}

/// Where the checks look.
struct Patient<'a> {
    desk: &'a Desk,
    base: AwsBase,
    is_deployment: bool,
    migrations: &'static [Migration],
}

impl Patient<'_> {
    /// What makes again what is missing.
    const fn maker(&self) -> &'static str {
        if self.is_deployment {
            "deploy the stack again (docs/deploying.md); for keys, KeysInitFunction makes them, once an hour and behind each deployment"
        } else {
            "start `cargo run` again, which makes what is missing; if that does not help, move its data directory away"
        }
    }
}

/// Makes every check and prints a line for each. `migrations` are those of this release.
///
/// # Errors
/// The checks could not be begun.
pub async fn run(
    desk: &Desk,
    is_deployment: bool,
    migrations: &'static [Migration],
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let patient = Patient {
        desk,
        base: AwsBase::new(desk.settings.clone()),
        is_deployment,
        migrations,
    };
    let mut checks = Box::pin(tables::check(&patient)).await?;
    checks.extend(Box::pin(protection::check(&patient)).await?);
    checks.extend(Box::pin(keys::check(&patient)).await);
    checks.extend(Box::pin(trail::check(&patient)).await);
    checks.push(Box::pin(migrations::check(&patient)).await);
    checks.extend(Box::pin(mail::check(&patient)).await);
    checks.extend(Box::pin(service::check(&patient)).await);
    console.answer(&answer(&checks));
    Ok(if checks.iter().any(|check| check.state == State::Failed) {
        Exit::Refused
    } else {
        Exit::Done
    })
}

fn answer(checks: &[Check]) -> Answer {
    let width = checks
        .iter()
        .map(|check| check.name.chars().count())
        .max()
        .unwrap_or_default();
    let lines = checks.iter().map(|check| {
        let fix = check
            .fix
            .as_ref()
            .map(|fix| format!("  -> {fix}"))
            .unwrap_or_default();
        format!(
            "{:<7}  {:<width$}  {}{fix}",
            check.state.name(),
            check.name,
            check.found
        )
    });
    let count = |state| checks.iter().filter(|check| check.state == state).count();
    let (warnings, failures) = (count(State::Warning), count(State::Failed));
    let verdict = format!(
        "{} checks: {warnings} warnings, {failures} failed.",
        checks.len()
    );
    let documents = checks.iter().map(
        |check| json!({ "check": check.name, "state": check.state.name(), "found": check.found, "fix": check.fix }),
    );
    Answer {
        document: json!({
            "ok": failures == 0,
            "warnings": warnings,
            "failed": failures,
            "checks": documents.collect::<Vec<_>>(),
        }),
        text: lines
            .chain([String::new(), verdict])
            .collect::<Vec<_>>()
            .join("\n"),
    }
}
