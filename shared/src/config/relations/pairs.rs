//! The pairs of settings that limit each other.

use std::time::Duration;

use super::{LEAST_RETENTION_IN_PRODUCTION, Relation};
use crate::config::{Config, Stage, TrustedEdge};
use crate::routes::Rule;

impl Relation {
    /// All of them.
    pub const ALL: [Self; 27] = [
        Self {
            first: "REFRESH_RETRY_SECONDS",
            second: "REFRESH_GRACE_SECONDS",
            rule: "must be 0 or more than {}: within the grace no key is needed",
            holds: Some(|config| {
                let tokens = &config.tokens;
                tokens.refresh_retry.is_zero() || tokens.refresh_retry > tokens.refresh_grace
            }),
            contradiction: &[
                ("REFRESH_RETRY_SECONDS", "30"),
                ("REFRESH_GRACE_SECONDS", "30"),
            ],
        },
        Self {
            first: "SESSION_IDLE_SECONDS",
            second: "SESSION_TTL_SECONDS",
            rule: "must be 0 or at most {}: a longer idle limit never acts",
            holds: Some(|config| {
                config
                    .tokens
                    .session_idle
                    .is_none_or(|idle| idle <= config.tokens.session_ttl)
            }),
            contradiction: &[
                ("SESSION_IDLE_SECONDS", "3601"),
                ("SESSION_TTL_SECONDS", "3600"),
            ],
        },
        Self {
            first: "RATE_LIMIT_REFRESH",
            second: "ACCESS_TOKEN_TTL_SECONDS",
            rule: "must, where it is deployed, admit a refresh each {}: a client that refreshes when its token expires would run dry",
            holds: Some(|config| {
                !is_deployed(config) || refreshes_in(config, config.tokens.access_ttl)
            }),
            contradiction: &[
                ("STAGE", "dev"),
                ("RATE_LIMIT_REFRESH", "30/1"),
                ("ACCESS_TOKEN_TTL_SECONDS", "59"),
            ],
        },
        Self {
            first: "RATE_LIMIT_REFRESH",
            second: "SESSION_IDLE_SECONDS",
            rule: "must, where it is deployed, admit a refresh each half of {}: tokens live no longer than that",
            holds: Some(|config| {
                !is_deployed(config)
                    || config.tokens.session_idle.is_none()
                    || refreshes_in(config, config.tokens.longest_access_life())
                    // Then the access token's own life is to blame.
                    || !refreshes_in(config, config.tokens.access_ttl)
            }),
            contradiction: &[
                ("STAGE", "dev"),
                ("RATE_LIMIT_REFRESH", "30/1"),
                ("SESSION_IDLE_SECONDS", "118"),
            ],
        },
        Self {
            first: "AUDIT_RETENTION_DAYS",
            second: "SESSION_TTL_SECONDS",
            rule: "must, where it is deployed, be at least as long as {}: the login of a live session would be in no record",
            holds: Some(|config| {
                !is_deployed(config) || config.audit.retention >= config.tokens.session_ttl
            }),
            contradiction: &[
                ("STAGE", "dev"),
                ("AUDIT_RETENTION_DAYS", "30"),
                ("SESSION_TTL_SECONDS", "2592001"),
            ],
        },
        Self {
            first: "AUDIT_RETENTION_DAYS",
            second: "NOTICE_TTL_SECONDS",
            rule: "must, where it is deployed, be at least as long as {}: what a link in a notice undoes would be in no record",
            holds: Some(|config| {
                !is_deployed(config) || config.audit.retention >= config.mail.notice_ttl
            }),
            contradiction: &[
                ("STAGE", "dev"),
                ("SESSION_TTL_SECONDS", "3600"),
                ("AUDIT_RETENTION_DAYS", "1"),
                ("INVITATION_TTL_SECONDS", "3600"),
                ("REGISTRATION_TTL_SECONDS", "3600"),
                ("NOTICE_TTL_SECONDS", "86401"),
            ],
        },
        Self {
            first: "AUDIT_RETENTION_DAYS",
            second: "INVITATION_TTL_SECONDS",
            rule: "must, where it is deployed, be at least as long as {}: no record would say who sent an invitation that can be used",
            holds: Some(|config| {
                !is_deployed(config) || config.audit.retention >= config.mail.invitation_ttl
            }),
            contradiction: &[
                ("STAGE", "dev"),
                ("SESSION_TTL_SECONDS", "3600"),
                ("AUDIT_RETENTION_DAYS", "1"),
                ("NOTICE_TTL_SECONDS", "7200"),
                ("REGISTRATION_TTL_SECONDS", "3600"),
                ("INVITATION_TTL_SECONDS", "86401"),
            ],
        },
        Self {
            first: "AUDIT_RETENTION_DAYS",
            second: "REGISTRATION_TTL_SECONDS",
            rule: "must, where it is deployed, be at least as long as {}: a registration that can be verified would be in no record",
            holds: Some(|config| {
                !is_deployed(config) || config.audit.retention >= config.mail.registration_ttl
            }),
            contradiction: &[
                ("STAGE", "dev"),
                ("SESSION_TTL_SECONDS", "3600"),
                ("AUDIT_RETENTION_DAYS", "1"),
                ("NOTICE_TTL_SECONDS", "7200"),
                ("INVITATION_TTL_SECONDS", "3600"),
                ("REGISTRATION_TTL_SECONDS", "86401"),
            ],
        },
        Self {
            first: "AUDIT_RETENTION_DAYS",
            second: "STAGE",
            rule: "must be at least 365 where {} is `prod`: PCI DSS 10.5.1 requires a year",
            holds: Some(|config| {
                !is_prod(config) || config.audit.retention >= LEAST_RETENTION_IN_PRODUCTION
            }),
            contradiction: &[
                ("STAGE", "prod"),
                ("ISSUER", "https://a.example"),
                ("APP_BASE_URL", "https://a.example"),
                ("AUDIT_RETENTION_DAYS", "364"),
            ],
        },
        Self {
            first: "ARGON2_MEMORY_KIB",
            second: "ARGON2_ITERATIONS",
            rule: "must, where it is deployed, be at least 7168, and times {} at least 35840: cheaper hashes are soon guessed",
            holds: Some(|config| !is_deployed(config) || config.passwords.argon2.is_strong()),
            contradiction: &[
                ("STAGE", "dev"),
                ("ARGON2_MEMORY_KIB", "7168"),
                ("ARGON2_ITERATIONS", "4"),
            ],
        },
        Self {
            first: "TRUSTED_EDGE_SECRETS",
            second: "TRUSTED_EDGE",
            rule: "must hold at least one secret of 32 or more characters where {} is set",
            holds: Some(
                |config| !matches!(&config.network.trusted_edge, TrustedEdge::CloudFront(secrets) if secrets.is_empty()),
            ),
            contradiction: &[("TRUSTED_EDGE", "cloudfront")],
        },
        Self {
            first: "ISSUER",
            second: "STAGE",
            rule: "must be given, as an https URL, where {} is `prod`: what others verify tokens by is read from there",
            holds: Some(|config| !is_prod(config) || is_https(&config.tokens.issuer)),
            contradiction: &[
                ("STAGE", "prod"),
                ("APP_BASE_URL", "https://a.example"),
                ("ISSUER", "http://a.example"),
            ],
        },
        Self {
            first: "APP_BASE_URL",
            second: "STAGE",
            rule: "must be given, as an https URL, where {} is `prod`: links with secrets lead there",
            holds: Some(|config| !is_prod(config) || is_https(&config.mail.app_base_url)),
            contradiction: &[
                ("STAGE", "prod"),
                ("ISSUER", "https://a.example"),
                ("APP_BASE_URL", "http://a.example"),
            ],
        },
        Self {
            first: "RATE_LIMIT_SCALE",
            second: "STAGE",
            rule: "must not be set where {} is `prod`: it is for load tests",
            holds: Some(|config| {
                !is_prod(config) || (config.rate_limits.scale - 1.0).abs() <= f64::EPSILON
            }),
            contradiction: &[
                ("STAGE", "prod"),
                ("ISSUER", "https://a.example"),
                ("APP_BASE_URL", "https://a.example"),
                ("RATE_LIMIT_SCALE", "10"),
            ],
        },
        Self::handled(
            "ACCESS_TOKEN_TTL_SECONDS",
            "SESSION_IDLE_SECONDS",
            "is cut to half of {}: a client that refreshes when its token has expired is in time",
        ),
        Self::handled(
            "ACCESS_TOKEN_TTL_SECONDS",
            "SESSION_TTL_SECONDS",
            "is cut to what {} leaves: no token outlives its session",
        ),
        Self::handled(
            "REFRESH_GRACE_SECONDS",
            "SESSION_IDLE_SECONDS",
            "ends with {}: no retry brings a session back",
        ),
        Self::handled(
            "REFRESH_GRACE_SECONDS",
            "SESSION_TTL_SECONDS",
            "ends with {}: no retry brings a session back",
        ),
        Self::handled(
            "REFRESH_RETRY_SECONDS",
            "SESSION_IDLE_SECONDS",
            "ends with {}: no retry brings a session back",
        ),
        Self::handled(
            "REFRESH_RETRY_SECONDS",
            "SESSION_TTL_SECONDS",
            "ends with {}: no retry brings a session back",
        ),
        Self::handled(
            "VERIFICATION_TTL_SECONDS",
            "REGISTRATION_TTL_SECONDS",
            "is cut to what {} leaves: no link outlives its registration",
        ),
        Self::handled(
            "RESET_TTL_SECONDS",
            "REGISTRATION_TTL_SECONDS",
            "is cut to what {} leaves while the address is unverified: no link outlives its registration",
        ),
        Self::handled(
            "INVITATION_TTL_SECONDS",
            "REGISTRATION_TTL_SECONDS",
            "is not cut by {}: an address with both is kept until the later end",
        ),
        Self::handled(
            "AUTHORIZER_STALENESS_SECONDS",
            "ACCESS_TOKEN_TTL_SECONDS",
            "does not prolong {}: expiry is compared with the clock, however old the rest is",
        ),
        Self::handled(
            "AUTHORIZER_STALENESS_SECONDS",
            "SESSION_IDLE_SECONDS",
            "does not prolong {}: the idle limit is compared with the clock, and a refusal reads again first",
        ),
        Self::handled(
            "AUTHORIZER_STALENESS_SECONDS",
            "KEY_LEAD_SECONDS",
            "may be longer than {}: a key that is not known is read before its token is refused",
        ),
        Self::handled(
            "CORS_HEADERS",
            "CORS_ORIGINS",
            "acts only where {} names an origin",
        ),
    ];
}

fn is_deployed(config: &Config) -> bool {
    config.stage != Stage::Local
}

fn is_prod(config: &Config) -> bool {
    config.stage == Stage::Prod
}

fn is_https(url: &str) -> bool {
    url.get(.."https:".len())
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

/// Whether a session's bucket gives a refresh back within the life of an access token.
fn refreshes_in(config: &Config, life: Duration) -> bool {
    let limit = config.rate_limits.limit(Rule::Refresh);
    limit.capacity > 0 && limit.interval <= life
}
