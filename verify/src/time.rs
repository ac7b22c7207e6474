//! A moment, to the millisecond: stored as a number, shown as RFC 3339 in UTC.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The beginning of 1970.
    pub const EPOCH: Self = Self(0);

    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, as JWT (RFC 7519 section 2) and `DynamoDB`'s TTL count them.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This moment and `duration` more; stops at the end of time instead of wrapping.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// This moment less `duration`.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long ago `earlier` was; zero if it is still to come.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }

    /// Whether this moment is less than `bound` after `start`. Before `start` it is not: a clock that was set back says
    /// nothing about age.
    #[must_use]
    pub fn is_within(self, bound: Duration, start: Self) -> bool {
        start <= self && self < start.plus(bound)
    }

    /// Serialises in the form of [`fmt::Display`], for answers.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn rfc3339<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }

    /// [`Self::rfc3339`] for a moment that may be missing.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn rfc3339_option<S: Serializer>(
        value: &Option<Self>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(moment) => serializer.collect_str(moment),
            None => serializer.serialize_none(),
        }
    }
}

/// RFC 3339 in UTC with milliseconds and `Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX);
        write!(f, "{moment:.3}")
    }
}

/// A text that is no moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a moment of RFC 3339")]
pub struct InvalidMoment;

/// A `date-time` of RFC 3339 section 5.6, and no other form. What is finer than a millisecond is cut off.
impl FromStr for Timestamp {
    type Err = InvalidMoment;

    fn from_str(text: &str) -> Result<Self, InvalidMoment> {
        if !is_date_time(text.as_bytes()) {
            return Err(InvalidMoment);
        }
        text.parse::<jiff::Timestamp>()
            .map(|moment| Self(moment.as_millisecond()))
            .map_err(|_| InvalidMoment)
    }
}

/// Whether a text has the shape of a `date-time`: `2026-01-31T08:00:00`, a fraction or none, and an offset.
fn is_date_time(text: &[u8]) -> bool {
    let fits = |text: &[u8], shape: &[u8]| {
        text.len() == shape.len()
            && text.iter().zip(shape).all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                b'+' => matches!(byte, b'+' | b'-'),
                b'T' | b'Z' => byte.eq_ignore_ascii_case(shape),
                _ => byte == shape,
            })
    };
    let Some((moment, rest)) = text.split_at_checked(19) else {
        return false;
    };
    let offset = match rest.strip_prefix(b".") {
        Some(fraction) => {
            let digits = fraction
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if digits == 0 || digits > 9 {
                &[]
            } else {
                fraction.get(digits..).unwrap_or_default()
            }
        }
        None => rest,
    };
    fits(moment, b"0000-00-00T00:00:00") && (fits(offset, b"Z") || fits(offset, b"+00:00"))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_in_utc_with_milliseconds() {
        assert_eq!(
            Timestamp::from_millis(1_700_000_000_050).to_string(),
            "2023-11-14T22:13:20.050Z"
        );
        assert_eq!(Timestamp::EPOCH.to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn a_moment_of_rfc_3339_is_read_and_nothing_else() {
        let read = |text: &str| {
            text.parse::<Timestamp>()
                .map(|moment| moment.to_string())
                .ok()
        };
        for (text, shown) in [
            ("2023-11-14T22:13:20Z", "2023-11-14T22:13:20.000Z"),
            ("2023-11-14t22:13:20.0509z", "2023-11-14T22:13:20.050Z"),
            ("2023-11-14T23:13:20.5+01:00", "2023-11-14T22:13:20.500Z"),
            ("2023-11-14T22:13:20-00:00", "2023-11-14T22:13:20.000Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(shown), "{text}");
        }
        for text in [
            "",
            "2023-11-14",
            "2023-11-14T22:13:20",
            "2023-11-14 22:13:20Z",
            "2023-11-14T22:13Z",
            "2023-13-14T22:13:20Z",
            "2023-02-30T22:13:20Z",
            "2023-11-14T22:13:20.Z",
            "2023-11-14T22:13:20+01",
            "2023-11-14T22:13:20+01:00[Europe/Berlin]",
            "+002023-11-14T22:13:20Z",
            "1700000000000",
            "é023-11-14T22:13:20Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn arithmetic_stops_at_the_end_of_time() {
        let last = Timestamp::from_millis(i64::MAX);
        assert_eq!(last.plus(Duration::from_secs(1)), last);
        assert!(!last.to_string().is_empty());
    }
}
