//! What seals the audit trail: the key that signs it, and the archive of what is sealed.

use shared::ground::error_chain;

use super::{Check, Patient};

/// Looks at both.
pub(super) async fn check(patient: &Patient<'_>) -> [Check; 2] {
    let environment = &patient.desk.environment;
    let audit = &environment.config().audit;
    let key = {
        let name = format!("audit key {}", audit.key);
        match environment.audit_key().public().await {
            Ok(_key) => Check::ok(name, "its public half can be read"),
            Err(error) => unseen(
                patient,
                name,
                &error_chain(&error),
                "kms:GetPublicKey",
                "DASHTAM_AUDIT_KEY",
            ),
        }
    };
    let name = format!("audit archive {}", audit.bucket);
    let archive = match environment.archive().names("", None).await {
        Ok(names) if names.is_empty() => Check::ok(name, "empty: nothing was sealed yet"),
        Ok(_) => Check::ok(name, "holds sealed records"),
        Err(error) => unseen(
            patient,
            name,
            &error_chain(&error),
            "s3:ListBucket",
            "DASHTAM_AUDIT_BUCKET",
        ),
    };
    [key, archive]
}

fn unseen(patient: &Patient<'_>, name: String, error: &str, right: &str, setting: &str) -> Check {
    if !(error.contains("NotFound") || error.contains("NoSuchBucket")) {
        return Check::unseen(name, error, right);
    }
    let fix = format!(
        "See that {setting} and the region are the service's. If they are, {}.",
        patient.maker()
    );
    Check::failed(name, "is not there", fix)
}
