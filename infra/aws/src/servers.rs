//! The servers: `DynamoDB`, Secrets Manager, SES, KMS and S3, each on a loopback port of its own.
//!
//! A client in this process calls them through the AWS SDK, as it calls the real ones, but without a socket
//! ([`crate::in_process`]); other processes use the ports. Before each stands a door that lets a caller do what its role allows ([`crate::iam`]).
//! Every write is in its file before it is answered, so the servers need no
//! orderly end: they are dropped. A rotation that is cut off so goes on in the next run.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use axum::Router;
use dynoxide::Database;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::address::bare_address;
use crate::dynamodb::database::{self, DatabaseError};
use crate::dynamodb::{Engine, TableDefinition, tables};
use crate::endpoints::Endpoints;
use crate::iam::{Rights, Service, guarded};
use crate::in_process::InProcess;
use crate::inputs::{Clock, Entropy};
use crate::kms::{self, Kms};
use crate::mailbox::{self, Mailbox};
use crate::s3::S3;
use crate::secrets_manager::{self, SecretDefinition, SecretsManager};
use crate::ses::{Identities, Ses};

/// The file of the tables in the directory.
pub const DATABASE_FILE: &str = "dynamodb.sqlite";
/// The file of the secrets in the directory.
pub const SECRETS_FILE: &str = "secrets.json";
/// The file of the captured mail in the directory.
pub const MAIL_FILE: &str = "mail.jsonl";
/// The file of the key that signs, in the directory.
pub const KEY_FILE: &str = "kms.json";
/// The folder of the bucket in the directory.
pub const ARCHIVE_FOLDER: &str = "archive";

/// Why the servers do not start.
#[derive(Debug, Error)]
pub enum LocalAwsError {
    /// The database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The secrets.
    #[error(transparent)]
    Secrets(#[from] secrets_manager::OpenError),
    /// The values of the secrets.
    #[error(transparent)]
    Values(#[from] secrets_manager::MakeError),
    /// The captured mail.
    #[error(transparent)]
    Mail(#[from] mailbox::OpenError),
    /// The key.
    #[error(transparent)]
    Key(#[from] kms::OpenError),
    /// A role may not do what Lambda or Pipes do in its name.
    #[error("{file}: {advice}")]
    Rights {
        /// The file in which the policies are written.
        file: &'static str,
        /// What can be done about it.
        advice: String,
    },
    /// A port on loopback.
    #[error("no port for the local AWS side")]
    Port(#[source] std::io::Error),
}

/// What the servers are made from.
pub struct Parts<'a> {
    /// Where its state is kept; in memory without.
    pub directory: Option<&'a Path>,
    /// Where the servers listened in the last run: they listen there again where it is free.
    pub last: Option<Endpoints>,
    /// The tables.
    pub tables: &'a [TableDefinition],
    /// What their names begin with.
    pub table_prefix: &'a str,
    /// The secrets.
    pub secrets: &'a [SecretDefinition],
    /// What their names begin with.
    pub secret_prefix: &'a str,
    /// The bucket's name.
    pub bucket: &'a str,
    /// What the key is called besides its id.
    pub key_alias: &'a str,
    /// The verified sender, as `a@example.com` or `Name <a@example.com>`.
    pub sender: &'a str,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub entropy: Entropy,
    /// Who may do what.
    pub rights: Rights,
}

/// The running servers, and the handles that tests reach behind them with. Dropping it ends the servers.
pub struct LocalAws {
    /// The tables.
    pub database: Database,
    /// The secrets.
    pub secrets: SecretsManager,
    /// The mail service, with its switch for failures.
    pub ses: Ses,
    /// The captured mail.
    pub mailbox: Mailbox,
    /// The archive.
    pub archive: S3,
    /// Who may do what, and what was refused.
    pub rights: Rights,
    /// Where they listen.
    pub endpoints: Endpoints,
    /// The way to them from this process.
    pub in_process: InProcess,
    _servers: JoinSet<()>,
}

impl LocalAws {
    /// Opens the state and starts the servers.
    ///
    /// # Errors
    /// [`LocalAwsError`] names the file that cannot be used, or the right that a role lacks.
    pub async fn start(parts: Parts<'_>) -> Result<Self, LocalAwsError> {
        let rights = parts.rights;
        rights
            .judge_sources()
            .map_err(|denial| LocalAwsError::Rights {
                file: rights.file(),
                advice: rights.advice(&denial),
            })?;
        let file = |name| -> Option<PathBuf> { parts.directory.map(|path| path.join(name)) };
        let database = database::open(file(DATABASE_FILE).as_deref())?;
        tables::create_missing_tables(&database, parts.table_prefix, parts.tables)?;
        let mailbox = Mailbox::open(file(MAIL_FILE))?;
        let secrets = SecretsManager::open(
            file(SECRETS_FILE),
            parts.clock.clone(),
            parts.entropy.clone(),
        )?;
        secrets
            .make_missing(parts.secret_prefix, parts.secrets)
            .await?;
        let identities = Identities::verified([bare_address(parts.sender)]);
        let kms = Kms::open(parts.key_alias, file(KEY_FILE).as_deref(), &parts.entropy)?;
        let archive = S3::new(parts.bucket, file(ARCHIVE_FOLDER), parts.clock.clone());
        let ses = Ses::new(mailbox.clone(), identities, parts.clock, parts.entropy);

        let mut servers = JoinSet::new();
        servers.spawn(database::sweep_expired(
            database.clone(),
            database::SWEEP_INTERVAL,
        ));
        servers.spawn(secrets.clone().drive_rotations());
        let engine = Engine::start(database.clone(), &mut servers)
            .await
            .map_err(LocalAwsError::Port)?;
        let in_process = InProcess::default();
        let mut serve = async |service, router, last: Option<SocketAddr>| {
            let server = guarded(router, service, &rights);
            let address = serve(&mut servers, server.clone(), last).await?;
            in_process.serve(address, server);
            Ok::<_, LocalAwsError>(address)
        };
        let at = |of: fn(&Endpoints) -> SocketAddr| parts.last.as_ref().map(of);
        let endpoints = Endpoints {
            dynamodb: serve(Service::DynamoDb, engine.router(), at(|last| last.dynamodb)).await?,
            secrets_manager: serve(
                Service::SecretsManager,
                secrets.router(),
                at(|last| last.secrets_manager),
            )
            .await?,
            sesv2: serve(Service::Ses, ses.router(), at(|last| last.sesv2)).await?,
            kms: serve(Service::Kms, kms.router(), at(|last| last.kms)).await?,
            s3: serve(Service::S3, archive.router(), at(|last| last.s3)).await?,
        };
        in_process.serve(
            endpoints.dynamodb,
            guarded(engine.direct(), Service::DynamoDb, &rights),
        );
        Ok(Self {
            database,
            secrets,
            ses,
            mailbox,
            archive,
            rights,
            endpoints,
            in_process,
            _servers: servers,
        })
    }
}

/// Serves a router on a loopback port, that of the last run if it is free; returns its address.
async fn serve(
    servers: &mut JoinSet<()>,
    router: Router,
    last: Option<SocketAddr>,
) -> Result<SocketAddr, LocalAwsError> {
    let listener = listen(last).await.map_err(LocalAwsError::Port)?;
    let address = listener.local_addr().map_err(LocalAwsError::Port)?;
    servers.spawn(async move {
        if let Err(error) = axum::serve(listener, router).await {
            tracing::error!(%error, "a server of the local AWS side ended");
        }
    });
    Ok(address)
}

async fn listen(last: Option<SocketAddr>) -> std::io::Result<TcpListener> {
    if let Some(last) = last
        && let Ok(listener) = TcpListener::bind(last).await
    {
        return Ok(listener);
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;
    use tokio::sync::mpsc;

    use super::*;
    use crate::iam::{Policies, PolicySources};
    use crate::testing;

    #[tokio::test]
    async fn a_rotation_that_is_asked_for_reaches_its_function() {
        let policies = Policies::read(PolicySources::default()).unwrap();
        let parts = Parts {
            directory: None,
            last: None,
            tables: &[],
            table_prefix: "",
            secrets: &[],
            secret_prefix: "",
            bucket: "archive",
            key_alias: "alias/audit",
            sender: "no-reply@service.example",
            clock: testing::clock().reader(),
            entropy: testing::entropy(),
            rights: Rights::new(Arc::new(policies)),
        };
        let aws = LocalAws::start(parts).await.unwrap();
        let (called, mut calls) = mpsc::unbounded_channel();
        let function = move |event| {
            called.send(event).unwrap();
            Box::pin(async { Ok(()) }) as _
        };
        let arn = aws.secrets.register("rotate", Arc::new(function));
        for (operation, token, member, value) in [
            ("CreateSecret", "a", "SecretString", "1"),
            ("RotateSecret", "b", "RotationLambdaARN", &arn),
        ] {
            let token = token.repeat(36);
            let body = json!({ "Name": "keys", "SecretId": "keys", "ClientRequestToken": token, member: value });
            let target = format!("secretsmanager.{operation}");
            let (status, answer) =
                testing::send(aws.secrets.router(), &target, &body.to_string()).await;
            assert_eq!(status, 200, "{answer}");
        }
        assert_eq!(
            calls.recv().await.unwrap().client_request_token,
            "b".repeat(36)
        );
    }
}
