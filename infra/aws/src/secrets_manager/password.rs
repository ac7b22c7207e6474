//! Random passwords, by the rules of `GetRandomPassword` and of `GenerateSecretString` in `CloudFormation`.

use serde::Deserialize;

use crate::inputs::Entropy;
use crate::protocol::ApiError;

const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMBERS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const SPACE: &str = " ";

const DEFAULT_LENGTH: usize = 32;
const MAX_LENGTH: usize = 4_096;

/// The request; what is left out is not excluded.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the request has these switches"
)]
pub(super) struct Request {
    password_length: Option<usize>,
    exclude_characters: String,
    exclude_numbers: bool,
    exclude_punctuation: bool,
    exclude_uppercase: bool,
    exclude_lowercase: bool,
    include_space: bool,
    require_each_included_type: Option<bool>,
}

/// Makes a password: one character of every included type unless the request waives that, the others
/// from all of them, in random order.
pub(super) fn generate(request: &Request, entropy: &Entropy) -> Result<String, ApiError> {
    let length = request.password_length.unwrap_or(DEFAULT_LENGTH);
    if !(1..=MAX_LENGTH).contains(&length) {
        return Err(invalid(format!(
            "PasswordLength must be 1 to {MAX_LENGTH}."
        )));
    }
    let types: Vec<Vec<char>> = [
        (LOWERCASE, !request.exclude_lowercase),
        (UPPERCASE, !request.exclude_uppercase),
        (NUMBERS, !request.exclude_numbers),
        (PUNCTUATION, !request.exclude_punctuation),
        (SPACE, request.include_space),
    ]
    .into_iter()
    .filter(|(_, included)| *included)
    .map(|(set, _)| {
        set.chars()
            .filter(|c| !request.exclude_characters.contains(*c))
            .collect()
    })
    .collect();

    let mut password = Vec::with_capacity(length);
    if request.require_each_included_type.unwrap_or(true) {
        if types.len() > length {
            return Err(invalid(
                "PasswordLength is too short for a character of each type.",
            ));
        }
        for set in &types {
            password.push(pick(set, entropy).ok_or_else(nothing_left)?);
        }
    }
    let all: Vec<char> = types.concat();
    while password.len() < length {
        password.push(pick(&all, entropy).ok_or_else(nothing_left)?);
    }
    for last in (1..password.len()).rev() {
        password.swap(last, below(last + 1, entropy));
    }
    Ok(password.into_iter().collect())
}

fn pick(set: &[char], entropy: &Entropy) -> Option<char> {
    if set.is_empty() {
        return None;
    }
    set.get(below(set.len(), entropy)).copied()
}

/// A number below `bound`, each as likely as the others. `bound` is 1 to 65,536; draws from the
/// incomplete last stretch of the range are repeated.
fn below(bound: usize, entropy: &Entropy) -> usize {
    let whole = 65_536 - 65_536 % bound;
    loop {
        let draw = usize::from(u16::from_be_bytes(entropy.bytes()));
        if draw < whole {
            return draw % bound;
        }
    }
}

fn nothing_left() -> ApiError {
    invalid("The exclusions leave no characters for a type that is included.")
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn password(request: &str) -> Result<String, ApiError> {
        generate(&serde_json::from_str(request).unwrap(), &testing::entropy())
    }

    #[test]
    fn a_password_has_32_characters_of_every_type() {
        let password = password("{}").unwrap();
        assert_eq!(password.len(), 32);
        for set in [LOWERCASE, UPPERCASE, NUMBERS, PUNCTUATION] {
            assert!(
                password.contains(|c| set.contains(c)),
                "{password} has none of {set}"
            );
        }
    }

    #[test]
    fn exclusions_are_kept() {
        let password = password(
            r#"{"PasswordLength":4096,"ExcludePunctuation":true,"ExcludeCharacters":"abc0"}"#,
        )
        .unwrap();
        assert_eq!(password.len(), 4096);
        assert!(!password.contains(|c| PUNCTUATION.contains(c) || "abc0".contains(c)));
    }

    #[test]
    fn a_length_too_short_for_each_type_is_refused() {
        assert!(password(r#"{"PasswordLength":3}"#).is_err());
        let request = r#"{"PasswordLength":3,"RequireEachIncludedType":false}"#;
        assert_eq!(password(request).unwrap().len(), 3);
        assert!(password(r#"{"PasswordLength":0}"#).is_err());
        assert!(password(r#"{"PasswordLength":4097}"#).is_err());
    }

    #[test]
    fn exclusions_that_leave_nothing_are_refused() {
        assert!(password(r#"{"ExcludeCharacters":"0123456789"}"#).is_err());
    }
}
