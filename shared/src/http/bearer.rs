//! From the `Authorization` header to the caller.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::problem::{Code, Problem};
use crate::sign_in::authentication::{Authenticator, Caller};

/// The caller whom the `Authorization` header stands for.
///
/// # Errors
/// The 401 codes of RFC 6750 section 3.1, told apart as the contract says; 503 if the store cannot be read.
pub async fn caller(authenticator: &Authenticator, headers: &HeaderMap) -> Result<Caller, Problem> {
    Ok(authenticator.caller(bearer(headers)?).await?)
}

/// The token of the `Authorization` header (RFC 6750 section 2.1); nowhere else is one looked for.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values
        .next()
        .ok_or_else(|| Problem::new(Code::MissingToken))?;
    if values.next().is_some() {
        return Err(Problem::new(Code::InvalidToken));
    }
    let text = value
        .to_str()
        .map_err(|_| Problem::new(Code::InvalidToken))?;
    // Payload 2.0 joins two headers by a comma, which no token and no scheme contains.
    if text.contains(',') {
        return Err(Problem::new(Code::InvalidToken));
    }
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Problem::new(Code::MissingToken));
    }
    Ok(token)
}
