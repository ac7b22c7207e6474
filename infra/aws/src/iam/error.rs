//! A policy that is not evaluated here.

/// A part of a policy that is not evaluated here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {part} is not supported")]
pub struct PolicyError {
    /// Where it is written.
    pub place: String,
    /// What is written there.
    pub part: String,
}

/// The error for a part of a policy.
pub(super) fn unsupported(what: &str, part: &str) -> PolicyError {
    PolicyError {
        place: format!("{what} in a policy"),
        part: part.to_owned(),
    }
}
