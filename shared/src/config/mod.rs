//! Configuration: parsed once, refused whole.
//!
//! Every setting is an environment variable that begins with `DASHTAM_`. A [`Reader`] turns texts into
//! typed values and collects every fault, so that a process with wrong settings lists all of them and
//! does not start. It also writes down what it was asked for: that record is the table in
//! `docs/configuration.md`, and a name that is not in it is a fault, too. To add a setting, read it in
//! the file of its concern; where it limits another one, or is limited by it, add the pair to `relations.rs`.

mod audit;
mod deployment;
mod limits;
mod mail;
mod network;
mod passwords;
mod reader;
mod relations;
mod telemetry;
mod tokens;

use std::collections::BTreeMap;
use std::fmt;

pub use audit::AuditConfig;
pub use deployment::{LogLevel, Stage};
pub use limits::{Limit, RateLimits};
pub use mail::MailConfig;
pub use network::{NetworkConfig, TrustedEdge};
pub use passwords::{Argon2Config, Lockout, PasswordConfig, Registration};
pub use reader::{Reader, Variable};
pub use relations::Relation;
pub use telemetry::TelemetryConfig;
pub use tokens::{TheftScope, TokenConfig};

/// What all names begin with.
pub const PREFIX: &str = "DASHTAM_";

/// The raw settings: names with values, as the environment or a test gives them.
#[derive(Clone, Default)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// The settings of this process. What is no UTF-8 is marked as such by the replacement character, and refused.
    #[must_use]
    pub fn from_process() -> Self {
        let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
        Self(
            std::env::vars_os()
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
        )
    }

    /// The value of `name`; an empty one counts as missing.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// These settings with `name` set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// These settings with `name` set, unless it is already.
    #[must_use]
    pub fn with_default(self, name: &str, value: impl Into<String>) -> Self {
        if self.get(name).is_some() {
            self
        } else {
            self.with(name, value)
        }
    }

    /// All settings whose name begins with `prefix`.
    pub fn beginning_with<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

/// Values may be secret, so only names are shown.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.0.keys().filter(|name| name.starts_with(PREFIX)))
            .finish()
    }
}

/// Everything that can be set.
#[derive(Debug, Clone)]
pub struct Config {
    /// `DASHTAM_STAGE`.
    pub stage: Stage,
    /// `DASHTAM_LOG`.
    pub log_level: LogLevel,
    /// `DASHTAM_TABLE_PREFIX`: what the names of the tables begin with.
    pub table_prefix: String,
    /// `DASHTAM_SECRET_PREFIX`: what the names of the secrets begin with.
    pub secret_prefix: String,
    /// Tokens and sessions.
    pub tokens: TokenConfig,
    /// Passwords, lockout and registration.
    pub passwords: PasswordConfig,
    /// Client addresses, CORS.
    pub network: NetworkConfig,
    /// Mail and what it links to.
    pub mail: MailConfig,
    /// The audit trail.
    pub audit: AuditConfig,
    /// The token buckets.
    pub rate_limits: RateLimits,
    /// Metrics and traces.
    pub telemetry: TelemetryConfig,
}

/// Every fault of a refused configuration, one a line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// Parses `settings`.
    ///
    /// # Errors
    /// All faults together, each naming its variable, what was wrong and what is allowed.
    pub fn parse(settings: &Settings) -> Result<Self, ConfigError> {
        let (config, reader) = Self::read(settings);
        let (_, faults) = reader.finish();
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError(faults))
        }
    }

    /// Every variable there is, in the order of the documentation.
    #[must_use]
    pub fn variables() -> Vec<Variable> {
        Self::read(&Settings::default()).1.finish().0
    }

    fn read(settings: &Settings) -> (Self, Reader<'_>) {
        let mut reader = Reader::new(settings);
        let stage = deployment::stage(&mut reader);
        let config = Self {
            stage,
            log_level: deployment::log_level(&mut reader),
            table_prefix: deployment::table_prefix(&mut reader),
            secret_prefix: deployment::secret_prefix(&mut reader),
            mail: MailConfig::read(&mut reader),
            tokens: TokenConfig::read(&mut reader),
            passwords: PasswordConfig::read(&mut reader),
            network: NetworkConfig::read(&mut reader),
            audit: AuditConfig::read(&mut reader),
            rate_limits: RateLimits::read(&mut reader),
            telemetry: TelemetryConfig::read(&mut reader),
        };
        relations::check(&config, &mut reader);
        (config, reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_settings_at_all_give_the_defaults() {
        let config = Config::parse(&Settings::default()).expect("defaults are valid");
        assert_eq!(config.stage, Stage::Local);
        assert_eq!(config.tokens.access_ttl.as_secs(), 1_800);
        assert_eq!(config.tokens.session_cap, 50);
        // Longer than popular libraries wait before they fetch a key set again.
        assert_eq!(config.tokens.key_lead.as_secs(), 60);
        assert_eq!(
            (
                config.tokens.refresh_grace.as_secs(),
                config.tokens.refresh_retry.as_secs()
            ),
            (30, 86_400)
        );
        assert_eq!(config.tokens.client_id, config.tokens.audience);
    }

    #[test]
    fn every_fault_is_listed_at_once() {
        let settings = Settings::default()
            .with("DASHTAM_STAGE", "moon")
            .with("DASHTAM_LOCKOUT_THRESHOLD", "0")
            .with("DASHTAM_ACCESS_TOKEN_TTL_SECONDS", "soon")
            .with("DASHTAM_RATE_LIMIT_LOGIN", "many");
        let ConfigError(faults) = Config::parse(&settings).expect_err("four faults");
        assert_eq!(faults.len(), 4, "{faults:?}");
        for name in [
            "STAGE",
            "LOCKOUT_THRESHOLD",
            "ACCESS_TOKEN_TTL_SECONDS",
            "RATE_LIMIT_LOGIN",
        ] {
            assert!(faults.iter().any(|fault| fault.contains(name)), "{name}");
        }
    }

    #[test]
    fn a_name_that_nothing_reads_is_refused_beside_all_other_faults() {
        let settings = Settings::default()
            .with("DASHTAM_STAGE", "moon")
            .with("DASHTAM_LOCKOUT_TRESHOLD", "5")
            .with("DASHTAM_SESION_TTL", "60")
            .with("DASHTAM_ZEBRA", "striped")
            .with("DASHTAM_EMPTY", "")
            .with("PATH", "/bin");
        let ConfigError(faults) = Config::parse(&settings).expect_err("four faults");
        assert_eq!(
            faults,
            [
                "DASHTAM_STAGE must be one of `local`, `dev`, `staging`, `prod`",
                "DASHTAM_LOCKOUT_TRESHOLD is no setting; DASHTAM_LOCKOUT_THRESHOLD is one",
                "DASHTAM_SESION_TTL is no setting; DASHTAM_SESSION_TTL_SECONDS is one",
                "DASHTAM_ZEBRA is no setting; docs/configuration.md lists all",
            ]
        );
    }

    #[test]
    fn every_known_name_may_be_given_with_its_default_or_empty() {
        let all = |value: fn(&Variable) -> String| {
            Config::variables()
                .iter()
                .fold(Settings::default(), |all, known| {
                    all.with(&known.name, value(known))
                })
        };
        assert!(Config::parse(&all(|known| known.default.clone())).is_ok());
        assert!(Config::parse(&all(|_| String::new())).is_ok());
    }

    #[test]
    fn what_aws_or_a_mail_header_could_not_take_is_refused() {
        for (name, value) in [
            ("DASHTAM_TABLE_PREFIX", "dashtam local"),
            ("DASHTAM_SECRET_PREFIX", "dashtam*"),
            ("DASHTAM_AUDIENCE", "two words"),
            ("DASHTAM_LOG", "verbose"),
            ("DASHTAM_MAIL_FROM", "Dashtam"),
            ("DASHTAM_MAIL_FROM", "a@example.com, b@example.com"),
            ("DASHTAM_MAIL_FROM", "Dashtam\r\nBcc: <a@example.com>"),
            (
                "DASHTAM_TRUSTED_EDGE_SECRETS",
                "0123456789abcdef0123456789abcd\u{fffd}",
            ),
            (
                "DASHTAM_TRUSTED_EDGE_SECRETS",
                "your-secret-key-goes-here-please!",
            ),
        ] {
            let faults = Config::parse(&Settings::default().with(name, value)).expect_err(value);
            assert!(
                faults.0.iter().all(|fault| fault.starts_with(name)),
                "{faults:?}"
            );
        }
    }

    /// The least that a stage is deployed with.
    fn deployed(stage: &str) -> Settings {
        let url = "https://auth.example.com";
        let named = Settings::default().with("DASHTAM_STAGE", stage);
        named
            .with("DASHTAM_ISSUER", url)
            .with("DASHTAM_APP_BASE_URL", url)
    }

    #[test]
    fn production_names_its_own_urls_and_serves_them_over_tls() {
        assert!(Config::parse(&deployed("prod")).is_ok());
        for name in ["DASHTAM_ISSUER", "DASHTAM_APP_BASE_URL"] {
            for wrong in ["", "http://auth.example.com", "HTTP://auth.example.com"] {
                let ConfigError(faults) =
                    Config::parse(&deployed("prod").with(name, wrong)).expect_err(name);
                assert!(
                    faults.len() == 1 && faults[0].starts_with(name),
                    "{faults:?}"
                );
                assert!(Config::parse(&deployed("dev").with(name, wrong)).is_ok());
            }
        }
    }

    #[test]
    fn scaled_limits_are_refused_in_production() {
        let prod = deployed("prod").with("DASHTAM_RATE_LIMIT_SCALE", "10");
        let faults = Config::parse(&prod).expect_err("refused");
        assert!(
            faults.to_string().contains("DASHTAM_RATE_LIMIT_SCALE"),
            "{faults}"
        );
    }

    #[test]
    fn production_keeps_records_for_a_year_at_least() {
        let kept = |stage, days| {
            let settings = deployed(stage).with("DASHTAM_AUDIT_RETENTION_DAYS", days);
            Config::parse(&settings)
                .map(|config| config.audit.retention.as_secs() / 86_400)
                .ok()
        };
        assert_eq!(kept("prod", "365"), Some(365));
        assert_eq!(kept("prod", "364"), None);
        assert_eq!(kept("local", "1"), Some(1));
        for wrong in ["0", "3651", "-1", "a year"] {
            assert_eq!(kept("local", wrong), None, "{wrong}");
        }
        assert_eq!(kept("prod", ""), Some(400));
    }

    #[test]
    fn weak_hashing_is_refused_where_it_is_deployed() {
        let weak = |stage| deployed(stage).with("DASHTAM_ARGON2_MEMORY_KIB", "8192");
        assert!(Config::parse(&weak("local")).is_ok());
        assert!(Config::parse(&weak("dev")).is_err());
    }
}
