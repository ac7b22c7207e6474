//! `ops audit verify`, `reconcile` and `key`: the seals of the trail.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use shared::audit::seals::verification::{Finding, Progress, Report, Scope};
use shared::audit::seals::{PublicKey, SealError};
use shared::ground::error_chain;
use shared::store::Whose;

use crate::audit::whose;
use crate::console::{Answer, Console, facts, or_dash, table};
use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::moment;
use crate::options::{AuditReconcile, AuditVerify};

/// How often progress is told.
const OFTEN: Duration = Duration::from_millis(500);

/// Verifies the trail; an exit code of its own says that something does not fit.
///
/// # Errors
/// [`Failure`], if something could not be read.
pub async fn verify(
    desk: &Desk,
    options: &AuditVerify,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let now = desk.store.now();
    let bound = |option, text: Option<&String>| {
        text.map(|text| moment::parse(option, text, now))
            .transpose()
    };
    let (from, to) = (
        bound("--from", options.from.as_ref())?,
        bound("--to", options.to.as_ref())?,
    );
    let user = match whose(desk, options.user.as_deref()).await? {
        Whose::User(user) => Some(user),
        _ => None,
    };
    let scope = Scope { from, to, user };
    let keys = keys(desk, options).await?;
    let begun = Instant::now();
    let mut told = begun;
    let mut tell = |progress| {
        if told.elapsed() >= OFTEN {
            told = Instant::now();
            console.progress(&shown(progress));
        }
    };
    let report = desk
        .environment
        .auditor()
        .verify(scope, &keys, &mut tell)
        .await?;
    console.progress(&format!(
        "verified in {:.1} s",
        begun.elapsed().as_secs_f64()
    ));
    let is_whole = report.findings.is_empty();
    let mut document = json!(report);
    if let Some(members) = document.as_object_mut() {
        members.insert("verified".to_owned(), json!(is_whole));
    }
    console.answer(&Answer {
        document,
        text: text(&report),
    });
    Ok(if is_whole { Exit::Done } else { Exit::Refused })
}

/// Seals what the stream has lost.
pub async fn reconcile(desk: &Desk, options: &AuditReconcile) -> Result<Answer, Failure> {
    let days = options.days;
    desk.confirm(&format!(
        "seal the records of the last {days} days that have no seal, in segments that are marked late"
    ))?;
    let count = desk
        .environment
        .reconciler()
        .reconcile(Duration::from_secs(u64::from(days) * 86_400))
        .await?;
    let text = if count == 0 {
        "Every record has its seal.".to_owned()
    } else {
        format!("{count} records were sealed late.")
    };
    Ok(Answer {
        document: json!({ "sealed_late": count }),
        text,
    })
}

/// Shows the public half of the key that signs the trail.
pub async fn key(desk: &Desk) -> Result<Answer, Failure> {
    let pem = desk
        .environment
        .audit_key()
        .public()
        .await
        .map_err(SealError::from)?
        .to_pem();
    Ok(Answer {
        document: json!({ "public_key": pem }),
        text: pem,
    })
}

/// The keys that count: those of the files, or the one that KMS shows.
async fn keys(desk: &Desk, options: &AuditVerify) -> Result<Vec<PublicKey>, Failure> {
    if options.public_key.is_empty() {
        return Ok(vec![
            desk.environment
                .audit_key()
                .public()
                .await
                .map_err(SealError::from)?,
        ]);
    }
    options.public_key.iter().map(|file| pinned(file)).collect()
}

fn pinned(file: &Path) -> Result<PublicKey, Failure> {
    let remedy = "Give a file as `ops audit key` prints it: a P-256 key in PEM (BEGIN PUBLIC KEY).";
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(
            format!("{} cannot be read: {error}.", file.display()),
            remedy,
        )
    })?;
    PublicKey::from_pem(&text).ok_or_else(|| {
        Failure::usage(
            format!("{} holds no P-256 public key.", file.display()),
            remedy,
        )
    })
}

fn shown(progress: Progress) -> String {
    match progress {
        Progress::Checkpoints(count) => format!("{count} checkpoints"),
        Progress::Segments(count) => format!("{count} segments"),
        Progress::Records(count, total) => format!("{count} records of about {total}"),
    }
}

fn text(report: &Report) -> String {
    let summary = facts(&[
        ("records", report.records.to_string()),
        ("segments", report.segments.to_string()),
        ("checkpoints", report.checkpoints.to_string()),
        ("signed until", or_dash(report.signed_until.as_ref())),
        ("expired", report.expired.to_string()),
        ("not sealed yet", report.unsealed.to_string()),
        ("sealed late", report.late.to_string()),
    ]);
    if report.findings.is_empty() {
        return format!("{summary}\n\nNothing was changed, removed, added or reordered.");
    }
    let row = |finding: &Finding| {
        vec![
            finding.fault.name().to_owned(),
            finding.what.clone(),
            finding.detail.clone(),
        ]
    };
    let rows: Vec<_> = report.findings.iter().map(row).collect();
    format!(
        "{summary}\n\n{}\n\n{} findings",
        table(&["fault", "what", "how it shows"], &rows),
        rows.len()
    )
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Store(error) => error.into(),
            other => Self::refused(
                error_chain(&other),
                "See that DASHTAM_AUDIT_BUCKET and DASHTAM_AUDIT_KEY are those of the service, and that your credentials may read them.",
            ),
        }
    }
}
