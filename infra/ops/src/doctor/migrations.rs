//! Whether the stored items are of the form that this release writes.

use migrations::Standing;

use super::{Check, Patient};
use crate::migrate;

/// Looks which migrations wait.
pub(super) async fn check(patient: &Patient<'_>) -> Check {
    let name = "migrations";
    let listed = match migrate::list(patient.desk, patient.migrations).await {
        Ok(listed) => listed,
        Err(failure) => {
            return Check::unseen(name, &failure.what, "dynamodb:Scan on the table security");
        }
    };
    if let Some(unknown) = listed
        .iter()
        .find(|one| one.migration.is_none() && one.standing != Standing::Pending)
    {
        let found = format!("{} is of a newer release than this command", unknown.id);
        return Check::warning(name, found, "Use the command of the release that runs.");
    }
    let waiting = listed
        .iter()
        .filter(|one| one.standing != Standing::Applied);
    let waiting: Vec<_> = waiting
        .map(|one| format!("{} is {}", one.id, one.standing.name()))
        .collect();
    if waiting.is_empty() {
        return Check::ok(name, format!("{} applied", listed.len()));
    }
    let fix = "Run `ops migrate up` once every function is of this release (docs/migrations.md); the service reads both forms.";
    Check::warning(name, waiting.join(", "), fix)
}
