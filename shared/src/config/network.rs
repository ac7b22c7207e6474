//! Who the client is, and which browsers' scripts may read answers.

use http::HeaderValue;
use secrecy::SecretString;

use super::Reader;
use crate::random_key;

/// What stands in front of the gateway and may be believed.
#[derive(Debug, Clone)]
pub enum TrustedEdge {
    /// Nothing: the client is who the gateway saw.
    None,
    /// `CloudFront`: address and place come from its viewer headers, and a request that does not carry
    /// one of these secrets did not come through it.
    CloudFront(Vec<SecretString>),
}

/// Settings of the network side.
#[derive(Debug, Clone)]
pub struct NetworkConfig {
    /// `DASHTAM_TRUSTED_EDGE` and `DASHTAM_TRUSTED_EDGE_SECRETS`.
    pub trusted_edge: TrustedEdge,
    /// `DASHTAM_CORS_ORIGINS`.
    pub cors_origins: Vec<HeaderValue>,
    /// `DASHTAM_GEOIP_FILE`.
    pub geoip_file: Option<String>,
}

impl NetworkConfig {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let cloudfront = reader.choice(
            "TRUSTED_EDGE",
            ("none", false),
            &[("cloudfront", true)],
            "whose viewer headers tell address and place",
        );
        let secrets = reader.secrets(
            "TRUSTED_EDGE_SECRETS",
            &format!("keys: each {}", random_key::FORM),
            "what the edge sends in `X-Dashtam-Edge-Secret`; two while one is replaced by the other",
            |text| random_key::is_random(text).then(|| SecretString::from(text)),
        );
        let origins = "origins such as `https://app.example.com`";
        Self {
            trusted_edge: if cloudfront { TrustedEdge::CloudFront(secrets) } else { TrustedEdge::None },
            cors_origins: reader.list(
                "CORS_ORIGINS",
                origins,
                "browser origins that may read answers; compared exactly",
                origin,
            ),
            geoip_file: reader.parsed(
                "GEOIP_FILE",
                "path of a database of cities or countries in the MaxMind format (`.mmdb`)",
                "",
                "tells the place of an address where no trusted edge does",
                |text| Some(text.to_owned()),
            ),
        }
    }
}

/// Scheme and authority only (RFC 6454 section 6.2); `null` is none.
fn origin(text: &str) -> Option<HeaderValue> {
    let base = super::tokens::base_url(text)?;
    let uri: http::Uri = base.parse().ok()?;
    let without_path = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
    (without_path == text).then(|| HeaderValue::from_str(text).ok()).flatten()
}
