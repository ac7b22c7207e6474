//! What was measured, and whether it is good enough.

use std::fmt::Write as _;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::drill::RAISE;
use crate::drill::check::{Check, Step};
use crate::drill::load::Counts;
use crate::drill::tries::Measured;

/// How big the drill was.
#[derive(Debug, Clone, Serialize)]
pub struct Size {
    /// Users.
    pub users: u16,
    /// Sessions of each.
    pub sessions: u16,
    /// Sessions in the stolen copy.
    pub stolen_sessions: usize,
    /// Tries of each kind of access token.
    pub tries: u32,
    /// How long the load ran before the response.
    pub seconds: u64,
}

/// Everything that was measured.
#[derive(Debug, Clone)]
pub struct Report {
    /// How big the drill was.
    pub size: Size,
    /// What the thief could do before the response.
    pub before: Vec<Check>,
    /// The response.
    pub steps: Vec<Step>,
    /// Every kind of token.
    pub tokens: Vec<Measured>,
    /// What the load was answered.
    pub load: Counts,
    /// How long the load ran.
    pub load_seconds: f64,
    /// What must be so afterwards.
    pub after: Vec<Check>,
}

impl Report {
    /// Everything that is not good enough; nothing for a drill that passed.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let checks = self
            .before
            .iter()
            .chain(&self.after)
            .filter(|check| !check.passed);
        let mut failures: Vec<_> = checks
            .map(|check| format!("not so: {} ({})", check.what, check.seen))
            .collect();
        let steps = self.steps.iter().filter(|step| !step.done);
        failures.extend(steps.map(|step| format!("step failed: {}: {}", step.name, step.outcome)));
        failures.extend(self.tokens.iter().flat_map(Measured::faults));
        if self.load.faults() + self.load.unanswered > 0 {
            let (faults, unanswered) = (self.load.faults(), self.load.unanswered);
            failures.push(format!(
                "load: {faults} answers of 500 and above, {unanswered} requests without an answer"
            ));
        }
        if self.load.limited() > 0 {
            failures.push(format!(
                "load: {} answers were 429. {RAISE}",
                self.load.limited()
            ));
        }
        failures
    }

    /// The report as a page.
    #[must_use]
    pub fn markdown(&self) -> String {
        let Size {
            users,
            sessions,
            stolen_sessions,
            tries,
            seconds,
        } = &self.size;
        let mut page = format!(
            "# Breach drill\n\nWritten by `ops drill breach`. {users} users with {sessions} sessions each, {stolen_sessions} \
             sessions in the stolen\ncopy, {tries} tries of each kind of access token, {seconds} s of load before the \
             response.\n"
        );
        let failures = self.failures();
        if failures.is_empty() {
            page += "\n**Passed.** No stale acceptance, no fault, no missing record.\n";
        } else {
            page += "\n**Failed.**\n\n";
            page.extend(failures.iter().map(|failure| format!("- {failure}\n")));
        }
        page += "\n## Before the response\n\n";
        page += &checks(&self.before);
        page += "\n## The response\n\n| Step | Outcome | Took (ms) | |\n|---|---|---:|---|\n";
        for step in &self.steps {
            let verdict = if step.done { "done" } else { "FAILED" };
            // Writing to a string cannot fail.
            let _ = writeln!(
                page,
                "| {} | {} | {:.1} | {verdict} |",
                step.name, step.outcome, step.took_ms
            );
        }
        page += "\n## Every kind of token\n\nTimes are milliseconds from the answer of the call that ends the token; below \
                 zero is before that answer\narrived. Stale is what was sent after that answer and accepted.\n\n\
                 | Token | Ended by | Accepted before | First refusal | Last acceptance sent | Last refusal | Tries after | Stale |\n\
                 |---|---|---:|---:|---:|---:|---:|---:|\n";
        for token in &self.tokens {
            let time = |millis: Option<f64>| {
                millis.map_or_else(|| "-".to_owned(), |millis| format!("{millis:.1}"))
            };
            let times = [
                token.first_refusal_ms,
                token.last_acceptance_ms,
                token.last_refusal_ms,
            ]
            .map(time)
            .join(" | ");
            let Measured {
                kind,
                ended_by,
                accepted_before,
                tries_after,
                stale,
                ..
            } = token;
            let _ = writeln!(
                page,
                "| {kind} | {ended_by} | {accepted_before} | {times} | {tries_after} | {stale} |"
            );
        }
        page += &self.load_text();
        page += "\n## Afterwards\n\n";
        page + &checks(&self.after)
    }

    fn load_text(&self) -> String {
        let rows = self
            .load
            .by_status
            .iter()
            .map(|(status, count)| format!("| {status} | {count} |\n"));
        format!(
            "\n## The load\n\n{} requests in {:.0} s, while all of it happened; {} without an answer.\n\n\
             | Status | Answers |\n|---|---:|\n{}",
            self.load.requests(),
            self.load_seconds,
            self.load.unanswered,
            rows.collect::<String>()
        )
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let failures = self.failures();
        let mut document = serializer.serialize_struct("Report", 9)?;
        document.serialize_field("passed", &failures.is_empty())?;
        document.serialize_field("failures", &failures)?;
        document.serialize_field("size", &self.size)?;
        document.serialize_field("before", &self.before)?;
        document.serialize_field("steps", &self.steps)?;
        document.serialize_field("tokens", &self.tokens)?;
        document.serialize_field("load", &self.load)?;
        document.serialize_field("load_seconds", &self.load_seconds)?;
        document.serialize_field("after", &self.after)?;
        document.end()
    }
}

fn checks(checks: &[Check]) -> String {
    let row = |check: &Check| {
        let verdict = if check.passed { "yes" } else { "NO" };
        format!("| {} | {} | {verdict} |\n", check.what, check.seen)
    };
    format!(
        "| What must be so | Seen | |\n|---|---|---|\n{}",
        checks.iter().map(row).collect::<String>()
    )
}
