//! The name that a user gives, as it appears in mails and answers.
//!
//! It is shown beside text of ours, so it must not be able to pose as that text: no line breaks,
//! no control characters, nothing that changes the reading direction. Beyond that any script and
//! any symbol is a name.
//!
//! White space around a name is trimmed: no name begins or ends with it, forms and phones add it.

use std::fmt;

use icu_normalizer::ComposingNormalizer;

use super::FieldCode;
use super::email::is_invisible;

/// Longest name in code points, after NFC.
const MAX_CODE_POINTS: usize = 100;

/// A name: NFC, trimmed, 1 to 100 code points, one of them visible.
#[derive(Clone, PartialEq, Eq)]
pub struct DisplayName(String);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing to see.
    #[error("Must not be blank.")]
    Blank,
    /// More than 100 code points.
    #[error("Must have at most 100 characters.")]
    TooLong,
    /// A character that would disturb the text around the name.
    #[error("Must not contain control characters, line breaks or direction overrides.")]
    InvalidCharacter,
}

impl NameError {
    /// The stable code for clients.
    #[must_use]
    pub const fn code(self) -> FieldCode {
        match self {
            Self::Blank => FieldCode::Blank,
            Self::TooLong => FieldCode::TooLong,
            Self::InvalidCharacter => FieldCode::InvalidCharacter,
        }
    }
}

impl DisplayName {
    /// Trims and normalises a name.
    ///
    /// # Errors
    ///
    /// See [`NameError`].
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = ComposingNormalizer::new_nfc()
            .normalize(text.trim())
            .into_owned();
        if name.chars().all(|c| c.is_whitespace() || is_invisible(c)) {
            return Err(NameError::Blank);
        }
        if name.chars().any(is_disturbing) {
            return Err(NameError::InvalidCharacter);
        }
        if name.chars().nth(MAX_CODE_POINTS).is_some() {
            return Err(NameError::TooLong);
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name is personal data; none is shown.
impl fmt::Debug for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DisplayName")
    }
}

/// Control characters, the two line separators, and the embeddings, overrides and isolates of
/// UAX #9. The joiners and direction marks stay: some scripts need them.
fn is_disturbing(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parsed(text: &str) -> Result<String, &'static str> {
        DisplayName::parse(text)
            .map(|name| name.as_str().to_owned())
            .map_err(|error| error.code().into())
    }

    #[test]
    fn names_of_any_script_are_taken() {
        for name in [
            "Ada",
            "Zoë Müller-Lüdenscheidt",
            "王小明",
            "O'Hara, Jr.",
            "X Æ A-12",
            "علی\u{200C}رضا",
            "🦀",
        ] {
            assert_eq!(parsed(name), Ok(name.to_owned()));
        }
    }

    #[test]
    fn white_space_around_a_name_is_trimmed() {
        assert_eq!(
            parsed(" \u{3000}Ada  Lovelace\t\n"),
            Ok("Ada  Lovelace".to_owned())
        );
    }

    #[test]
    fn names_are_normalised() {
        assert_eq!(parsed("Zoe\u{308}"), Ok("Zoë".to_owned()));
    }

    #[test]
    fn a_name_with_nothing_to_see_is_blank() {
        for text in ["", " ", "\n", "\u{200B}", "\u{3164} \u{AD}", "\u{202E}"] {
            assert_eq!(parsed(text), Err("blank"), "{text:?}");
        }
    }

    #[test]
    fn a_hundred_code_points_are_the_most() {
        assert!(parsed(&"é".repeat(100)).is_ok());
        assert!(parsed(&"e\u{301}".repeat(100)).is_ok());
        assert_eq!(parsed(&"é".repeat(101)), Err("too_long"));
    }

    #[test]
    fn what_disturbs_the_text_around_is_refused() {
        for c in [
            '\0', '\r', '\n', '\u{7F}', '\u{85}', '\u{2028}', '\u{2029}', '\u{202E}', '\u{2066}',
        ] {
            assert_eq!(
                parsed(&format!("Ada{c}Lovelace")),
                Err("invalid_character"),
                "{c:?}"
            );
        }
    }

    #[test]
    fn debug_shows_no_name() {
        assert_eq!(
            format!("{:?}", DisplayName::parse("Ada")),
            "Ok(DisplayName)"
        );
    }

    proptest! {
        #[test]
        fn a_parsed_name_is_a_fixed_point(text in any::<String>()) {
            if let Ok(name) = DisplayName::parse(&text) {
                prop_assert_eq!(DisplayName::parse(name.as_str()), Ok(name));
            }
        }
    }
}
