//! A Secrets Manager for the local run and the tests.
//!
//! It speaks AWS JSON 1.1 for the operations in [`operations`], with AWS's rules for versions and
//! staging labels (in `secret.rs`), and keeps the secrets in one file or in memory. Rotations are carried
//! through by functions of this process (in `driver.rs`), at once or by their schedule (in `schedule.rs`).
//! Left out are what nothing here calls (deletion, listing), encryption, policies, replication, the date of the last access, and the trial of a
//! rotation function that AWS makes when a rotation is set up without `RotateImmediately`.
//!
//! Every change is made on a copy, stored, and only then put in force and answered. So a failed write
//! changes nothing, and parallel requests with one token make one version.

mod definition;
mod driver;
mod file;
mod operations;
mod password;
mod requests;
mod rotation_function;
mod rotations;
mod schedule;
mod secret;
mod state;
#[cfg(test)]
mod tests;
mod value;
mod vault;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;

pub use self::definition::SecretDefinition;
pub use self::file::OpenError;
use self::operations::Operation;
use self::rotation_function::function_arn;
pub use self::rotation_function::{RotationEvent, RotationFunction, Step};
use self::rotations::Rotations;
pub use self::schedule::{RotationRules, ScheduleError};
use self::state::Account;
use self::vault::Vault;
use crate::inputs::{Clock, Entropy};
use crate::protocol::{self, ApiError};

/// A value of 64 KiB in JSON escapes, and the rest of a request.
const MAX_BODY: usize = 512 * 1024;

/// A rotation that is not set up.
#[derive(Debug, thiserror::Error)]
#[error("the rotation of {secret} by {function} is not set up: {reason}")]
pub struct RotationError {
    secret: String,
    function: String,
    reason: String,
}

/// A secret that is not made.
#[derive(Debug, thiserror::Error)]
#[error("the secret {name} is not made: {reason}")]
pub struct MakeError {
    name: String,
    reason: String,
}

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
    pub fn open(path: Option<PathBuf>, clock: Clock, entropy: Entropy) -> Result<Self, OpenError> {
        let vault = path
            .as_deref()
            .map(file::load)
            .transpose()?
            .unwrap_or_default();
        let account = Account {
            clock,
            entropy,
            rotations: Rotations::default(),
        };
        Ok(Self(Arc::new(Inner {
            path,
            account,
            vault: Mutex::new(vault),
        })))
    }

    /// The service, to be served on a loopback listener.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// Has a secret rotated by a registered function, from now on and not at once. A secret that does not exist
    /// is left out, and one that already has this rotation keeps it.
    ///
    /// # Errors
    /// [`RotationError`], if there is no such function, the rules cannot be followed, or they cannot be stored.
    pub async fn set_rotation(
        &self,
        secret: &str,
        function: &str,
        rules: RotationRules,
    ) -> Result<(), RotationError> {
        let (id, arn) = (secret.to_owned(), function_arn(function));
        let set = move |account: &Account, vault: &mut Vault| {
            operations::set_rotation(account, vault, &id, arn, rules)
        };
        self.blocking(move |server| server.change(set))
            .await
            .flatten()
            .map_err(|error| RotationError {
                secret: secret.to_owned(),
                function: function.to_owned(),
                reason: error.to_string(),
            })
    }

    /// Makes the secrets that are not there yet, each with a generated value. Their names begin with `prefix`.
    ///
    /// # Errors
    /// [`MakeError`] for one that cannot be generated or stored.
    pub async fn make_missing(
        &self,
        prefix: &str,
        definitions: &[SecretDefinition],
    ) -> Result<(), MakeError> {
        for definition in definitions {
            let (name, definition) = (format!("{prefix}{}", definition.suffix), definition.clone());
            let id = name.clone();
            let make = move |account: &Account, vault: &mut Vault| {
                operations::make_missing(account, vault, &id, &definition)
            };
            let done = self
                .blocking(move |server| server.change(make))
                .await
                .flatten();
            done.map_err(|error| MakeError {
                name,
                reason: error.to_string(),
            })?;
        }
        Ok(())
    }

    /// Runs one operation. Blocks while the file is written.
    fn run(&self, operation: Operation, body: &[u8]) -> Result<Value, ApiError> {
        match operation {
            Operation::Read(read) => read(&self.0.account, &self.vault(), body),
            Operation::Write(write) => self.change(|account, vault| write(account, vault, body)),
        }
    }

    /// Makes one change. Blocks while the file is written.
    fn change<T>(
        &self,
        change: impl FnOnce(&Account, &mut Vault) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let inner = &*self.0;
        let mut vault = self.vault();
        let mut changed = vault.clone();
        let answer = change(&inner.account, &mut changed)?;
        if changed != *vault {
            if let Some(path) = &inner.path {
                file::save(path, &changed).map_err(|error| internal(&error.kind().to_string()))?;
            }
            *vault = changed;
        }
        Ok(answer)
    }

    fn vault(&self) -> MutexGuard<'_, Vault> {
        // A panic cannot leave a half-made change behind, see the module's invariant.
        self.0.vault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work`, which may wait for the file, off the threads that answer requests.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let server = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&server));
        done.await
            .map_err(|_| internal("the operation ended early"))
    }
}

/// Prints no secret.
impl fmt::Debug for SecretsManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretsManager")
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}

async fn answer(State(server): State<SecretsManager>, headers: HeaderMap, body: Body) -> Response {
    match handle(server, &headers, body).await {
        Ok(answer) => protocol::aws_json(StatusCode::OK, &answer),
        Err(error) => error.into_aws_json(),
    }
}

async fn handle(
    server: SecretsManager,
    headers: &HeaderMap,
    body: Body,
) -> Result<Value, ApiError> {
    protocol::admit(headers)?;
    let operation = headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .and_then(|target| target.strip_prefix("secretsmanager."))
        .and_then(operations::named)
        .ok_or_else(|| {
            ApiError::new(
                "UnknownOperationException",
                "This server does not know the operation.",
            )
        })?;
    let body: Bytes = protocol::read(body, MAX_BODY).await?;
    server
        .blocking(move |server| server.run(operation, &body))
        .await?
}

fn internal(reason: &str) -> ApiError {
    ApiError::with_status(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalServiceError",
        format!("The secrets could not be stored: {reason}."),
    )
}
