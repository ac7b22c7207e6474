//! The form that a given key must have.
//!
//! A key is judged by its form, base64url (RFC 4648 section 5) of 32 bytes or more: an operator who has to make 43 characters of that
//! alphabet takes a generator, and a sentence such as `your-secret-key-goes-here-please!` isn't one. Some sentences are of
//! the form by chance; what can never be random within reason is refused as well. Each of these tests refuses fewer than one
//! in a million keys that are random.

use std::collections::BTreeSet;

use crate::ground::digest;

/// The form and how to make such a key, for errors and the settings page.
pub const FORM: &str =
    "base64url of 32 or more random bytes, as `openssl rand -base64 48 | tr '+/' '-_'` prints";

/// Fewer bytes can be searched.
const MIN_BYTES: usize = 32;
/// Of 43 characters of 64, or of 64 of 16, at least so many are different.
const MIN_DIFFERENT: usize = 12;
/// Placeholders and examples have one of these words. Shorter words are in random keys too.
const PLACEHOLDERS: [&str; 12] = [
    "secret",
    "change",
    "please",
    "placeholder",
    "example",
    "password",
    "dashtam",
    "replace",
    "insert",
    "default",
    "somekey",
    "something",
];
/// So many words with hyphens or underscores between them are a sentence.
const MIN_WORDS: usize = 4;

/// Whether a text is [`FORM`].
#[must_use]
pub fn is_random(text: &str) -> bool {
    let has_form = digest::decode(text).is_some_and(|bytes| bytes.len() >= MIN_BYTES);
    let different: BTreeSet<_> = text.bytes().collect();
    has_form
        && different.len() >= MIN_DIFFERENT
        && !is_repeated(text)
        && (is_hex(text) || has_both_cases(text))
        && !is_phrase(text)
}

/// Hexadecimal, the other thing that generators print: `openssl rand -hex 32`.
fn is_hex(text: &str) -> bool {
    let is_lower = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    text.len() >= 2 * MIN_BYTES
        && (is_lower
            || text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'A'..=b'F')))
}

fn has_both_cases(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_lowercase())
        && text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// Whether the second half of a text, or more, is what came before.
fn is_repeated(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=bytes.len() / 2).any(|period| {
        bytes
            .get(period..)
            .is_some_and(|later| bytes.starts_with(later))
    })
}

fn is_phrase(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_placeholder = PLACEHOLDERS.iter().any(|word| lower.contains(word));
    let mut words = text.split(['-', '_']);
    let is_word = |word: &str| {
        let rest = word.get(1..).unwrap_or_default();
        word.bytes().all(|byte| byte.is_ascii_alphabetic())
            && (rest.bytes().all(|byte| byte.is_ascii_lowercase())
                || word.bytes().all(|byte| byte.is_ascii_uppercase()))
    };
    let count = words.clone().count();
    is_placeholder || (count >= MIN_WORDS && words.all(is_word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::entropy::{self, OsEntropy};

    #[test]
    fn a_text_that_is_no_base64url_of_32_bytes_is_no_key() {
        let random = digest::sha256(b"random");
        let good = digest::encode(&random);
        assert!(is_random(&good), "{good}");
        for key in [
            String::new(),
            "changeme".to_owned(),
            "your-secret-key-goes-here-please!".to_owned(),
            "correct horse battery staple correct horse battery".to_owned(),
            digest::encode(&random[..31]),
            format!("{good}="),
            format!("{}+/{}", &good[..20], &good[22..]),
        ] {
            assert!(!is_random(&key), "{key}");
        }
    }

    #[test]
    fn a_sentence_or_repetition_in_the_alphabet_is_no_key() {
        for key in [
            "0".repeat(64),
            "changeme".repeat(8),
            "0123456789abcdef".repeat(4),
            "this-is-my-very-own-key-for-the-mails-of-my-service".to_owned(),
            "This-Is-My-Very-Own-Key-For-The-Mails-Of-My-House-Ok".to_owned(),
            "YourSecretKeyGoesHereBeforeYouStartThisService01".to_owned(),
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ".repeat(2) + "ABCDEFGHIJKL",
        ] {
            assert!(!is_random(&key), "{key}");
        }
    }

    #[test]
    fn every_random_key_is_one() {
        for _ in 0..1_000 {
            assert!(is_random(&digest::encode(&entropy::bytes::<32>(
                &OsEntropy
            ))));
            let hex = entropy::bytes::<32>(&OsEntropy)
                .iter()
                .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            assert!(is_random(&hex), "{hex}");
        }
    }
}
