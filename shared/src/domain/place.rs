//! Where a client's address probably is: for a session's owner to recognise, never to decide by.
//!
//! Two sources know it. The edge adds viewer headers ([`Place::from_viewer_headers`]; the caller
//! makes sure that the edge may be trusted, a client can send the same headers). Elsewhere a
//! database file in the `MaxMind` format does ([`GeoIp`]). Where neither knows, there is no place.
//!
//! Both give the country as its ISO 3166-1 code, and city and region as English names.

use std::net::IpAddr;
use std::path::Path;

use http::{HeaderMap, HeaderValue};
use icu_normalizer::ComposingNormalizer;
use maxminddb::{MaxMindDbError, Reader, geoip2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::email::is_invisible;

/// Longest name of a city or region, in bytes: two of them keep a session below one write unit.
const MAX_BYTES: usize = 64;

/// A place, as far as it is known. Something always is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The city's name.
    #[serde(default)]
    #[schemars(example = &"Zurich")]
    pub city: Option<String>,
    /// The name of the state, province or land.
    #[serde(default)]
    #[schemars(example = &"Zurich")]
    pub region: Option<String>,
    /// The country's two letters, ISO 3166-1.
    #[serde(default)]
    #[schemars(example = &"CH")]
    pub country: Option<String>,
}

impl Place {
    /// The place that `CloudFront`'s viewer headers tell, if they tell any.
    #[must_use]
    pub fn from_viewer_headers(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).map(header_text);
        Self::known(
            text("cloudfront-viewer-city").as_deref(),
            text("cloudfront-viewer-country-region-name").as_deref(),
            text("cloudfront-viewer-country").as_deref(),
        )
    }

    fn known(city: Option<&str>, region: Option<&str>, country: Option<&str>) -> Option<Self> {
        let place = Self {
            city: city.and_then(shown),
            region: region.and_then(shown),
            country: country.and_then(country_code),
        };
        (place != Self { city: None, region: None, country: None }).then_some(place)
    }
}

/// A database of places, read into memory as a whole.
pub struct GeoIp {
    reader: Reader<Vec<u8>>,
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoIpError {
    /// The file cannot be read, or is no `MaxMind` database.
    #[error("the GeoIP database cannot be read")]
    Unreadable(#[source] MaxMindDbError),
    /// The database holds something other than places.
    #[error("the GeoIP database must be of a City or Country type")]
    WrongType,
}

impl GeoIp {
    /// Opens a City, Country or Enterprise database.
    ///
    /// # Errors
    ///
    /// See [`GeoIpError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, GeoIpError> {
        let reader = Reader::open_readfile(path).map_err(GeoIpError::Unreadable)?;
        let kind = &reader.metadata().database_type;
        if ["City", "Country", "Enterprise"].iter().any(|known| kind.contains(known)) {
            Ok(Self { reader })
        } else {
            Err(GeoIpError::WrongType)
        }
    }

    /// The place of an address; `None` for one that the database does not know, and for an entry
    /// that cannot be read: a place is never worth a failed request.
    #[must_use]
    pub fn lookup(&self, address: IpAddr) -> Option<Place> {
        let found = self.reader.lookup(address.to_canonical()).ok()?;
        let entry: geoip2::City<'_> = found.decode().ok()??;
        let region = entry.subdivisions.first().and_then(|division| division.names.english);
        Place::known(entry.city.names.english, region, entry.country.iso_code)
    }
}

/// A header's value as text: UTF-8 or, failing that, Latin-1, with percent escapes undone, because
/// header bytes beyond ASCII have no agreed meaning (RFC 9110 section 5.5).
fn header_text(value: &HeaderValue) -> String {
    let bytes = unescaped(value.as_bytes());
    String::from_utf8(bytes).unwrap_or_else(|error| error.as_bytes().iter().copied().map(char::from).collect())
}

/// Undoes `%XX`; an incomplete escape stays as it is.
fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        let escape = match rest {
            [b'%', high, low, ..] => hex(*high).zip(hex(*low)),
            _ => None,
        };
        if let Some((high, low)) = escape {
            plain.push(high << 4 | low);
            rest = rest.get(3..).unwrap_or_default();
        } else {
            plain.push(*first);
            rest = after;
        }
    }
    plain
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A name without control and invisible characters, cut at the limit; `None` if nothing is left.
fn shown(name: &str) -> Option<String> {
    let kept = |c: &char| !(c.is_control() || is_invisible(*c) || matches!(c, '\u{2028}' | '\u{2029}'));
    let name: String = name.chars().filter(kept).collect();
    let name = ComposingNormalizer::new_nfc().normalize(name.trim());
    let name = name.get(..name.floor_char_boundary(MAX_BYTES)).unwrap_or_default();
    (!name.is_empty()).then(|| name.to_owned())
}

fn country_code(code: &str) -> Option<String> {
    let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_code.then(|| code.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_headers(city: &[u8], region: &[u8], country: &[u8]) -> Option<Place> {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("CloudFront-Viewer-City", city),
            ("CloudFront-Viewer-Country-Region-Name", region),
            ("CloudFront-Viewer-Country", country),
        ] {
            if !value.is_empty() {
                let name: http::HeaderName = name.parse().unwrap();
                headers.insert(name, HeaderValue::from_bytes(value).unwrap());
            }
        }
        Place::from_viewer_headers(&headers)
    }

    #[expect(clippy::unnecessary_wraps, reason = "compared with what may be none")]
    fn place(city: Option<&str>, region: Option<&str>, country: Option<&str>) -> Option<Place> {
        let own = |text: Option<&str>| text.map(str::to_owned);
        Some(Place { city: own(city), region: own(region), country: own(country) })
    }

    fn documentation() -> GeoIp {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/documentation-ranges.mmdb");
        GeoIp::open(file).unwrap()
    }

    #[test]
    fn the_viewer_headers_tell_the_place() {
        let seattle = place(Some("Seattle"), Some("Washington"), Some("US"));
        assert_eq!(of_headers(b"Seattle", b"Washington", b"US"), seattle);
        assert_eq!(of_headers(b"", b"", b"de"), place(None, None, Some("DE")));
    }

    #[test]
    fn without_headers_there_is_no_place() {
        assert_eq!(of_headers(b"", b"", b""), None);
        assert_eq!(of_headers(b"  ", b"\t", b"?"), None);
    }

    #[test]
    fn every_encoding_of_a_city_is_read() {
        let zurich = place(Some("Zürich"), None, Some("CH"));
        for bytes in [&b"Z\xC3\xBCrich"[..], b"Z\xFCrich", b"Z%C3%BCrich", b"Z%fcrich", b"Zu%CC%88rich"] {
            assert_eq!(of_headers(bytes, b"", b"CH"), zurich, "{bytes:?}");
        }
        assert_eq!(of_headers(b"100% %4 %zz", b"", b""), place(Some("100% %4 %zz"), None, None));
    }

    #[test]
    fn a_name_is_bounded_and_on_one_line() {
        let city = of_headers(&[b'x'; 5_000], b"", b"").unwrap().city.unwrap();
        assert_eq!(city.len(), MAX_BYTES);
        assert_eq!(of_headers(b"a%0D%0Ab%00%E2%80%AEc", b"", b""), place(Some("abc"), None, None));
    }

    #[test]
    fn a_country_is_two_letters() {
        for country in [&b"USA"[..], b"U", b"1A", b"%55", b"\xC3\xBC"] {
            assert_eq!(of_headers(b"", b"", country), None);
        }
    }

    #[test]
    fn the_wire_form_names_what_is_not_known() {
        let json = serde_json::to_value(place(None, None, Some("NZ"))).unwrap();
        assert_eq!(json, serde_json::json!({"city": null, "region": null, "country": "NZ"}));
        assert_eq!(
            serde_json::from_str::<Option<Place>>(r#"{"country":"NZ"}"#).unwrap(),
            place(None, None, Some("NZ"))
        );
    }

    #[test]
    fn the_database_tells_the_place_of_an_address() {
        let database = documentation();
        let lookup = |address: &str| database.lookup(address.parse().unwrap());
        let zurich = place(Some("Zurich"), Some("Zurich"), Some("CH"));
        assert_eq!(lookup("192.0.2.7"), zurich);
        assert_eq!(lookup("::ffff:192.0.2.7"), zurich);
        assert_eq!(lookup("198.51.100.1"), place(None, None, Some("NZ")));
        assert_eq!(lookup("2001:db8::1"), place(Some("São Paulo"), Some("São Paulo"), Some("BR")));
    }

    #[test]
    fn an_address_that_no_database_knows_has_no_place() {
        let database = documentation();
        for address in ["127.0.0.1", "10.0.0.1", "::1", "203.0.113.9", "8.8.8.8", "2001:db9::1"] {
            assert_eq!(database.lookup(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn what_is_no_database_is_refused() {
        let missing = GeoIp::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/missing.mmdb"));
        assert!(matches!(missing, Err(GeoIpError::Unreadable(_))));
        let text = GeoIp::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        assert!(matches!(text, Err(GeoIpError::Unreadable(_))));
        let asn = GeoIp::open(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/documentation-networks.mmdb"));
        assert!(matches!(asn, Err(GeoIpError::WrongType)));
    }

    proptest! {
        #[test]
        fn any_header_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let mut headers = HeaderMap::new();
                headers.insert("cloudfront-viewer-city", value);
                if let Some(city) = Place::from_viewer_headers(&headers).and_then(|place| place.city) {
                    prop_assert!(city.len() <= MAX_BYTES);
                    prop_assert!(!city.chars().any(char::is_control));
                }
            }
        }
    }
}
