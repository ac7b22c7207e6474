//! A KMS for a local run and for tests: one P-256 key that signs, and its public half.
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
use thiserror::Error;

use crate::account;
use crate::files::replace_file;
use crate::inputs::Entropy;
use crate::protocol::{self, ApiError};

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
    /// What the key may be called besides its id and its ARN.
    alias: String,
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
    /// The key in the file, called `alias`, which is made where it is missing; without a file a new key.
    pub fn open(alias: &str, path: Option<&Path>, entropy: &Entropy) -> Result<Self, OpenError> {
        let Some(path) = path else {
            return read(alias, &make(entropy)?).ok_or(OpenError::NoKey);
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
        read(alias, &stored).ok_or_else(|| OpenError::Damaged(path.to_owned()))
    }

    /// The service, to be served on a loopback listener.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    fn arn(&self) -> String {
        account::arn("kms", &format!("key/{}", self.0.id))
    }

    fn run(&self, operation: &str, body: &[u8]) -> Result<Value, ApiError> {
        let request: Request = protocol::parse(body, "SerializationException")?;
        if ![&self.0.id, &self.0.alias, &self.arn()].contains(&&request.key_id) {
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

fn make(entropy: &Entropy) -> Result<Stored, OpenError> {
    let pair =
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| OpenError::NoKey)?;
    let der = pair.to_pkcs8v1().map_err(|_| OpenError::NoKey)?;
    Ok(Stored {
        id: entropy.uuid_v4().to_string(),
        pkcs8: STANDARD.encode(der.as_ref()),
    })
}

fn read(alias: &str, stored: &Stored) -> Option<Kms> {
    let der = STANDARD.decode(&stored.pkcs8).ok()?;
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der).ok()?;
    Some(Kms(Arc::new(Inner {
        alias: alias.to_owned(),
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

    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
    use aws_sdk_kms::config::Config;
    use aws_sdk_kms::error::ProvideErrorMetadata;
    use aws_sdk_kms::primitives::Blob;
    use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};

    use super::*;
    use crate::testing::{self, TempDir};

    const ALIAS: &str = "alias/audit";

    /// A key as a client sees it.
    struct Key {
        client: aws_sdk_kms::Client,
        id: String,
    }

    async fn key(server: &Kms, id: &str) -> Key {
        let config = Config::builder()
            .behavior_version(testing::behavior())
            .endpoint_url(testing::serve(server.router()).await)
            .credentials_provider(testing::credentials())
            .region(testing::region())
            .http_client(testing::http_client());
        Key {
            client: aws_sdk_kms::Client::from_conf(config.build()),
            id: id.to_owned(),
        }
    }

    impl Key {
        /// The signature and the key's ARN.
        async fn sign(&self, message: Vec<u8>) -> Result<(Vec<u8>, String), String> {
            let sign = self.client.sign().key_id(&self.id);
            let sign = sign
                .message(Blob::new(message))
                .message_type(MessageType::Raw);
            let sign = sign.signing_algorithm(SigningAlgorithmSpec::EcdsaSha256);
            let answer = sign.send().await.map_err(|error| code(&error))?;
            Ok((
                answer.signature.unwrap().into_inner(),
                answer.key_id.unwrap(),
            ))
        }

        async fn public(&self) -> Result<Vec<u8>, String> {
            let get = self.client.get_public_key().key_id(&self.id);
            let answer = get.send().await.map_err(|error| code(&error))?;
            Ok(answer.public_key.unwrap().into_inner())
        }
    }

    fn code(error: &impl ProvideErrorMetadata) -> String {
        error.code().unwrap_or("no answer").to_owned()
    }

    #[tokio::test]
    async fn what_a_client_has_signed_verifies_with_the_public_half() {
        let server = Kms::open(ALIAS, None, &testing::entropy()).unwrap();
        let key = key(&server, ALIAS).await;
        let (signature, arn) = key.sign(b"message".to_vec()).await.unwrap();
        let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, key.public().await.unwrap());
        assert!(
            public.verify(b"message", &signature).is_ok()
                && public.verify(b"massage", &signature).is_err()
        );
        assert_eq!(arn, server.arn());
    }

    #[tokio::test]
    async fn the_key_stays_in_its_private_file() {
        let scratch = TempDir::new();
        let path = scratch.path("kms.json");
        let first = key(
            &Kms::open(ALIAS, Some(&path), &testing::entropy()).unwrap(),
            ALIAS,
        )
        .await
        .public()
        .await
        .unwrap();
        let second = key(
            &Kms::open(ALIAS, Some(&path), &testing::entropy()).unwrap(),
            ALIAS,
        )
        .await
        .public()
        .await
        .unwrap();
        assert_eq!(first, second);
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "{}").unwrap();
        assert!(matches!(
            Kms::open(ALIAS, Some(&path), &testing::entropy()),
            Err(OpenError::Damaged(_))
        ));
    }

    #[tokio::test]
    async fn other_keys_other_algorithms_and_long_messages_are_refused() {
        let server = Kms::open(ALIAS, None, &testing::entropy()).unwrap();
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
