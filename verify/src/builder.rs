//! The settings of a verifier: collected, then refused whole or turned into one.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "tables")]
use crate::cache::Readings;
use crate::clock::{Clock, SystemClock};
use crate::error::SettingsError;
#[cfg(feature = "jwks")]
use crate::jwks::PublishedKeys;
#[cfg(feature = "tables")]
use crate::tables::Tables;
#[cfg(feature = "tables")]
use crate::verifier::{Inner, Source, TableSource, Verifier};

/// The longest that state or keys may be kept.
pub const MAX_STALENESS: Duration = Duration::from_secs(300);
/// The longest that a key set may serve while no newer one can be fetched.
#[cfg(feature = "jwks")]
const MAX_KEYS_KEPT: Duration = Duration::from_secs(86_400);
#[cfg(feature = "jwks")]
const DEFAULT_KEYS_KEPT: Duration = Duration::from_secs(3_600);
#[cfg(feature = "tables")]
const DEFAULT_MAX_ENTRIES: u64 = 10_000;

/// The settings of a [`Verifier`]. Issuer, audience and one source are required.
#[derive(Default)]
#[must_use]
pub struct Builder {
    issuer: String,
    audience: String,
    #[cfg(feature = "tables")]
    tables: Option<(aws_sdk_dynamodb::Client, String)>,
    #[cfg(feature = "tables")]
    idle: Option<Duration>,
    #[cfg(feature = "tables")]
    max_entries: Option<u64>,
    #[cfg(feature = "jwks")]
    jwks: Option<String>,
    #[cfg(feature = "jwks")]
    keys_kept: Option<Duration>,
    max_staleness: Option<Duration>,
    clock: Option<Arc<dyn Clock>>,
}

impl Verifier {
    /// A verifier that still lacks its settings.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Builder {
    /// The `iss` that tokens must carry, to the letter: the service's `DASHTAM_ISSUER`.
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            ..self
        }
    }

    /// The `aud` that tokens must carry, to the letter: the service's `DASHTAM_AUDIENCE`.
    pub fn audience(self, audience: impl Into<String>) -> Self {
        Self {
            audience: audience.into(),
            ..self
        }
    }

    /// State and keys from the service's tables, whose names begin with `prefix`. Time-outs and retries of throttled
    /// calls are those of `client`.
    #[cfg(feature = "tables")]
    pub fn tables(self, client: aws_sdk_dynamodb::Client, prefix: impl Into<String>) -> Self {
        Self {
            tables: Some((client, prefix.into())),
            ..self
        }
    }

    /// With tables: a session without login or refresh for this long is over; zero for no limit. The service's
    /// `DASHTAM_SESSION_IDLE_SECONDS`, which it must equal.
    #[cfg(feature = "tables")]
    pub fn session_idle(self, limit: Duration) -> Self {
        Self {
            idle: (!limit.is_zero()).then_some(limit),
            ..self
        }
    }

    /// With tables and a staleness above zero: how many sessions' state is kept at most, 1 to 1,000,000 (default 10,000).
    /// One takes about a kilobyte.
    #[cfg(feature = "tables")]
    pub fn max_entries(self, entries: u64) -> Self {
        Self {
            max_entries: Some(entries),
            ..self
        }
    }

    /// Keys alone, from the key set at this https URL; plain http is for loopback addresses. Sessions and versions are
    /// not seen: what was revoked is accepted until it expires.
    #[cfg(feature = "jwks")]
    pub fn jwks(self, url: impl Into<String>) -> Self {
        Self {
            jwks: Some(url.into()),
            ..self
        }
    }

    /// With a key set: the age, counted from its fetch, up to which it serves while no newer one can be fetched; then
    /// every token is refused as [`Unavailable`](crate::VerifyError::Unavailable). Up to a day (default one hour), not
    /// below the staleness.
    #[cfg(feature = "jwks")]
    pub fn keys_kept(self, age: Duration) -> Self {
        Self {
            keys_kept: Some(age),
            ..self
        }
    }

    /// How old the state (with tables) or the keys (with a key set) may be that a token is accepted by, counted from the
    /// moment their read began: 0 to 300 s. Default 0 with tables, so each check reads; 300 s with a key set.
    pub fn max_staleness(self, staleness: Duration) -> Self {
        Self {
            max_staleness: Some(staleness),
            ..self
        }
    }

    /// Another clock than the system's, for tests.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: Some(clock),
            ..self
        }
    }

    /// The verifier. It reads nothing before the first token comes.
    ///
    /// # Errors
    /// All faults together.
    pub fn build(self) -> Result<Verifier, SettingsError> {
        let faults = self.faults();
        if !faults.is_empty() {
            return Err(SettingsError(faults));
        }
        let clock = self.clock.clone().unwrap_or_else(|| Arc::new(SystemClock));
        let (issuer, audience) = (self.issuer.clone(), self.audience.clone());
        let source = self.source(&clock)?;
        Ok(Inner {
            issuer,
            audience,
            clock,
            source,
        }
        .into())
    }

    fn faults(&self) -> Vec<String> {
        let is_wrong = [
            (self.issuer.is_empty(), "the issuer is missing"),
            (self.audience.is_empty(), "the audience is missing"),
            (
                self.max_staleness
                    .is_some_and(|staleness| staleness > MAX_STALENESS),
                "the staleness is more than 300 seconds",
            ),
        ];
        let mut faults: Vec<_> = is_wrong
            .into_iter()
            .filter(|(wrong, _)| *wrong)
            .map(|(_, fault)| fault.to_owned())
            .collect();
        let mut sources = 0;
        #[cfg(feature = "tables")]
        {
            sources += usize::from(self.tables.is_some());
            faults.extend(self.faults_of_tables());
        }
        #[cfg(feature = "jwks")]
        {
            sources += usize::from(self.jwks.is_some());
            faults.extend(self.faults_of_jwks());
        }
        if sources != 1 {
            faults.push("give either tables or the URL of a key set".to_owned());
        }
        faults
    }

    #[cfg(feature = "tables")]
    fn faults_of_tables(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self
            .max_entries
            .is_some_and(|entries| !(1..=1_000_000).contains(&entries))
        {
            faults.push("the number of entries is not 1 to 1,000,000".to_owned());
        }
        if self.tables.is_none() && (self.idle.is_some() || self.max_entries.is_some()) {
            faults.push("an idle limit and a number of entries need tables".to_owned());
        }
        faults
    }

    #[cfg(feature = "jwks")]
    fn faults_of_jwks(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self
            .jwks
            .as_deref()
            .is_some_and(|url| !PublishedKeys::may_fetch(url))
        {
            faults.push(
                "the URL of the key set is neither https nor http to a loopback address".to_owned(),
            );
        }
        let staleness = self.max_staleness.unwrap_or(MAX_STALENESS);
        if self
            .keys_kept
            .is_some_and(|age| age < staleness || age > MAX_KEYS_KEPT)
        {
            faults.push(
                "keys are kept for less than the staleness or for more than a day".to_owned(),
            );
        }
        if self.jwks.is_none() && self.keys_kept.is_some() {
            faults.push("an age of keys needs the URL of a key set".to_owned());
        }
        faults
    }

    #[cfg_attr(
        not(feature = "tables"),
        expect(unused_variables, reason = "only readings have a clock of their own")
    )]
    fn source(self, clock: &Arc<dyn Clock>) -> Result<Source, SettingsError> {
        #[cfg(feature = "tables")]
        if let Some((client, prefix)) = self.tables {
            let bound = self.max_staleness.unwrap_or_default();
            let readings = Readings::new(
                Arc::clone(clock),
                bound,
                self.max_entries.unwrap_or(DEFAULT_MAX_ENTRIES),
            );
            return Ok(Source::Tables(TableSource {
                tables: Tables::new(client, &prefix),
                readings,
                idle: self.idle,
            }));
        }
        #[cfg(feature = "jwks")]
        if let Some(url) = self.jwks {
            let bound = self.max_staleness.unwrap_or(MAX_STALENESS);
            let keys = PublishedKeys::new(url, bound, self.keys_kept.unwrap_or(DEFAULT_KEYS_KEPT));
            let keys = keys.map_err(|error| SettingsError(vec![error.to_string()]))?;
            return Ok(Source::Published(keys));
        }
        Err(SettingsError(vec!["there is no source".to_owned()]))
    }
}

#[cfg(all(test, feature = "jwks", feature = "tables"))]
mod tests {
    use super::*;

    const URL: &str = "https://auth.example.com/.well-known/jwks.json";

    fn builder() -> Builder {
        Verifier::builder()
            .issuer("https://auth.example.com")
            .audience("app")
    }

    fn faults(builder: Builder) -> usize {
        builder
            .build()
            .err()
            .map_or(0, |SettingsError(faults)| faults.len())
    }

    fn client() -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version_latest()
            .build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    #[test]
    fn issuer_audience_and_one_source_are_required_and_all_that_lacks_is_listed() {
        assert_eq!(faults(Verifier::builder()), 3);
        assert_eq!(faults(builder()), 1);
        assert_eq!(faults(builder().jwks(URL)), 0);
        assert_eq!(faults(builder().tables(client(), "dashtam-")), 0);
        assert_eq!(faults(builder().tables(client(), "dashtam-").jwks(URL)), 1);
    }

    #[test]
    fn staleness_ends_at_300_seconds() {
        assert_eq!(faults(builder().jwks(URL).max_staleness(MAX_STALENESS)), 0);
        assert_eq!(
            faults(
                builder()
                    .jwks(URL)
                    .max_staleness(MAX_STALENESS + Duration::from_millis(1))
            ),
            1
        );
    }

    #[test]
    fn a_key_set_comes_by_https_or_from_this_machine() {
        for url in [
            URL,
            "http://127.0.0.1:9000/jwks.json",
            "http://localhost/jwks.json",
            "http://[::1]:1/jwks.json",
        ] {
            assert_eq!(faults(builder().jwks(url)), 0, "{url}");
        }
        for url in [
            "",
            "jwks.json",
            "http://auth.example.com/jwks.json",
            "http://localhost.example.com/x",
            "file:///x",
        ] {
            assert_eq!(faults(builder().jwks(url)), 1, "{url}");
        }
    }

    #[test]
    fn settings_of_the_other_source_are_refused() {
        assert_eq!(
            faults(builder().jwks(URL).session_idle(Duration::from_secs(1))),
            1
        );
        assert_eq!(
            faults(
                builder()
                    .tables(client(), "")
                    .keys_kept(Duration::from_secs(3_600))
            ),
            1
        );
        assert_eq!(faults(builder().tables(client(), "").max_entries(0)), 1);
        assert_eq!(
            faults(builder().jwks(URL).keys_kept(Duration::from_secs(299))),
            1
        );
    }
}
