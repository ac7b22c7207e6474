//! Where a client's address probably is: for a session's owner to recognise, never to decide by.
//!
//! Two sources know it. The edge adds viewer headers ([`Place::from_viewer_headers`]; the caller
//! makes sure that the edge may be trusted, a client can send the same headers). Elsewhere a
//! database file in the `MaxMind` format does ([`GeoIp`]). Where neither knows, there is no place.
//!
//! Both give the country as its ISO 3166-1 code, and city and region as English names. Database files come in two shapes:
//! `MaxMind`'s, where a country and a city are separate records with names in several languages, and flat ones (the
//! packages of `ip-location-db`, `IPinfo`), where they are texts beside each other. Which one a file has is seen in its entries
//! and not in its type, which is a free text ("city ipv4").

use std::net::IpAddr;
use std::path::Path;

use http::{HeaderMap, HeaderValue};
use icu_normalizer::ComposingNormalizer;
use maxminddb::{MaxMindDbError, Reader};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::email::is_invisible;

/// Longest name of a city or region, in bytes: two of them keep a session below one write unit.
const MAX_BYTES: usize = 64;
/// So many entries of a database are read to find a place in it. Those without one are few and not together.
const MAX_SAMPLES: usize = 1_000;
/// A database of this age gives wrong places for many addresses: networks are sold and moved.
const MAX_AGE_DAYS: u64 = 365;

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
        (place
            != Self {
                city: None,
                region: None,
                country: None,
            })
        .then_some(place)
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
    #[error(
        "the GeoIP database is of the type {0:?}, and its entries hold no country and no city that could be read"
    )]
    WrongType(String),
}

/// An entry of a database, in either shape.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    #[serde(borrow)]
    city: Option<Named<'a>>,
    #[serde(borrow)]
    subdivisions: Vec<Named<'a>>,
    /// The name of the subdivision in files of `ip-location-db`.
    state1: Option<&'a str>,
    /// The same in files of `IPinfo`.
    #[serde(borrow)]
    region: Option<Named<'a>>,
    /// A record, a code (`IPinfo`'s larger files) or a name (`IPinfo` Lite, which has `country_code` as well).
    #[serde(borrow)]
    country: Option<Named<'a>>,
    country_code: Option<&'a str>,
}

/// Something with a name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Named<'a> {
    Text(&'a str),
    Record {
        iso_code: Option<&'a str>,
        #[serde(borrow, default)]
        names: Names<'a>,
    },
}

#[derive(Debug, Default, Deserialize)]
struct Names<'a> {
    #[serde(default)]
    en: Option<&'a str>,
}

impl<'a> Named<'a> {
    const fn name(&self) -> Option<&'a str> {
        match self {
            Self::Text(name) => Some(name),
            Self::Record { names, .. } => names.en,
        }
    }

    const fn code(&self) -> Option<&'a str> {
        match self {
            Self::Text(code) => Some(code),
            Self::Record { iso_code, .. } => *iso_code,
        }
    }
}

impl Entry<'_> {
    fn place(&self) -> Option<Place> {
        let region = self
            .subdivisions
            .first()
            .and_then(Named::name)
            .or(self.state1);
        Place::known(
            self.city.as_ref().and_then(Named::name),
            region.or_else(|| self.region.as_ref().and_then(Named::name)),
            self.country_code
                .or_else(|| self.country.as_ref().and_then(Named::code)),
        )
    }
}

impl GeoIp {
    /// Opens a database of cities or countries.
    ///
    /// # Errors
    ///
    /// See [`GeoIpError`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, GeoIpError> {
        let reader = Reader::open_readfile(path).map_err(GeoIpError::Unreadable)?;
        let entries = reader
            .networks(maxminddb::WithinOptions::default())
            .map_err(GeoIpError::Unreadable)?;
        let mut sample = entries
            .take(MAX_SAMPLES)
            .filter_map(|found| found.ok()?.decode::<Entry<'_>>().ok()?);
        if sample.any(|entry| entry.place().is_some()) {
            return Ok(Self { reader });
        }
        Err(GeoIpError::WrongType(
            reader.metadata().database_type.clone(),
        ))
    }

    /// How many days ago the database was made, if it is too old to be relied on.
    #[must_use]
    pub fn outdated_days(&self, now: Timestamp) -> Option<u64> {
        let now = u64::try_from(now.as_millis() / 1_000).unwrap_or_default();
        let days = now.saturating_sub(self.reader.metadata().build_epoch) / 86_400;
        (days > MAX_AGE_DAYS).then_some(days)
    }

    /// The place of an address; `None` for one that the database does not know, and for an entry
    /// that cannot be read: a place is never worth a failed request.
    #[must_use]
    pub fn lookup(&self, address: IpAddr) -> Option<Place> {
        let found = self.reader.lookup(address.to_canonical()).ok()?;
        found.decode::<Entry<'_>>().ok()??.place()
    }
}

/// A header's value as text: UTF-8 or, failing that, Latin-1, with percent escapes undone, because
/// header bytes beyond ASCII have no agreed meaning (RFC 9110 section 5.5).
fn header_text(value: &HeaderValue) -> String {
    let bytes = unescaped(value.as_bytes());
    String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().copied().map(char::from).collect())
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
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// A name without control and invisible characters, cut at the limit; `None` if nothing is left.
fn shown(name: &str) -> Option<String> {
    let kept =
        |c: &char| !(c.is_control() || is_invisible(*c) || matches!(c, '\u{2028}' | '\u{2029}'));
    let name: String = name.chars().filter(kept).collect();
    let name = ComposingNormalizer::new_nfc().normalize(name.trim());
    let name = name
        .get(..name.floor_char_boundary(MAX_BYTES))
        .unwrap_or_default();
    (!name.is_empty()).then(|| name.to_owned())
}

fn country_code(code: &str) -> Option<String> {
    // `ZZ` is no country but the mark of databases for "unknown".
    let is_code =
        code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphabetic()) && code != "ZZ";
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
        Some(Place {
            city: own(city),
            region: own(region),
            country: own(country),
        })
    }

    fn open(name: &str) -> Result<GeoIp, GeoIpError> {
        GeoIp::open(format!(
            "{}/tests/data/{name}.mmdb",
            env!("CARGO_MANIFEST_DIR")
        ))
    }

    fn documentation() -> GeoIp {
        open("documentation-ranges").unwrap()
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
        for bytes in [
            &b"Z\xC3\xBCrich"[..],
            b"Z\xFCrich",
            b"Z%C3%BCrich",
            b"Z%fcrich",
            b"Zu%CC%88rich",
        ] {
            assert_eq!(of_headers(bytes, b"", b"CH"), zurich, "{bytes:?}");
        }
        assert_eq!(
            of_headers(b"100% %4 %zz", b"", b""),
            place(Some("100% %4 %zz"), None, None)
        );
    }

    #[test]
    fn a_name_is_bounded_and_on_one_line() {
        let city = of_headers(&[b'x'; 5_000], b"", b"").unwrap().city.unwrap();
        assert_eq!(city.len(), MAX_BYTES);
        assert_eq!(
            of_headers(b"a%0D%0Ab%00%E2%80%AEc", b"", b""),
            place(Some("abc"), None, None)
        );
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
        assert_eq!(
            json,
            serde_json::json!({"city": null, "region": null, "country": "NZ"})
        );
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
        assert_eq!(
            lookup("2001:db8::1"),
            place(Some("São Paulo"), Some("São Paulo"), Some("BR"))
        );
    }

    #[test]
    fn an_address_that_no_database_knows_has_no_place() {
        let database = documentation();
        for address in [
            "127.0.0.1",
            "10.0.0.1",
            "::1",
            "203.0.113.9",
            "8.8.8.8",
            "2001:db9::1",
        ] {
            assert_eq!(database.lookup(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn what_is_no_database_is_refused() {
        let missing = GeoIp::open(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/data/missing.mmdb"
        ));
        assert!(matches!(missing, Err(GeoIpError::Unreadable(_))));
        let text = GeoIp::open(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
        assert!(matches!(text, Err(GeoIpError::Unreadable(_))));
        let networks = open("documentation-networks").map(|_| ()).unwrap_err();
        assert!(
            networks.to_string().contains("\"Documentation-ASN\""),
            "{networks}"
        );
    }

    #[test]
    fn a_flat_database_of_cities_tells_the_place() {
        let database = open("flat-city").unwrap();
        let lookup = |address: &str| database.lookup(address.parse().unwrap());
        assert_eq!(
            lookup("192.0.2.7"),
            place(Some("Zurich"), Some("Zurich"), Some("CH"))
        );
        assert_eq!(lookup("198.51.100.1"), place(None, None, Some("NZ")));
        assert_eq!(lookup("203.0.113.9"), None);
        // The file holds IPv4 addresses alone.
        assert_eq!(lookup("2001:db8::1"), None);
    }

    #[test]
    fn a_flat_database_with_names_of_countries_tells_the_country() {
        let database = open("flat-country").unwrap();
        let lookup = |address: &str| database.lookup(address.parse().unwrap());
        assert_eq!(lookup("192.0.2.7"), place(None, None, Some("CH")));
        assert_eq!(
            lookup("2001:db8::1"),
            place(None, Some("São Paulo"), Some("BR"))
        );
    }

    #[test]
    fn a_database_is_outdated_after_a_year() {
        let database = documentation();
        let built = i64::try_from(database.reader.metadata().build_epoch).unwrap() * 1_000;
        let after =
            |days: i64| database.outdated_days(Timestamp::from_millis(built + days * 86_400_000));
        assert_eq!((after(-1), after(365), after(366)), (None, None, Some(366)));
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
