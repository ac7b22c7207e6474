//! What a presented refresh token is to its session, by what the session stores and by the clock.
//!
//! A lost answer and a stolen token look alike: in both a spent token is presented again. Within a short grace that is always taken
//! for a lost answer. After it, time says nothing: a phone notices a lost answer after a minute, or when it is switched on
//! again. So a client may send evidence, a random key for this one refresh, which it keeps beside the token until the
//! answer is there. A thief of the token alone does not have the key.

use std::time::Duration;

use crate::config::TokenConfig;
use crate::domain::{RetiredToken, Session, Timestamp};
use crate::ground::digest;
use crate::tokens::RefreshToken;

/// How often the grace answers one retired token.
pub const MAX_RETRIES_IN_GRACE: u32 = 20;

/// The key of one refresh, as a client made it. A secret: it has no `Debug`, and only its hash is stored.
pub struct RetryKey(String);

impl RetryKey {
    /// The shortest key, in characters: 128 bits in base64url.
    pub const MIN_LENGTH: usize = 22;
    /// The longest.
    pub const MAX_LENGTH: usize = 128;

    /// A key in its form; `None` for characters or a length that no key has.
    #[must_use]
    pub fn parse(text: String) -> Option<Self> {
        let is_key = (Self::MIN_LENGTH..=Self::MAX_LENGTH).contains(&text.len())
            && text.bytes().all(Self::allows);
        is_key.then_some(Self(text))
    }

    /// Whether a key may have this character.
    #[must_use]
    pub const fn allows(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
    }

    /// The form in which it is stored.
    #[must_use]
    pub fn hash(&self) -> String {
        digest::fingerprint(self.0.as_bytes())
    }
}

/// What a token of a session's family is.
#[derive(Debug)]
pub enum Presented {
    /// The current token.
    Current,
    /// The one before it, within the grace.
    RetriedWithinGrace(RetiredToken),
    /// The one before it, within the grace, which has answered it often enough. The grace still runs for this long.
    RetriesUsedUp(Duration),
    /// The one before it, after the grace, with the key of the refresh that retired it.
    RetriedLate(RetiredToken),
    /// An ancestor, which may not be presented again.
    Ancestor,
}

/// What `token` is to `session` at `now`, with the hash of the key that came with it.
#[must_use]
pub fn judge(
    session: &Session,
    token: &RefreshToken,
    key: Option<&str>,
    now: Timestamp,
    settings: &TokenConfig,
) -> Presented {
    let hash = token.hash();
    let is = |stored: &str| digest::equal(stored.as_bytes(), hash.as_bytes());
    if is(&session.current) {
        return Presented::Current;
    }
    let Some(retired) = session.retired.as_ref().filter(|retired| is(&retired.hash)) else {
        return Presented::Ancestor;
    };
    let grace_end = retired.at.plus(settings.refresh_grace);
    if now < grace_end {
        return if retired.uses < MAX_RETRIES_IN_GRACE {
            Presented::RetriedWithinGrace(retired.clone())
        } else {
            Presented::RetriesUsedUp(grace_end.since(now).min(settings.refresh_grace))
        };
    }
    // The successor has never been presented, or another token would be the one before the current one.
    if now < retired.at.plus(settings.refresh_retry) && is_key_of(Some(retired), key) {
        return Presented::RetriedLate(retired.clone());
    }
    Presented::Ancestor
}

/// Whether `key` is the hash of the key of the refresh that retired the token.
#[must_use]
pub fn is_key_of(retired: Option<&RetiredToken>, key: Option<&str>) -> bool {
    let stored = retired.and_then(|retired| retired.key.as_deref());
    stored
        .zip(key)
        .is_some_and(|(stored, key)| digest::equal(stored.as_bytes(), key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_form() {
        let parsed = |text: &str| RetryKey::parse(text.to_owned()).is_some();
        assert!(parsed(&"k".repeat(22)) && parsed(&"-_9".repeat(42)));
        for wrong in [
            "",
            "k",
            &"k".repeat(21),
            &"k".repeat(129),
            &"k=".repeat(20),
            &"\u{e9}".repeat(22),
        ] {
            assert!(!parsed(wrong), "{wrong}");
        }
    }
}
