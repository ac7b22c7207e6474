//! Tries of one kind of token, and what they say.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::drill::RAISE;
use crate::drill::timeline::{Call, Timeline};

/// How a try was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The token was good.
    Accepted,
    /// It was not.
    Refused,
    /// A limit was met, so nothing was said of the token.
    Limited,
    /// The service failed.
    Failed,
}

/// One try.
#[derive(Debug, Clone, Copy)]
pub struct Try {
    /// When it was sent.
    pub sent: Instant,
    /// When it was answered.
    pub answered: Instant,
    /// How.
    pub verdict: Verdict,
}

/// All tries of one kind of token.
#[derive(Debug)]
pub struct Probe {
    /// What was shown.
    pub kind: &'static str,
    /// What was to end it.
    pub call: Call,
    /// How many tries there had to be after that.
    pub wanted: u32,
    /// The tries.
    pub tries: Vec<Try>,
}

impl Probe {
    /// What the tries say.
    #[must_use]
    pub fn measure(&self, timeline: &Timeline) -> Measured {
        Measured::of(self, timeline.answered(self.call))
    }
}

/// What the tries of one kind of token say. Times are milliseconds from the answer of the call that ends it; less than
/// zero is before that answer came.
#[derive(Debug, Clone, Serialize)]
pub struct Measured {
    /// What was shown.
    pub kind: &'static str,
    /// What was to end it.
    pub ended_by: &'static str,
    /// Tries that were accepted before.
    pub accepted_before: usize,
    /// When the first refusal was answered.
    pub first_refusal_ms: Option<f64>,
    /// When the last accepted try was sent.
    pub last_acceptance_ms: Option<f64>,
    /// When the last refusal was answered.
    pub last_refusal_ms: Option<f64>,
    /// Tries sent after the answer.
    pub tries_after: usize,
    /// How many there had to be.
    pub wanted_after: u32,
    /// Tries sent after the answer and accepted.
    pub stale: usize,
    /// Tries that met a limit.
    pub limited: usize,
    /// Tries that the service failed.
    pub failed: usize,
}

impl Measured {
    /// What the tries of `probe` say about a call that was answered at `moment`.
    #[must_use]
    pub fn of(probe: &Probe, moment: Option<Instant>) -> Self {
        let of = |verdict: Verdict| probe.tries.iter().filter(move |one| one.verdict == verdict);
        let is_after = |sent: Instant| moment.is_some_and(|moment| moment <= sent);
        let offset = |at: Instant| {
            moment.map(|moment| {
                millis(at.saturating_duration_since(moment))
                    - millis(moment.saturating_duration_since(at))
            })
        };
        Self {
            kind: probe.kind,
            ended_by: probe.call.name(),
            accepted_before: of(Verdict::Accepted)
                .filter(|one| !is_after(one.sent))
                .count(),
            first_refusal_ms: of(Verdict::Refused)
                .map(|one| one.answered)
                .min()
                .and_then(offset),
            last_acceptance_ms: of(Verdict::Accepted)
                .map(|one| one.sent)
                .max()
                .and_then(offset),
            last_refusal_ms: of(Verdict::Refused)
                .map(|one| one.answered)
                .max()
                .and_then(offset),
            tries_after: probe.tries.iter().filter(|one| is_after(one.sent)).count(),
            wanted_after: probe.wanted,
            stale: of(Verdict::Accepted)
                .filter(|one| is_after(one.sent))
                .count(),
            limited: of(Verdict::Limited).count(),
            failed: of(Verdict::Failed).count(),
        }
    }

    /// What is not as it must be.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let enough =
            usize::try_from(self.wanted_after).is_ok_and(|wanted| wanted <= self.tries_after);
        let faults = [
            (
                self.stale > 0,
                format!("{}: {} stale acceptances", self.kind, self.stale),
            ),
            (
                !enough,
                format!(
                    "{}: {} tries instead of {}",
                    self.kind, self.tries_after, self.wanted_after
                ),
            ),
            (
                self.limited > 0,
                format!(
                    "{}: {} tries were answered 429. {RAISE}",
                    self.kind, self.limited
                ),
            ),
            (
                self.failed > 0,
                format!(
                    "{}: {} tries got a 5xx or no answer",
                    self.kind, self.failed
                ),
            ),
        ];
        faults
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, text)| text)
            .collect()
    }
}

/// Milliseconds, with their fractions.
#[must_use]
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tries at milliseconds from the answer.
    fn probe(tries: &[(i64, Verdict)]) -> (Probe, Option<Instant>) {
        let moment = Instant::now() + Duration::from_secs(3_600);
        let at = |offset: i64| {
            let distance = Duration::from_millis(offset.unsigned_abs());
            if offset < 0 {
                moment.checked_sub(distance).unwrap()
            } else {
                moment + distance
            }
        };
        let tries = tries.iter().map(|(offset, verdict)| Try {
            sent: at(*offset),
            answered: at(offset + 2),
            verdict: *verdict,
        });
        (
            Probe {
                kind: "k",
                call: Call::Keys,
                wanted: 2,
                tries: tries.collect(),
            },
            Some(moment),
        )
    }

    #[test]
    fn what_was_sent_before_the_answer_is_never_stale() {
        let (probe, moment) = probe(&[
            (-5, Verdict::Accepted),
            (-1, Verdict::Accepted),
            (0, Verdict::Refused),
            (3, Verdict::Refused),
        ]);
        let measured = Measured::of(&probe, moment);
        assert_eq!(
            (
                measured.accepted_before,
                measured.stale,
                measured.tries_after
            ),
            (2, 0, 2)
        );
        assert_eq!(
            (measured.first_refusal_ms, measured.last_acceptance_ms),
            (Some(2.0), Some(-1.0))
        );
        assert!(measured.faults().is_empty());
    }

    #[test]
    fn one_stale_acceptance_is_a_fault() {
        let (probe, moment) = probe(&[(0, Verdict::Refused), (1, Verdict::Accepted)]);
        let measured = Measured::of(&probe, moment);
        assert_eq!(measured.stale, 1);
        assert_eq!(measured.faults().len(), 1);
    }

    #[test]
    fn what_was_not_judged_or_not_tried_often_enough_is_a_fault() {
        let (few, moment) = probe(&[(1, Verdict::Refused)]);
        assert_eq!(Measured::of(&few, moment).faults().len(), 1);
        let (limited, moment) = probe(&[(1, Verdict::Limited), (2, Verdict::Refused)]);
        assert!(
            Measured::of(&limited, moment)
                .faults()
                .iter()
                .any(|fault| fault.contains("RATE_LIMIT_SCALE"))
        );
    }
}
