//! Errors in one line, for logs and terminals.

/// An error and everything that led to it. `Display` never includes the source, so nothing is said twice.
#[must_use]
pub fn error_chain(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
