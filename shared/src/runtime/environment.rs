//! What endpoints are built from. Each part is made when the first endpoint asks for it, so a function pays for what it
//! uses, and the local run shares one of each.

use std::io::Write;
use std::sync::{Arc, OnceLock};

use aws_sdk_dynamodb::config::SharedHttpClient;
use dashtam_verify::Verifier;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use crate::accounts::{
    administration::Administration, directory::Directory, export::Export, invitations::Invitations,
    secure_account::SecureAccount,
};
use crate::audit::trail::Trail;
use crate::aws::{self, AwsBase};
use crate::breach::key_replacement::KeyChanges;
use crate::breach::token_rotation::Rotations;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, ConfigError, Settings};
use crate::domain::PasswordPolicy;
use crate::ground::entropy::{Entropy, OsEntropy};
use crate::http::App;
use crate::keys::secrets::Secrets;
use crate::keys::{self, Signer};
use crate::limits::Limiter;
use crate::mail::{Mailer, Sender};
use crate::passwords::PasswordHasher;
use crate::passwords::proof::PasswordProof;
use crate::request::locator::{self, Locator};
pub use crate::runtime::start_error::StartError;
use crate::sign_in::authentication::Authenticator;
use crate::sign_in::authorizer::Authorizer;
use crate::sign_in::issuer::Issuer;
use crate::store::Store;
use crate::telemetry::{Exporter, Metrics, Telemetry};
use crate::tokens::Cursors;

/// The parts.
#[derive(Clone)]
pub struct Environment {
    config: Arc<Config>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    telemetry: Telemetry,
    pub(crate) base: AwsBase,
    store: OnceLock<Store>,
    pub(crate) hasher: Arc<OnceLock<PasswordHasher>>,
    signer: OnceCell<Signer>,
    locator: Arc<OnceLock<Locator>>,
}

impl Environment {
    /// From settings, with the system's clock and entropy.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault.
    pub fn new(settings: &Settings) -> Result<Self, ConfigError> {
        Self::with(settings, Arc::new(SystemClock), Arc::new(OsEntropy))
    }

    /// From settings, clock and entropy.
    ///
    /// # Errors
    /// [`ConfigError`] with every fault.
    pub fn with(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, ConfigError> {
        let config = Arc::new(Config::parse(settings)?);
        let base = AwsBase::new(settings.clone());
        let endpoint = config.telemetry.otlp_endpoint.as_deref();
        let exporter = endpoint.map(|endpoint| Exporter::new(endpoint, config.stage, base.http()));
        let telemetry = Telemetry::new(
            Arc::clone(&clock),
            Arc::clone(&entropy),
            Metrics::from_config(&config.telemetry),
        );
        Ok(Self {
            telemetry: telemetry.exporting(exporter),
            config,
            clock,
            entropy,
            base,
            store: OnceLock::new(),
            hasher: Arc::default(),
            signer: OnceCell::new(),
            locator: Arc::default(),
        })
    }

    /// The same parts for a caller with another access key: what calls AWS is made again, everything else is shared.
    #[must_use]
    pub fn with_access_key(&self, id: &str) -> Self {
        self.over(self.base.with_access_key(id))
    }

    /// The same parts, whose calls of AWS leave through another HTTP client, made from the one that they have.
    #[must_use]
    pub fn calling_through(
        &self,
        client: impl FnOnce(SharedHttpClient) -> SharedHttpClient,
    ) -> Self {
        self.over(self.base.with_http(client(self.base.http())))
    }

    fn over(&self, base: AwsBase) -> Self {
        Self {
            base,
            store: OnceLock::new(),
            signer: OnceCell::new(),
            ..self.clone()
        }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config)
    }

    /// What the wrapper of all endpoints needs.
    #[must_use]
    pub fn app(&self) -> App {
        App {
            network: Arc::new(self.config.network.clone()),
            telemetry: self.telemetry(),
        }
    }

    /// Tells what is done.
    #[must_use]
    pub fn telemetry(&self) -> Telemetry {
        self.telemetry.clone()
    }

    /// The same parts, with metrics going to `output` instead of standard output, if they are on.
    #[must_use]
    pub fn measured_by(mut self, output: impl Write + Send + 'static) -> Self {
        self.telemetry = self.telemetry.with_output(output);
        self
    }

    /// The tables.
    #[must_use]
    pub fn store(&self) -> Store {
        let make = || {
            let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
            let (tables, retention) = (&self.config.table_prefix, self.config.audit.retention);
            Store::new(aws::client(&self.base), tables, clock, entropy, retention)
        };
        self.store.get_or_init(make).clone()
    }

    /// The secrets.
    #[must_use]
    pub fn secrets(&self) -> Secrets {
        Secrets::new(&self.base, &self.config.secret_prefix)
    }

    /// Turns access tokens into callers.
    #[must_use]
    pub fn authenticator(&self) -> Authenticator {
        Authenticator::new(self.store(), self.config())
    }

    /// Checks access tokens as other services do.
    pub fn verifier(&self) -> Result<Verifier, StartError> {
        let tokens = &self.config.tokens;
        let verifier = Verifier::builder()
            .issuer(&tokens.issuer)
            .audience(&tokens.audience)
            .tables(aws::client(&self.base), &self.config.table_prefix)
            .session_idle(tokens.session_idle.unwrap_or_default())
            .max_staleness(tokens.authorizer_staleness)
            .clock(Arc::clone(&self.clock));
        Ok(verifier.build()?)
    }

    /// Answers the gateways of other services.
    pub fn authorizer(&self) -> Result<Authorizer, StartError> {
        Ok(Authorizer::new(self.verifier()?, self.telemetry()))
    }

    /// Asks the buckets.
    #[must_use]
    pub fn limiter(&self) -> Limiter {
        Limiter::new(self.store(), self.config())
    }

    /// The rules for new passwords.
    #[must_use]
    pub fn password_policy(&self) -> PasswordPolicy {
        PasswordPolicy {
            profile: self.config.passwords.profile,
        }
    }

    /// Computes password hashes.
    pub fn hasher(&self) -> Result<PasswordHasher, StartError> {
        if let Some(hasher) = self.hasher.get() {
            return Ok(hasher.clone());
        }
        let hasher = PasswordHasher::new(self.config.passwords.argon2, Arc::clone(&self.entropy))?;
        Ok(self.hasher.get_or_init(|| hasher).clone())
    }

    /// Proves passwords.
    pub fn password_proof(&self) -> Result<PasswordProof, StartError> {
        Ok(PasswordProof::new(
            self.store(),
            self.hasher()?,
            self.config(),
        ))
    }

    /// Issues tokens.
    pub async fn issuer(&self) -> Result<Issuer, StartError> {
        let (stale, now) = (self.config.tokens.keys_stale, self.clock.now());
        let signer = self
            .signer
            .get_or_try_init(|| Signer::open(self.secrets(), stale, now))
            .await?;
        Ok(Issuer::new(self.store(), signer.clone(), self.config()))
    }

    /// Finds places.
    pub fn locator(&self) -> Result<Locator, StartError> {
        if let Some(locator) = self.locator.get() {
            return Ok(locator.clone());
        }
        let (database, warning) = locator::database(&self.config.network, self.clock.now())?;
        if let Some(warning) = warning {
            tracing::warn!("{warning}");
        }
        Ok(self.locator.get_or_init(|| Locator::new(database)).clone())
    }

    /// Sends the mails that the outbox asks for.
    pub async fn mailer(&self) -> Result<Mailer, StartError> {
        let key: SecretString = keys::mail_key(&self.secrets()).await?;
        let sender = Sender::new(&self.base, &self.config.mail.from);
        Ok(Mailer::new(
            self.store(),
            sender,
            key,
            self.locator()?,
            self.limiter(),
            &self.config,
        ))
    }

    /// Takes accounts back for their owners.
    pub async fn secure_account(&self) -> Result<SecureAccount, StartError> {
        let key = keys::mail_key(&self.secrets()).await?;
        Ok(SecureAccount::new(
            self.store(),
            self.limiter(),
            key,
            self.config.mail.notice_ttl,
        ))
    }

    /// Shows the audit trail.
    pub async fn trail(&self) -> Result<Trail, StartError> {
        let cursors = Cursors::new(keys::cursor_key(&self.secrets()).await?);
        Ok(Trail::new(self.store(), self.limiter(), cursors))
    }

    /// Revokes tokens.
    #[must_use]
    pub fn rotations(&self) -> Rotations {
        Rotations::new(self.store(), self.config.tokens.session_idle)
    }

    /// What admins do to accounts.
    #[must_use]
    pub fn administration(&self) -> Administration {
        Administration::new(self.store(), self.config())
    }

    /// Lists accounts and invitations.
    ///
    /// # Errors
    /// [`StartError::Keys`] if the cursor key is not available.
    pub async fn directory(&self) -> Result<Directory, StartError> {
        let cursors = Cursors::new(keys::cursor_key(&self.secrets()).await?);
        Ok(Directory::new(
            self.store(),
            self.administration(),
            cursors,
            self.config(),
        ))
    }

    /// Sends and accepts invitations.
    #[must_use]
    pub fn invitations(&self) -> Invitations {
        Invitations::new(self.store(), self.limiter(), self.config())
    }

    /// Exports what is stored about a user.
    ///
    /// # Errors
    /// [`StartError::Keys`] if the cursor key is not available.
    pub async fn export(&self) -> Result<Export, StartError> {
        Ok(Export::new(
            self.store(),
            self.limiter(),
            self.trail().await?,
            self.config(),
        ))
    }

    /// Replaces the signing keys.
    #[must_use]
    pub fn key_changes(&self) -> KeyChanges {
        KeyChanges::new(self.secrets(), self.store())
    }
}
