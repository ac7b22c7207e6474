//! Moments on the command line: RFC 3339, a date, or an age.

use std::time::Duration;

use shared::domain::Timestamp;

use crate::failure::Failure;

/// The moment that `text` names at `now`.
///
/// # Errors
/// It names none.
pub fn parse(option: &str, text: &str, now: Timestamp) -> Result<Timestamp, Failure> {
    let wrong = || {
        Failure::usage(
            format!("{option} is no moment."),
            "Give RFC 3339 (2026-01-31T08:00:00Z), a date (2026-01-31, in UTC), or an age (30m, 24h, 7d).",
        )
    };
    read(text, now).ok_or_else(wrong)
}

fn read(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(age) = age(text) {
        return Some(now.minus(age));
    }
    let moment = |text: &str| text.parse::<jiff::Timestamp>().ok();
    // A date and nothing else: the form with a time must say its offset.
    let midnight = || moment(&format!("{text}T00:00:00Z")).filter(|_| text.len() == 10);
    Some(Timestamp::from_millis(
        moment(text).or_else(midnight)?.as_millisecond(),
    ))
}

fn age(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    number.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    #[test]
    fn every_form_of_a_moment_is_read() {
        let shown = |text| read(text, NOW).map(|moment| moment.to_string());
        assert_eq!(
            shown("2023-11-14T22:13:20Z").as_deref(),
            Some("2023-11-14T22:13:20.000Z")
        );
        assert_eq!(
            shown("2023-11-14T23:13:20+01:00").as_deref(),
            Some("2023-11-14T22:13:20.000Z")
        );
        assert_eq!(
            shown("2023-11-14").as_deref(),
            Some("2023-11-14T00:00:00.000Z")
        );
        assert_eq!(shown("24h").as_deref(), Some("2023-11-13T22:13:20.000Z"));
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "h",
            "-1h",
            "1w",
            "yesterday",
            "2023-11-14T22:13:20",
            "2023-13-01",
            "é",
        ] {
            assert_eq!(read(text, NOW), None, "{text}");
        }
    }
}
