//! Why an admin did something, in their own words, for those who read the trail later.

use icu_normalizer::ComposingNormalizer;

use super::FieldCode;
use super::email::is_invisible;

/// Fewest code points: a reason says something.
const LEAST: usize = 10;
/// Most code points.
const MOST: usize = 500;

/// A reason: one line of 10 to 500 code points, NFC, without control or invisible characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(String);

/// Why a text is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReasonError {
    /// It says too little.
    #[error("Must have at least {LEAST} characters.")]
    TooShort,
    /// It says too much.
    #[error("Must have at most {MOST} characters.")]
    TooLong,
    /// It holds a control or invisible character, such as a line break.
    #[error("Must be one line without control or invisible characters.")]
    InvalidCharacter,
}

impl ReasonError {
    /// The rule, as clients switch on it.
    #[must_use]
    pub const fn code(self) -> FieldCode {
        match self {
            Self::TooShort => FieldCode::TooShort,
            Self::TooLong => FieldCode::TooLong,
            Self::InvalidCharacter => FieldCode::InvalidCharacter,
        }
    }
}

impl Reason {
    /// Parses a reason; spaces around it do not count.
    pub fn parse(text: &str) -> Result<Self, ReasonError> {
        let text = ComposingNormalizer::new_nfc()
            .normalize(text.trim())
            .into_owned();
        let strange =
            |c: char| c.is_control() || is_invisible(c) || matches!(c, '\u{2028}' | '\u{2029}');
        if text.chars().any(strange) {
            return Err(ReasonError::InvalidCharacter);
        }
        match text.chars().count() {
            count if count < LEAST => Err(ReasonError::TooShort),
            count if count > MOST => Err(ReasonError::TooLong),
            _ => Ok(Self(text)),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_ten_to_five_hundred_characters() {
        assert_eq!(Reason::parse("too short"), Err(ReasonError::TooShort));
        assert_eq!(Reason::parse("   padded    "), Err(ReasonError::TooShort));
        assert!(Reason::parse("long enough").is_ok());
        assert!(Reason::parse(&"\u{e9}".repeat(500)).is_ok());
        assert_eq!(Reason::parse(&"x".repeat(501)), Err(ReasonError::TooLong));
    }

    #[test]
    fn a_reason_is_one_line() {
        for text in [
            "first line\nsecond line",
            "hidden \u{202e} direction",
            "a line\u{2028}separator",
            "bell \u{7} rings",
        ] {
            assert_eq!(
                Reason::parse(text),
                Err(ReasonError::InvalidCharacter),
                "{text:?}"
            );
        }
    }
}
