//! The public keys that may verify an access token.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::decode;
use crate::time::Timestamp;

/// A public key as it is stored and published (RFC 7517, RFC 7518 section 6.2.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// Its RFC 7638 thumbprint, so a name can never mean two keys.
    pub kid: String,
    /// The x coordinate, base64url.
    pub x: String,
    /// The y coordinate, base64url.
    pub y: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From then on it verifies nothing: the last token that it signed has expired. `None` while it may sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl PublicKey {
    /// Whether it may verify at `now`.
    #[must_use]
    pub fn counts_at(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// Whether `signature` over `message` was made with this key (ES256, RFC 7518 section 3.4).
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let (Some(x), Some(y)) = (decode(&self.x), decode(&self.y)) else {
            return false;
        };
        let point = [&[4][..], &x, &y].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(message, signature)
            .is_ok()
    }
}
