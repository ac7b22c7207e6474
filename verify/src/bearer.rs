//! The token of an `Authorization` header.

use crate::error::VerifyError;

/// The token in the value of an `Authorization` header (RFC 6750 section 2.1). Nowhere else is one to be looked for.
///
/// # Errors
/// [`VerifyError::MissingToken`] for another scheme or none.
pub fn bearer_token(header: &str) -> Result<&str, VerifyError> {
    let (scheme, token) = header.split_once(' ').unwrap_or((header, ""));
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(VerifyError::MissingToken);
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_is_bearer_in_any_case_and_no_other_is_a_token() {
        for header in ["Bearer x.y.z", "bearer x.y.z", "BEARER  x.y.z "] {
            assert_eq!(bearer_token(header).ok(), Some("x.y.z"), "{header}");
        }
        for header in [
            "",
            "Bearer",
            "Bearer ",
            "x.y.z",
            "Basic x.y.z",
            "Bearerx.y.z",
            " Bearer x.y.z",
        ] {
            assert!(
                matches!(bearer_token(header), Err(VerifyError::MissingToken)),
                "{header}"
            );
        }
    }
}
