//! When a secret is rotated: the rules that a request gives, and what became of them.
//!
//! A rotation is due when the interval is over. AWS picks a moment in a window around that date and takes
//! `cron(…)` as well, which is refused here instead of being recorded and never followed. An interval may be
//! minutes long, so that one can watch a rotation come.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The `RotationRules` of a request, which are also those of `AWS::SecretsManager::RotationSchedule`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RotationRules {
    /// Days between two rotations, 1 to 1,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automatically_after_days: Option<u32>,
    /// The length of AWS's window, such as `3h`; recorded and shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// The time between two rotations, as `rate(<number> <minutes, hours or days>)`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_expression: Option<String>,
}

/// Rules that cannot be followed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ScheduleError {
    /// Days and an expression together.
    #[error("You can specify AutomaticallyAfterDays or ScheduleExpression, but not both.")]
    Both,
    /// Days out of range.
    #[error("AutomaticallyAfterDays must be 1 to 1000.")]
    Days,
    /// An expression of another form.
    #[error("ScheduleExpression must be rate(N minutes), rate(N hours) or rate(N days).")]
    Expression,
}

impl RotationRules {
    /// The time between two rotations; `None` for a secret that is rotated on request alone.
    ///
    /// # Errors
    /// [`ScheduleError`] for rules that say it twice, or not in a form that is followed here.
    pub fn interval(&self) -> Result<Option<Duration>, ScheduleError> {
        match (
            self.automatically_after_days,
            self.schedule_expression.as_deref(),
        ) {
            (Some(_), Some(_)) => Err(ScheduleError::Both),
            (Some(days @ 1..=1_000), None) => Ok(Some(Duration::from_secs(u64::from(days) * DAY))),
            (Some(_), None) => Err(ScheduleError::Days),
            (None, Some(expression)) => rate(expression).map(Some).ok_or(ScheduleError::Expression),
            (None, None) => Ok(None),
        }
    }
}

/// The interval that `rate(<number> <unit>)` names.
fn rate(expression: &str) -> Option<Duration> {
    let (number, unit) = expression
        .strip_prefix("rate(")?
        .strip_suffix(')')?
        .split_once(' ')?;
    let unit = match unit {
        "minute" | "minutes" => MINUTE,
        "hour" | "hours" => HOUR,
        "day" | "days" => DAY,
        _ => return None,
    };
    let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
    Some(Duration::from_secs(u64::from(number) * unit))
}

/// How a secret is rotated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rotation {
    pub(super) lambda_arn: String,
    pub(super) rules: Option<RotationRules>,
    /// What the interval counts from: when the rotation was asked for, begun by its schedule, or finished last.
    pub(super) since: Option<Timestamp>,
    /// When the last rotation finished.
    pub(super) rotated: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(expression: &str) -> Result<Option<Duration>, ScheduleError> {
        RotationRules {
            schedule_expression: Some(expression.to_owned()),
            ..RotationRules::default()
        }
        .interval()
    }

    #[test]
    fn a_rate_is_a_number_of_minutes_hours_or_days() {
        for (expression, seconds) in [
            ("rate(1 day)", 86_400),
            ("rate(30 days)", 2_592_000),
            ("rate(12 hours)", 43_200),
            ("rate(2 minutes)", 120),
        ] {
            assert_eq!(
                interval(expression),
                Ok(Some(Duration::from_secs(seconds))),
                "{expression}"
            );
        }
    }

    #[test]
    fn an_expression_that_would_not_be_followed_is_refused() {
        for expression in [
            "",
            "rate()",
            "rate(0 days)",
            "rate(-1 days)",
            "rate(1 week)",
            "rate(1 days",
            "30 days",
            "rate(99999999999 days)",
            "cron(0 8 1 * ? *)",
        ] {
            assert_eq!(
                interval(expression),
                Err(ScheduleError::Expression),
                "{expression}"
            );
        }
    }

    #[test]
    fn days_are_1_to_1000_and_stand_alone() {
        let days = |days| RotationRules {
            automatically_after_days: Some(days),
            ..RotationRules::default()
        };
        assert_eq!(
            days(30).interval(),
            Ok(Some(Duration::from_secs(2_592_000)))
        );
        for wrong in [0, 1_001] {
            assert_eq!(days(wrong).interval(), Err(ScheduleError::Days), "{wrong}");
        }
        let both = RotationRules {
            schedule_expression: Some("rate(1 day)".to_owned()),
            ..days(30)
        };
        assert_eq!(both.interval(), Err(ScheduleError::Both));
    }

    #[test]
    fn rules_without_an_interval_mean_rotation_on_request() {
        let rules = RotationRules {
            duration: Some("3h".to_owned()),
            ..RotationRules::default()
        };
        assert_eq!(rules.interval(), Ok(None));
    }
}
