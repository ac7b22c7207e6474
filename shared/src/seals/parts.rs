//! The parts that seal, as an [`Environment`] gives them.

use super::verification::Auditor;
use super::{AuditKey, Notary, Reconciler, Sealer};
use crate::archive::Archive;
use crate::environment::Environment;

impl Environment {
    /// Where the audit trail is kept besides its table.
    #[must_use]
    pub fn archive(&self) -> Archive {
        Archive::new(&self.base, &self.config().audit.bucket)
    }

    /// The key that signs the audit trail.
    #[must_use]
    pub fn audit_key(&self) -> AuditKey {
        AuditKey::new(&self.base, &self.config().audit.key)
    }

    /// Seals audit records.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        Sealer::new(self.store(), self.archive())
    }

    /// Signs what is sealed.
    #[must_use]
    pub fn notary(&self) -> Notary {
        Notary::new(self.store(), self.archive(), self.audit_key())
    }

    /// Seals what the stream has lost.
    #[must_use]
    pub fn reconciler(&self) -> Reconciler {
        Reconciler::new(self.store(), self.sealer())
    }

    /// Verifies the audit trail.
    #[must_use]
    pub fn auditor(&self) -> Auditor {
        Auditor::new(self.store(), self.archive())
    }
}
