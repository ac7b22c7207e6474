//! Access tokens, refresh tokens and sessions.

use std::time::Duration;

use super::Reader;

/// What the reuse of a spent refresh token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TheftScope {
    /// The session it belongs to.
    Session,
    /// All sessions of the user.
    User,
}

/// Settings of tokens and sessions.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// `DASHTAM_ISSUER`: the `iss` of every token (RFC 8414 section 2).
    pub issuer: String,
    /// `DASHTAM_AUDIENCE`: the `aud` of every token.
    pub audience: String,
    /// `DASHTAM_CLIENT_ID`: the `client_id` of every token (RFC 9068 section 2.2).
    pub client_id: String,
    /// `DASHTAM_ACCESS_TOKEN_TTL_SECONDS`.
    pub access_ttl: Duration,
    /// `DASHTAM_SESSION_TTL_SECONDS`.
    pub session_ttl: Duration,
    /// `DASHTAM_SESSION_IDLE_SECONDS`; `None` where it is 0.
    pub session_idle: Option<Duration>,
    /// `DASHTAM_SESSION_CAP`.
    pub session_cap: u64,
    /// `DASHTAM_REFRESH_GRACE_SECONDS`: for how long a retired refresh token is answered again.
    pub refresh_grace: Duration,
    /// `DASHTAM_REFRESH_RETRY_SECONDS`: for how long it is with the retry key of its refresh; zero for not at all.
    pub refresh_retry: Duration,
    /// `DASHTAM_THEFT_SCOPE`.
    pub theft_scope: TheftScope,
    /// `DASHTAM_KEY_LEAD_SECONDS`: for how long a new signing key is published before it signs.
    pub key_lead: Duration,
    /// `DASHTAM_KEYS_STALE_SECONDS`: for how long a process signs on while it cannot read its keys again.
    pub keys_stale: Duration,
    /// `DASHTAM_AUTHORIZER_STALENESS_SECONDS`: how old the state may be that the authorizer goes by.
    pub authorizer_staleness: Duration,
}

impl TokenConfig {
    /// The longest life of an access token.
    pub const MAX_ACCESS_TTL: Duration = Duration::from_secs(3_600);

    /// The longest life of an access token under the idle limit: at most half of it, and a second at least.
    #[must_use]
    pub fn longest_access_life(&self) -> Duration {
        let half = self
            .session_idle
            .map(|idle| (idle / 2).max(Duration::from_secs(1)));
        half.map_or(self.access_ttl, |half| half.min(self.access_ttl))
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let issuer = own_url(
            reader,
            "ISSUER",
            "`iss` of every token; https where the stage is prod",
        );
        let idle = reader.seconds(
            "SESSION_IDLE_SECONDS",
            0..=31_536_000,
            0,
            "a session without login, refresh or verified password for this long is over; 0: no idle limit",
        );
        let audience = audience(reader);
        Self {
            issuer,
            client_id: client_id(reader).unwrap_or_else(|| audience.clone()),
            audience,
            access_ttl: reader.seconds(
                "ACCESS_TOKEN_TTL_SECONDS",
                1..=Self::MAX_ACCESS_TTL.as_secs(),
                1_800,
                "life of an access token",
            ),
            session_ttl: reader.seconds(
                "SESSION_TTL_SECONDS",
                1..=31_536_000,
                2_592_000,
                "life of a session from its login; absolute",
            ),
            session_idle: (!idle.is_zero()).then_some(idle),
            session_cap: reader.integer(
                "SESSION_CAP",
                1..=1_000,
                50,
                "live sessions a user may have; one more ends the least recently active one",
            ),
            refresh_grace: reader.seconds(
                "REFRESH_GRACE_SECONDS",
                0..=300,
                30,
                "how long a spent refresh token may be retried, 20 times at most",
            ),
            refresh_retry: reader.seconds(
                "REFRESH_RETRY_SECONDS",
                0..=604_800,
                86_400,
                "how long it may be with the `retry_key` of its refresh, until its successor was presented; 0: not at all",
            ),
            theft_scope: reader.choice(
                "THEFT_SCOPE",
                ("session", TheftScope::Session),
                &[("user", TheftScope::User)],
                "what the reuse of a spent refresh token ends",
            ),
            key_lead: reader.seconds(
                "KEY_LEAD_SECONDS",
                0..=86_400,
                60,
                "how long a new signing key is published before it signs; longer than others cache the key set",
            ),
            keys_stale: reader.seconds(
                "KEYS_STALE_SECONDS",
                60..=86_400,
                21_600,
                "how long a running process signs on while Secrets Manager cannot be read",
            ),
            authorizer_staleness: reader.seconds(
                "AUTHORIZER_STALENESS_SECONDS",
                0..=300,
                0,
                "how old the state may be that the authorizer lets a token in by; 0: it reads for each",
            ),
        }
    }
}

/// What an audience and a client identifier consist of.
const NAME_VALUES: &str = "up to 255 visible ASCII characters";

fn name(text: &str) -> Option<String> {
    (text.len() <= 255 && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| text.to_owned())
}

/// `DASHTAM_AUDIENCE`, as the template's parameter has it.
fn audience(reader: &mut Reader<'_>) -> String {
    reader
        .parsed(
            "AUDIENCE",
            NAME_VALUES,
            "dashtam",
            "`aud` of every token",
            name,
        )
        .unwrap_or_default()
}

/// `DASHTAM_CLIENT_ID`, if it is set.
fn client_id(reader: &mut Reader<'_>) -> Option<String> {
    let meaning = "`client_id` of every token; the audience if it is not set";
    reader.parsed("CLIENT_ID", NAME_VALUES, "", meaning, name)
}

/// A URL of the service's own; the default is a laptop's.
pub(super) fn own_url(reader: &mut Reader<'_>, name: &str, what: &str) -> String {
    let values = "an http or https URL without query, fragment or trailing slash";
    reader
        .parsed(name, values, "http://127.0.0.1:9000", what, base_url)
        .unwrap_or_default()
}

/// An absolute http(s) URL that paths can be appended to.
pub(super) fn base_url(text: &str) -> Option<String> {
    let uri: http::Uri = text.parse().ok()?;
    let known_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
    let plain =
        uri.query().is_none() && !text.contains('#') && !text.ends_with('/') && !text.contains('@');
    (known_scheme && plain && uri.host().is_some_and(|host| !host.is_empty()))
        .then(|| text.to_owned())
}
