//! A KMS for the local run and the tests: one P-256 key that signs, and its public half.
//!
//! It serves `Sign` and `GetPublicKey` over AWS JSON 1.1 for the key under its id, its ARN or its alias. The private half
//! is made at the first start and stays in its file (mode 0600); there is no operation that shows it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shared::ground::entropy::{self, Entropy};
use thiserror::Error;

use super::protocol::{self, ApiError};
use crate::data_directory::replace_file;

/// What the key may be called besides its id and its ARN.
pub const ALIAS: &str = "alias/dashtam-local-audit";
/// The longest message that KMS signs, in bytes.
const MOST: usize = 4_096;
/// The longest request.
const MAX_BODY: usize = 16 * 1024;

/// The key cannot be used. The text names the file and never quotes it.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The file cannot be read or written.
    #[error("the key file {0} cannot be used: {1}")]
    Unusable(PathBuf, std::io::Error),
    /// The file holds something else.
    #[error("the key file {0} is damaged; restore it, or delete it to sign with a new key")]
    Damaged(PathBuf),
    /// No key can be made.
    #[error("no key can be made")]
    NoKey,
}

/// What the file holds.
#[derive(Serialize, Deserialize)]
struct Stored {
    id: String,
    pkcs8: String,
}

/// The server's state; cheap to clone, all clones are one.
#[derive(Clone)]
pub struct Kms(Arc<Inner>);

struct Inner {
    id: String,
    pair: EcdsaKeyPair,
}

/// Prints no key.
impl fmt::Debug for Kms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kms")
            .field("id", &self.0.id)
            .finish_non_exhaustive()
    }
}

impl Kms {
    /// The key in the file, which is made where it is missing; without a file a new key.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(path: Option<&Path>, entropy: &dyn Entropy) -> Result<Self, OpenError> {
        let Some(path) = path else {
            return read(&make(entropy)?).ok_or(OpenError::NoKey);
        };
        let stored = match std::fs::read(path) {
            Ok(text) => {
                serde_json::from_slice(&text).map_err(|_| OpenError::Damaged(path.to_owned()))?
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let stored = make(entropy)?;
                let text = serde_json::to_vec(&stored).map_err(|_| OpenError::NoKey)?;
                replace_file(path, &text)
                    .map_err(|error| OpenError::Unusable(path.to_owned(), error))?;
                stored
            }
            Err(error) => return Err(OpenError::Unusable(path.to_owned(), error)),
        };
        read(&stored).ok_or_else(|| OpenError::Damaged(path.to_owned()))
    }

    /// The service, to be served on a loopback listener.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    fn arn(&self) -> String {
        format!("arn:aws:kms:us-east-1:000000000000:key/{}", self.0.id)
    }

    fn run(&self, operation: &str, body: &[u8]) -> Result<Value, ApiError> {
        let request: Request = protocol::parse(body, "SerializationException")?;
        if request.key_id != self.0.id && request.key_id != self.arn() && request.key_id != ALIAS {
            return Err(ApiError::new("NotFoundException", "The key is not found."));
        }
        match operation {
            "Sign" => self.sign(&request),
            "GetPublicKey" => self.public_key(),
            _ => Err(ApiError::new(
                "UnknownOperationException",
                "This server does not know the operation.",
            )),
        }
    }

    fn sign(&self, request: &Request) -> Result<Value, ApiError> {
        if request.signing_algorithm.as_deref() != Some("ECDSA_SHA_256") {
            return Err(ApiError::new(
                "InvalidKeyUsageException",
                "The key signs with ECDSA_SHA_256 only.",
            ));
        }
        if request
            .message_type
            .as_deref()
            .is_some_and(|kind| kind != "RAW")
        {
            return Err(ApiError::new(
                "ValidationException",
                "This server signs messages of type RAW only.",
            ));
        }
        let message = request
            .message
            .as_deref()
            .and_then(|text| STANDARD.decode(text).ok())
            .unwrap_or_default();
        if message.is_empty() || message.len() > MOST {
            return Err(ApiError::new(
                "ValidationException",
                "A message has 1 to 4096 bytes.",
            ));
        }
        let signature = self
            .0
            .pair
            .sign(&SystemRandom::new(), &message)
            .map_err(|_| internal())?;
        let signature = STANDARD.encode(signature.as_ref());
        Ok(
            json!({ "KeyId": self.arn(), "Signature": signature, "SigningAlgorithm": "ECDSA_SHA_256" }),
        )
    }

    fn public_key(&self) -> Result<Value, ApiError> {
        let der: PublicKeyX509Der<'_> =
            self.0.pair.public_key().as_der().map_err(|_| internal())?;
        Ok(json!({
            "KeyId": self.arn(), "PublicKey": STANDARD.encode(der.as_ref()), "KeySpec": "ECC_NIST_P256",
            "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": ["ECDSA_SHA_256"]
        }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    key_id: String,
    message: Option<String>,
    message_type: Option<String>,
    signing_algorithm: Option<String>,
}

fn make(entropy: &dyn Entropy) -> Result<Stored, OpenError> {
    let pair =
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| OpenError::NoKey)?;
    let der = pair.to_pkcs8v1().map_err(|_| OpenError::NoKey)?;
    Ok(Stored {
        id: entropy::uuid_v4(entropy).to_string(),
        pkcs8: STANDARD.encode(der.as_ref()),
    })
}

fn read(stored: &Stored) -> Option<Kms> {
    let der = STANDARD.decode(&stored.pkcs8).ok()?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der).ok()?;
    Some(Kms(Arc::new(Inner {
        id: stored.id.clone(),
        pair,
    })))
}

async fn answer(State(server): State<Kms>, headers: HeaderMap, body: Body) -> Response {
    match handle(&server, &headers, body).await {
        Ok(answer) => protocol::aws_json(StatusCode::OK, &answer),
        Err(error) => error.into_aws_json(),
    }
}

async fn handle(server: &Kms, headers: &HeaderMap, body: Body) -> Result<Value, ApiError> {
    protocol::admit(headers)?;
    let target = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    let operation = target
        .strip_prefix("TrentService.")
        .unwrap_or_default()
        .to_owned();
    let body = protocol::read(body, MAX_BODY).await?;
    server.run(&operation, &body)
}

fn internal() -> ApiError {
    ApiError::with_status(
        StatusCode::INTERNAL_SERVER_ERROR,
        "KMSInternalException",
        "The key could not be used.",
    )
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use shared::audit::seals::AuditKey;
    use shared::aws::AwsBase;
    use shared::config::Settings;
    use shared::ground::entropy::OsEntropy;

    use super::*;
    use crate::aws::testing::{self, TempDir};

    async fn key(server: &Kms, id: &str) -> AuditKey {
        let url = testing::serve(server.router()).await;
        let settings = Settings::default()
            .with("AWS_ENDPOINT_URL_KMS", url)
            .with("AWS_ACCESS_KEY_ID", "local");
        AuditKey::new(
            &AwsBase::new(settings.with("AWS_SECRET_ACCESS_KEY", "local")),
            id,
        )
    }

    #[tokio::test]
    async fn what_the_products_client_has_signed_verifies_with_the_public_half() {
        let server = Kms::open(None, &OsEntropy).unwrap();
        let key = key(&server, ALIAS).await;
        let (signature, arn) = key.sign(b"message".to_vec()).await.unwrap();
        let public = key.public().await.unwrap();
        assert!(
            public.verifies(b"message", &signature) && !public.verifies(b"massage", &signature)
        );
        assert_eq!(arn, server.arn());
    }

    #[tokio::test]
    async fn the_key_stays_in_its_private_file() {
        let scratch = TempDir::new();
        let path = scratch.path("kms.json");
        let first = key(&Kms::open(Some(&path), &OsEntropy).unwrap(), ALIAS)
            .await
            .public()
            .await
            .unwrap();
        let second = key(&Kms::open(Some(&path), &OsEntropy).unwrap(), ALIAS)
            .await
            .public()
            .await
            .unwrap();
        assert_eq!(first, second);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "{}").unwrap();
        assert!(matches!(
            Kms::open(Some(&path), &OsEntropy),
            Err(OpenError::Damaged(_))
        ));
    }

    #[tokio::test]
    async fn other_keys_other_algorithms_and_long_messages_are_refused() {
        let server = Kms::open(None, &OsEntropy).unwrap();
        assert!(key(&server, "alias/other").await.public().await.is_err());
        assert!(
            key(&server, ALIAS)
                .await
                .sign(vec![0; MOST + 1])
                .await
                .is_err()
        );
        let body =
            json!({ "KeyId": ALIAS, "Message": "AQ==", "SigningAlgorithm": "RSASSA_PSS_SHA_256" });
        let (status, answer) =
            testing::send(server.router(), "TrentService.Sign", &body.to_string()).await;
        assert_eq!(
            (status, answer["__type"].as_str()),
            (400, Some("InvalidKeyUsageException"))
        );
        let (status, _) = testing::send(
            server.router(),
            "TrentService.ScheduleKeyDeletion",
            &body.to_string(),
        )
        .await;
        assert_eq!(status, 400);
    }
}
