//! The clock of this machine against that of AWS, by the `Date` of its answers (RFC 9110 section 6.6.1).

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use shared::clock::{Clock as _, SystemClock};

use super::Check;

/// From so many seconds on tokens and expiries of two machines begin to disagree noticeably.
const NOTICEABLE: u64 = 2;
/// From so many seconds on AWS refuses signatures (Signature Version 4).
const REFUSED: u64 = 300;

/// Notes by how many seconds the clocks differ, whenever an answer comes; whether or not it is a refusal.
#[derive(Debug, Clone, Default)]
pub(super) struct Clocks(Arc<Mutex<Option<u64>>>);

impl Intercept for Clocks {
    fn name(&self) -> &'static str {
        "Clocks"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) =
            date.and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok())
        {
            let apart = SystemClock.now().as_secs().abs_diff(date.secs());
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(apart);
        }
        Ok(())
    }
}

impl Clocks {
    /// What the answers so far have told.
    pub(super) fn check(&self) -> Check {
        const NAME: &str = "clock";
        let set = "Have the clock set by NTP: tokens, limits and signatures go by it.";
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            None => Check::warning(
                NAME,
                "no answer of AWS told the time",
                "See the other checks, and look again.",
            ),
            Some(apart) if apart > REFUSED => Check::failed(
                NAME,
                format!("{apart} s from that of AWS, which refuses signatures"),
                set,
            ),
            Some(apart) if apart > NOTICEABLE => {
                Check::warning(NAME, format!("{apart} s from that of AWS"), set)
            }
            Some(apart) => Check::ok(NAME, format!("{apart} s from that of AWS")),
        }
    }
}
