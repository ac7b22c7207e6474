//! The audit trail.

use std::time::Duration;

use super::Reader;

/// Settings of the audit trail.
#[derive(Debug, Clone)]
pub struct AuditConfig {
    /// `DASHTAM_AUDIT_RETENTION_DAYS`: so long a record is kept.
    pub retention: Duration,
    /// `DASHTAM_AUDIT_BUCKET`: the archive's bucket.
    pub bucket: String,
    /// `DASHTAM_AUDIT_KEY`: the id, ARN or alias of the key that signs checkpoints.
    pub key: String,
}

impl AuditConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let days = reader.integer(
            "AUDIT_RETENTION_DAYS",
            1..=3_650,
            400,
            "how long an audit record is kept; at least 365 where the stage is prod. Counts for records written from then on",
        );
        Self {
            retention: Duration::from_secs(days * 86_400),
            bucket: reader.text(
                "AUDIT_BUCKET",
                "dashtam-local-audit",
                "the bucket of the audit trail's archive",
            ),
            key: reader.text(
                "AUDIT_KEY",
                "alias/dashtam-local-audit",
                "id, ARN or alias of the KMS key that signs the audit trail's checkpoints",
            ),
        }
    }
}
