//! The seals of the audit trail: how long it takes to seal and to verify many records.
//!
//! Everything runs in this process, on two threads: the database, the archive, and what reads them through the AWS SDK.

use std::sync::Arc;
use std::time::{Duration, Instant};

use local_aws::LocalAws;
use serde_json::json;
use shared::audit::seals::verification::Scope;
use shared::clock::{Clock as _, SystemClock};
use shared::config::Settings;
use shared::ground::digest;
use shared::ground::entropy::{OsEntropy, uuid_v4};
use shared::runtime::environment::Environment;

use super::{Bounds, limits};
use crate::Failure;
use crate::report::{Goals, Table};

/// How long ago the records were made: long enough for the reconciler to seal them.
const AGE: Duration = Duration::from_secs(3_600);
/// Records of one user.
const EACH: usize = 50;

/// Measures and prints them.
///
/// # Errors
/// The AWS side does not start, something cannot be read, or the trail does not verify.
pub fn measure(bounds: &Bounds, goals: &mut Goals) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let aws = limits::database().await?;
        let settings = aws.endpoints.variables().into_iter();
        let settings = settings.fold(Settings::default(), |all, (name, value)| {
            all.with(&name, value)
        });
        let environment = Environment::with(&settings, Arc::new(SystemClock), Arc::new(OsEntropy))?;
        fill(&aws, bounds.audit_records)?;
        let begun = Instant::now();
        let sealed = environment.reconciler().reconcile(AGE * 2).await?;
        let sealing = begun.elapsed();
        environment
            .with_access_key("audit-checkpoint")
            .notary()
            .sign()
            .await?;
        let key = environment.audit_key().public().await?;
        let begun = Instant::now();
        let report = environment
            .auditor()
            .verify(Scope::default(), &[key], &mut |_| {})
            .await?;
        let verifying = begun.elapsed();
        if sealed != bounds.audit_records || !report.findings.is_empty() {
            return Err(format!(
                "{sealed} records were sealed, and {} things found",
                report.findings.len()
            )
            .into());
        }
        let mut table = Table::new(&["audit records", "sealed in s", "verified in s"]);
        let seconds = |time: Duration| format!("{:.2}", time.as_secs_f64());
        table.row([
            report.records.to_string(),
            seconds(sealing),
            seconds(verifying),
        ]);
        table.print("Seals of the audit trail");
        goals.at_most(
            "verification of the audit trail",
            verifying.as_secs_f64(),
            10.0,
            "s",
        );
        Ok(())
    })
}

/// Records as logins leave them, past the stream.
fn fill(aws: &LocalAws, count: usize) -> Result<(), Failure> {
    let at = SystemClock.now().minus(AGE);
    let mut user = uuid_v4(&OsEntropy);
    let mut items = Vec::with_capacity(count);
    for number in 0..count {
        if number % EACH == 0 {
            user = uuid_v4(&OsEntropy);
        }
        let id = uuid_v4(&OsEntropy);
        let item = json!({
            "pk": { "S": format!("USER#{user}") }, "sk": { "S": format!("{at}#{id}") }, "event_id": { "S": id },
            "occurred_at": { "N": at.as_millis().to_string() }, "action": { "S": "auth.login" },
            "outcome": { "S": "success" }, "user_id": { "S": user }, "actor_id": { "S": user },
            "session_id": { "S": uuid_v4(&OsEntropy) }, "request_id": { "S": uuid_v4(&OsEntropy) },
            "trace_id": { "S": "4bf92f3577b34da6a3ce929d0e0e4736" }, "method": { "S": "POST" },
            "endpoint": { "S": "/api/v1/auth/login" }, "ip_address": { "S": "192.0.2.1" },
            "user_agent": { "S": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" },
            "fingerprint": { "S": digest::fingerprint(id.as_bytes()) },
            "ttl": { "N": (at.as_secs() + 400 * 86_400).to_string() }
        });
        items.push(serde_json::from_value(item)?);
    }
    aws.database.import_items(
        "dashtam-local-audit",
        items,
        dynoxide::ImportOptions::default(),
    )?;
    Ok(())
}
