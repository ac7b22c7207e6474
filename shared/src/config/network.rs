//! Who the client is, and which browsers' scripts may read answers.

use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use url::Url;

use super::Reader;
use crate::ground::random_key;

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
    /// `DASHTAM_CORS_ORIGINS`, in the form that browsers send.
    pub cors_origins: Vec<HeaderValue>,
    /// `DASHTAM_CORS_HEADERS`.
    pub cors_headers: Vec<HeaderName>,
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
        let origins = reader.list(
            "CORS_ORIGINS",
            "origins such as `https://app.example.com` or `capacitor://localhost`: a scheme and a host, perhaps a port, no path",
            "origins of browsers and web views whose scripts may read answers; compared exactly, in the form that browsers send",
            origin,
        );
        let headers = reader.list(
            "CORS_HEADERS",
            "header names such as `x-client-version`",
            "request headers that scripts of those origins may send besides `authorization`, `content-type`, `traceparent`, `tracestate` and `baggage`",
            header_name,
        );
        Self {
            trusted_edge: if cloudfront {
                TrustedEdge::CloudFront(secrets)
            } else {
                TrustedEdge::None
            },
            cors_origins: origins,
            cors_headers: headers,
            geoip_file: reader.parsed(
                "GEOIP_FILE",
                "the path of a database of cities or countries in the MaxMind format (`.mmdb`)",
                "",
                "tells the place of an address where no trusted edge does",
                |text| Some(text.to_owned()),
            ),
        }
    }
}

/// An origin as browsers send it (RFC 6454 section 6.2): in lower case, an international domain as its A-label, without the
/// scheme's own port and without a slash at its end. What is written otherwise would never be equal to what is sent, so it is
/// brought into that form, or refused where it names more or less than an origin. `null` is none.
fn origin(text: &str) -> Option<HeaderValue> {
    let url = Url::parse(text).ok()?;
    let authority = text.split_once("://")?.1;
    let is_plain = !authority.is_empty()
        && !text.contains(['@', '?', '#', '\\', '*'])
        && !text.contains(char::is_whitespace);
    let has_path = !matches!(url.path(), "" | "/");
    if !is_plain || has_path || url.scheme() == "file" {
        return None;
    }
    // The parser leaves hosts of schemes that it does not know as they are written.
    let host = url
        .host_str()
        .filter(|host| !host.is_empty())?
        .to_ascii_lowercase();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    HeaderValue::from_str(&format!("{}://{host}{port}", url.scheme())).ok()
}

/// A header's name (RFC 9110 section 5.1). `*` would also be one, and means all of them to a browser.
fn header_name(text: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(text.as_bytes())
        .ok()
        .filter(|name| !name.as_str().contains('*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_brought_into_the_form_that_browsers_send() {
        for (written, sent) in [
            ("https://app.example.com", "https://app.example.com"),
            ("https://app.example.com:443", "https://app.example.com"),
            ("http://app.example.com:80/", "http://app.example.com"),
            (
                "HTTPS://APP.Example.COM:8443/",
                "https://app.example.com:8443",
            ),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            (
                "https://b\u{fc}cher.example",
                "https://xn--bcher-kva.example",
            ),
            ("capacitor://localhost", "capacitor://localhost"),
            ("tauri://localhost/", "tauri://localhost"),
            ("Ionic://LocalHost:8080", "ionic://localhost:8080"),
            (
                "chrome-extension://abcdefghijklmnop",
                "chrome-extension://abcdefghijklmnop",
            ),
        ] {
            assert_eq!(
                origin(written)
                    .as_ref()
                    .and_then(|origin| origin.to_str().ok()),
                Some(sent),
                "{written}"
            );
        }
    }

    #[test]
    fn what_no_browser_sends_as_an_origin_is_refused() {
        for wrong in [
            "null",
            "*",
            "https://*.example.com",
            "app.example.com",
            "//app.example.com",
            "https://",
            "https:app.example.com",
            "capacitor://",
            "https://app.example.com/path",
            "https://app.example.com/?query",
            "https://app.example.com#part",
            "https://user@app.example.com",
            "https://app.example.com:99999",
            "https://app example.com",
            "https:\\\\app.example.com",
            "file:///index.html",
            "file://host",
            "data:text/html,x",
            "mailto:ada@example.com",
        ] {
            assert_eq!(origin(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_header_that_scripts_may_send_is_a_name_and_no_wildcard() {
        assert_eq!(
            header_name("X-Client-Version"),
            Some(HeaderName::from_static("x-client-version"))
        );
        for wrong in ["*", "x-*", "x client", "x:y", "x\r\ny", "\u{e9}"] {
            assert_eq!(header_name(wrong), None, "{wrong}");
        }
    }
}
