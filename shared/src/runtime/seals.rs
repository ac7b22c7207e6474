//! The parts that seal, as an [`Environment`] gives them.

use crate::audit::archive::Archive;
use crate::audit::seals::verification::Auditor;
use crate::audit::seals::{AuditKey, Notary, Reconciler, SPAN, Sealer};
use crate::runtime::environment::Environment;
use crate::runtime::lambda::Job;
use crate::telemetry::Telemetry;

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

impl Notary {
    /// The notary as the job of `function`.
    #[must_use]
    pub fn job(self, telemetry: Telemetry, function: &'static str) -> Job {
        Box::new(move || {
            let (notary, telemetry) = (self.clone(), telemetry.clone());
            Box::pin(async move {
                let work = Box::pin(notary.sign());
                Ok(telemetry
                    .watch(function, "no checkpoint was made", work)
                    .await
                    .map(drop)?)
            })
        })
    }
}

impl Reconciler {
    /// The reconciler as the job of `function`, over the usual span.
    #[must_use]
    pub fn job(self, telemetry: Telemetry, function: &'static str) -> Job {
        Box::new(move || {
            let (reconciler, telemetry) = (self.clone(), telemetry.clone());
            Box::pin(async move {
                let work = Box::pin(reconciler.reconcile(SPAN));
                Ok(telemetry
                    .watch(
                        function,
                        "it was not seen whether every record has a seal",
                        work,
                    )
                    .await
                    .map(drop)?)
            })
        })
    }
}
