//! The key that signs checkpoints: in AWS KMS, never here.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::BehaviorVersion;
use aws_sdk_kms::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::aws::AwsBase;
use crate::telemetry::TraceCalls;

/// What stands before the point of a P-256 key in its `SubjectPublicKeyInfo` (RFC 5480 section 2).
const P256_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// An uncompressed point of P-256.
const POINT: usize = 65;

/// The key could not be used.
#[derive(Debug, thiserror::Error)]
#[error("the audit key could not {0}")]
pub struct KeyError(
    &'static str,
    #[source] Option<Box<dyn std::error::Error + Send + Sync>>,
);

impl KeyError {
    fn new(what: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self(what, Some(Box::new(source)))
    }
}

/// The key.
#[derive(Clone)]
pub struct AuditKey {
    client: Client,
    id: String,
}

impl AuditKey {
    /// The key with this id, ARN or alias.
    #[must_use]
    pub fn new(base: &AwsBase, id: &str) -> Self {
        let mut config = aws_sdk_kms::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(base.http())
            .region(base.region())
            .credentials_provider(base.credentials())
            .timeout_config(AwsBase::timeouts())
            .retry_config(AwsBase::retries())
            .interceptor(TraceCalls);
        let endpoint = base.endpoint("KMS");
        if let Ok(place) = Params::builder()
            .region(base.region().to_string())
            .set_endpoint(endpoint.clone())
            .build()
        {
            base.unopened()
                .note(DefaultResolver::new().resolve_endpoint(&place));
        }
        config.set_endpoint_url(endpoint);
        Self {
            client: Client::from_conf(config.build()),
            id: id.to_owned(),
        }
    }

    /// Signs a message of at most 4,096 bytes: the signature (ECDSA P-256 with SHA-256, DER) and the key's ARN.
    pub async fn sign(&self, message: Vec<u8>) -> Result<(Vec<u8>, String), KeyError> {
        let request = self
            .client
            .sign()
            .key_id(&self.id)
            .message(Blob::new(message))
            .message_type(MessageType::Raw);
        let answer = request
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .send()
            .await;
        let answer = answer.map_err(|error| KeyError::new("sign", error))?;
        match (answer.signature, answer.key_id) {
            (Some(signature), Some(key)) => Ok((signature.into_inner(), key)),
            _ => Err(KeyError("sign", None)),
        }
    }

    /// The public half.
    pub async fn public(&self) -> Result<PublicKey, KeyError> {
        let answer = self.client.get_public_key().key_id(&self.id).send().await;
        let answer = answer.map_err(|error| KeyError::new("be read", error))?;
        let der = answer.public_key.map(Blob::into_inner).unwrap_or_default();
        PublicKey::from_der(&der).ok_or(KeyError("be read: it is no P-256 key", None))
    }
}

/// The public half of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// From a `SubjectPublicKeyInfo` in DER; `None` for anything but a P-256 key.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let point = der.strip_prefix(&P256_PREFIX)?;
        (point.len() == POINT && point.first() == Some(&4)).then(|| Self(point.to_vec()))
    }

    /// From PEM (`BEGIN PUBLIC KEY`).
    #[must_use]
    pub fn from_pem(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("-----BEGIN PUBLIC KEY-----")?;
        let (body, _) = rest.split_once("-----END PUBLIC KEY-----")?;
        let body: String = body.chars().filter(|c| !c.is_whitespace()).collect();
        Self::from_der(&STANDARD.decode(body).ok()?)
    }

    /// As PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        let der = STANDARD.encode([P256_PREFIX.as_slice(), &self.0].concat());
        let (first, second) = der.split_at_checked(64).unwrap_or((der.as_str(), ""));
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
    }

    /// Whether the signature is this key's over the message.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0)
            .verify(message, signature)
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

    #[test]
    fn a_key_survives_its_pem_and_verifies_its_own_signatures_only() {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let der = [P256_PREFIX.as_slice(), pair.public_key().as_ref()].concat();
        let key = PublicKey::from_der(&der).expect("a key");
        assert_eq!(PublicKey::from_pem(&key.to_pem()), Some(key.clone()));
        let signature = pair.sign(&SystemRandom::new(), b"message").expect("signed");
        assert!(
            key.verifies(b"message", signature.as_ref())
                && !key.verifies(b"massage", signature.as_ref())
        );
        for wrong in [&der[1..], &der[..90], &[]] {
            assert_eq!(PublicKey::from_der(wrong), None);
        }
    }
}
