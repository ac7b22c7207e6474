//! The trace that a piece of work belongs to: W3C Trace Context, in and out.
//!
//! `tracestate` is left out. It carries what tracing systems tell each other, the services that are called here read
//! neither, and a value that a client chose would have to be stored with each row of the outbox.

use std::fmt;

use http::HeaderMap;

use crate::ground::entropy::{self, Entropy};

/// The header's name.
pub(super) const TRACEPARENT: &str = "traceparent";

/// A trace, and the span in it that stands for the present work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    /// The span that this one continues.
    pub(super) parent: Option<u64>,
    /// Whether whoever began the trace records it.
    pub(super) sampled: bool,
}

/// A span of the trace, as the header names it (W3C Trace Context section 3.2).
#[derive(Debug, Clone, Copy)]
pub(super) struct Traceparent {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    pub(super) sampled: bool,
}

impl TraceContext {
    /// A new trace.
    #[must_use]
    pub fn begin(entropy: &dyn Entropy, sampled: bool) -> Self {
        // Zero is no identifier.
        let trace_id = u128::from_be_bytes(entropy::bytes(entropy)).max(1);
        Self {
            trace_id,
            span_id: span_id(entropy),
            parent: None,
            sampled,
        }
    }

    /// A new span under the one that the text of a `traceparent` names; `None` if it names none.
    #[must_use]
    pub fn continuing(traceparent: &str, entropy: &dyn Entropy) -> Option<Self> {
        let Traceparent {
            trace_id,
            span_id: parent,
            sampled,
        } = Traceparent::parse(traceparent)?;
        Some(Self {
            trace_id,
            span_id: span_id(entropy),
            parent: Some(parent),
            sampled,
        })
    }

    /// A new span under the one that a request's headers name: one `traceparent`, and a valid one.
    #[must_use]
    pub fn of_headers(headers: &HeaderMap, entropy: &dyn Entropy) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let value = values.next()?.to_str().ok()?;
        if values.next().is_some() {
            return None;
        }
        Self::continuing(value, entropy)
    }

    /// The trace, 32 hex digits.
    #[must_use]
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// What names the span `span_id` of this trace to others.
    pub(super) const fn traceparent(&self, span_id: u64) -> Traceparent {
        Traceparent {
            trace_id: self.trace_id,
            span_id,
            sampled: self.sampled,
        }
    }
}

impl Traceparent {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, parent, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // A later version may add parts behind these.
        if version == "ff" || (version == "00" && parts.next().is_some()) {
            return None;
        }
        hex(version, 2)?;
        let (trace_id, parent) = (hex(trace, 32)?, u64::try_from(hex(parent, 16)?).ok()?);
        let sampled = hex(flags, 2)? & 1 == 1;
        (trace_id != 0 && parent != 0).then_some(Self {
            trace_id,
            span_id: parent,
            sampled,
        })
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id,
            self.span_id,
            u8::from(self.sampled)
        )
    }
}

/// A fresh span id.
pub(super) fn span_id(entropy: &dyn Entropy) -> u64 {
    u64::from_be_bytes(entropy::bytes(entropy)).max(1)
}

/// `length` lower-case hex digits.
fn hex(text: &str, length: usize) -> Option<u128> {
    let digits = text
        .bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (text.len() == length && digits)
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::entropy::SeededEntropy;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn of(values: &[&str]) -> Option<TraceContext> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, value.parse().expect("a header"));
        }
        TraceContext::of_headers(&headers, &SeededEntropy::new(1))
    }

    #[test]
    fn a_valid_traceparent_is_continued_under_a_span_of_our_own() {
        let context = of(&[VALID]).expect("a context");
        assert_eq!(context.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(context.parent, Some(0x00f0_67aa_0ba9_02b7));
        assert_ne!(Some(context.span_id), context.parent);
        let named = context.traceparent(0x1b).to_string();
        assert_eq!(
            named,
            "00-4bf92f3577b34da6a3ce929d0e0e4736-000000000000001b-01"
        );
    }

    #[test]
    fn a_later_version_is_read_as_far_as_it_is_known() {
        let context = of(&["cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-fe-what-comes"])
            .expect("a context");
        assert!(!context.sampled);
        assert!(context.traceparent(1).to_string().starts_with("00-"));
    }

    #[test]
    fn a_broken_doubled_or_missing_traceparent_is_none() {
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[VALID, VALID]), None);
        for header in [
            "",
            "-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(of(&[header]), None, "{header}");
        }
    }
}
