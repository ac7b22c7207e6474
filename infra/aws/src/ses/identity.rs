//! What SES tells of the account and its identities: `GetAccount` and `GetEmailIdentity` of its version 2.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

/// What AWS lets the account do; cheap to clone, all clones are one. A new one may send to everybody.
#[derive(Debug, Clone, Default)]
pub struct Account(Arc<Mutex<State>>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    in_sandbox: bool,
    paused: bool,
}

impl Account {
    /// Puts the account into the sandbox, or out of it: there only verified identities get mail.
    pub fn set_sandbox(&self, in_sandbox: bool) {
        self.lock().in_sandbox = in_sandbox;
    }

    /// Pauses all sending, or lets it go on.
    pub fn set_paused(&self, paused: bool) {
        self.lock().paused = paused;
    }

    pub(super) fn is_in_sandbox(&self) -> bool {
        self.lock().in_sandbox
    }

    pub(super) fn is_paused(&self) -> bool {
        self.lock().paused
    }

    /// The answer of `GetAccount`.
    pub(super) fn document(&self) -> Value {
        let state = *self.lock();
        // The sandbox's quota, and the first that AWS grants outside of it.
        let (day, second) = if state.in_sandbox {
            (200.0, 1.0)
        } else {
            (50_000.0, 14.0)
        };
        json!({
            "DedicatedIpAutoWarmupEnabled": false,
            "EnforcementStatus": "HEALTHY",
            "ProductionAccessEnabled": !state.in_sandbox,
            "SendQuota": { "Max24HourSend": day, "MaxSendRate": second, "SentLast24Hours": 0.0 },
            "SendingEnabled": !state.paused,
            "SuppressionAttributes": { "SuppressedReasons": ["BOUNCE", "COMPLAINT"] },
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer of `GetEmailIdentity`. No identity has a custom MAIL FROM domain.
pub(super) fn document(is_address: bool) -> Value {
    json!({
        "IdentityType": if is_address { "EMAIL_ADDRESS" } else { "DOMAIN" },
        "FeedbackForwardingStatus": true,
        "VerifiedForSendingStatus": true,
        "VerificationStatus": "SUCCESS",
        "DkimAttributes": { "SigningEnabled": !is_address, "Status": if is_address { "NOT_STARTED" } else { "SUCCESS" } },
        "MailFromAttributes": null,
        "Policies": {},
        "Tags": [],
    })
}
