//! The answers of limits.

use http::{HeaderName, HeaderValue};

use super::{Code, Problem, seconds};
use crate::limits::{Exceeded, LimitError};

impl From<LimitError> for Problem {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::Exceeded(exceeded) => (*exceeded).into(),
            LimitError::Store(error) => error.into(),
        }
    }
}

/// With the fields of draft-ietf-httpapi-ratelimit-headers-10.
impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        let Exceeded {
            bucket,
            quota,
            window,
            wait,
            refusal,
        } = exceeded;
        let window = window.as_secs().max(1);
        let policy = format!("\"{bucket}\";q={quota};w={window}");
        let state = format!("\"{bucket}\";r=0;t={}", seconds(wait));
        let mut problem = Self::new(Code::RateLimited).retry_after(wait);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                problem = problem.header(HeaderName::from_static(name), value);
            }
        }
        problem.refused(refusal)
    }
}
