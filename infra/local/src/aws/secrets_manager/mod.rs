//! A Secrets Manager for the local run and the tests.
//!
//! It speaks AWS JSON 1.1 for the operations in [`operations`], with AWS's rules for versions and
//! staging labels (in `secret.rs`), and keeps the secrets in one file or in memory. Encryption,
//! policies, replication and the date of the last access are left out; a rotation's configuration is
//! recorded and its pending version announced, but no function is called.
//!
//! Every change is made on a copy, stored, and only then put in force and answered. So a failed write
//! changes nothing, and parallel requests with one token make one version.

mod file;
mod operations;
mod password;
mod requests;
mod secret;
#[cfg(test)]
mod tests;
mod value;
mod vault;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;
use shared::clock::Clock;
use shared::entropy::Entropy;

pub use self::file::OpenError;
use self::operations::{Account, Operation};
use self::vault::Vault;
use crate::aws::protocol::{self, ApiError};

/// A value of 64 KiB in JSON escapes, and the rest of a request.
const MAX_BODY: usize = 512 * 1024;

/// The server's state; cheap to clone, all clones are one.
#[derive(Clone)]
pub struct SecretsManager(Arc<Inner>);

struct Inner {
    path: Option<PathBuf>,
    account: Account,
    vault: Mutex<Vault>,
}

impl SecretsManager {
    /// Opens the secrets in the file `path`, which is made at the first change; its directory must
    /// exist. `None` keeps them in memory. One process at a time may have a file open.
    ///
    /// # Errors
    /// [`OpenError`], if the file cannot be read, is cut off or has another format.
    pub fn open(path: Option<PathBuf>, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<Self, OpenError> {
        Self::open_with_functions(path, clock, entropy, [])
    }

    /// As [`Self::open`]; `functions` are the ARNs that `RotateSecret` accepts as rotation functions.
    /// Any other is answered with `ResourceNotFoundException`.
    ///
    /// # Errors
    /// Those of [`Self::open`].
    pub fn open_with_functions(
        path: Option<PathBuf>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        functions: impl IntoIterator<Item = String>,
    ) -> Result<Self, OpenError> {
        let vault = path.as_deref().map(file::load).transpose()?.unwrap_or_default();
        let functions: BTreeSet<String> = functions.into_iter().collect();
        let account = Account { clock, entropy, functions };
        Ok(Self(Arc::new(Inner { path, account, vault: Mutex::new(vault) })))
    }

    /// The service, to be served on a loopback listener.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// Runs one operation. Blocks while the file is written.
    fn run(&self, operation: Operation, body: &[u8]) -> Result<Value, ApiError> {
        let inner = &*self.0;
        // A panic cannot leave a half-made change behind, see the module's invariant.
        let mut vault = inner.vault.lock().unwrap_or_else(PoisonError::into_inner);
        let run = match operation {
            Operation::Read(read) => return read(&inner.account, &vault, body),
            Operation::Write(write) => write,
        };
        let mut changed = vault.clone();
        changed.purge(inner.account.clock.now());
        let answer = run(&inner.account, &mut changed, body)?;
        if changed != *vault {
            if let Some(path) = &inner.path {
                file::save(path, &changed).map_err(|error| internal(&error.kind().to_string()))?;
            }
            *vault = changed;
        }
        Ok(answer)
    }
}

/// Prints no secret.
impl fmt::Debug for SecretsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsManager").field("path", &self.0.path).finish_non_exhaustive()
    }
}

async fn answer(State(server): State<SecretsManager>, headers: HeaderMap, body: Body) -> Response {
    match handle(server, &headers, body).await {
        Ok(answer) => protocol::aws_json(StatusCode::OK, &answer),
        Err(error) => error.into_aws_json(),
    }
}

async fn handle(server: SecretsManager, headers: &HeaderMap, body: Body) -> Result<Value, ApiError> {
    protocol::admit(headers)?;
    let operation = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .and_then(|target| target.strip_prefix("secretsmanager."))
        .and_then(operations::named)
        .ok_or_else(|| ApiError::new("UnknownOperationException", "This server does not know the operation."))?;
    let body: Bytes = protocol::read(body, MAX_BODY).await?;
    tokio::task::spawn_blocking(move || server.run(operation, &body))
        .await
        .unwrap_or_else(|_| Err(internal("the operation ended early")))
}

fn internal(reason: &str) -> ApiError {
    ApiError::with_status(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalServiceError",
        format!("The secrets could not be stored: {reason}."),
    )
}
