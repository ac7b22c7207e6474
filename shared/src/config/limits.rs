//! The token buckets: how many calls at once, and how fast they come back.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Reader;
use crate::routes::Rule;

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// Calls that a full bucket admits at once; 0 admits none.
    pub capacity: u64,
    /// The time in which one call comes back.
    pub interval: Duration,
}

/// All buckets, scaled.
#[derive(Debug, Clone)]
pub struct RateLimits {
    limits: BTreeMap<Rule, Limit>,
    /// `DASHTAM_RATE_LIMIT_SCALE`; also scales the gateway's throttling in the local run.
    pub scale: f64,
}

impl RateLimits {
    /// The longest interval: a bucket with refill 0 comes back after this, which is never.
    const NEVER: Duration = Duration::from_secs(10 * 365 * 86_400);

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let factor = |text: &str| {
            text.parse()
                .ok()
                .filter(|f: &f64| f.is_finite() && *f > 0.0 && *f <= 1e6)
        };
        let scale = reader
            .parsed(
                "RATE_LIMIT_SCALE",
                "a number above 0, at most 1000000",
                "1",
                "factor on every limit, for load tests; refused where the stage is `prod`",
                factor,
            )
            .unwrap_or(1.0);
        let limits = Rule::ALL.into_iter().filter_map(|rule| {
            let name = format!("RATE_LIMIT_{}", rule.name().to_uppercase().replace('-', "_"));
            let values = "`<capacity>/<refill per minute>`, for example `20/5` or `3/0.1`; capacity 0 admits none";
            let limit = reader.parsed(&name, values, rule.default(), rule.meaning(), |text| parse(text, scale))?;
            Some((rule, limit))
        });
        Self {
            limits: limits.collect(),
            scale,
        }
    }

    /// The bucket of `rule`; one that was not read admits nothing.
    #[must_use]
    pub fn limit(&self, rule: Rule) -> Limit {
        self.limits.get(&rule).copied().unwrap_or(Limit {
            capacity: 0,
            interval: Self::NEVER,
        })
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "both factors are checked to be small and positive"
)]
fn parse(text: &str, scale: f64) -> Option<Limit> {
    let (capacity, refill) = text.split_once('/')?;
    let capacity: u32 = capacity.trim().parse().ok().filter(|c| *c <= 1_000_000)?;
    let refill: f64 = refill
        .trim()
        .parse()
        .ok()
        .filter(|r: &f64| (0.0..=1e6).contains(r))?;
    let capacity = if capacity == 0 {
        0
    } else {
        ((f64::from(capacity) * scale).round() as u64).max(1)
    };
    let seconds = 60.0 / (refill * scale);
    let never = RateLimits::NEVER;
    // Whole microseconds, rounded up: a token never comes back earlier than the rate allows.
    let micros = (seconds * 1e6).ceil();
    let interval = if micros.is_finite() && micros < never.as_micros() as f64 {
        Duration::from_micros(micros as u64)
    } else {
        never
    };
    Some(Limit { capacity, interval })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_reads_as_capacity_and_refill_per_minute() {
        assert_eq!(
            parse("20/5", 1.0),
            Some(Limit {
                capacity: 20,
                interval: Duration::from_secs(12)
            })
        );
        assert_eq!(
            parse("3/0.1", 1.0),
            Some(Limit {
                capacity: 3,
                interval: Duration::from_secs(600)
            })
        );
    }

    #[test]
    fn a_scale_multiplies_capacity_and_refill() {
        assert_eq!(
            parse("20/5", 10.0),
            Some(Limit {
                capacity: 200,
                interval: Duration::from_millis(1_200)
            })
        );
        assert_eq!(parse("1/1", 0.001).map(|limit| limit.capacity), Some(1));
    }

    #[test]
    fn capacity_zero_admits_none_whatever_the_scale() {
        assert_eq!(parse("0/5", 1000.0).map(|limit| limit.capacity), Some(0));
    }

    #[test]
    fn a_refill_of_zero_never_comes_back() {
        assert_eq!(
            parse("5/0", 1.0).map(|limit| limit.interval),
            Some(RateLimits::NEVER)
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "5",
            "5/",
            "/5",
            "-1/5",
            "5/-1",
            "5/nan",
            "1.5/5",
            "5/5/5",
            "99999999999/1",
        ] {
            assert_eq!(parse(text, 1.0), None, "{text}");
        }
    }
}
