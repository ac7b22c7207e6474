//! Refresh tokens: `dtr_` and base64url of user (16 bytes), session (16), family secret (16), random (32), check (4).
//!
//! The check is the beginning of SHA-256 over the rest: a mistyped or cut token is refused without a call. User and
//! session make the look-up one keyed read. The family secret is the same in all tokens of a session, so every
//! ancestor of the current token is recognised without being stored, and nobody without a real token of the session
//! can make one that looks like an ancestor.

use std::fmt;

use secrecy::zeroize::Zeroizing;
use uuid::Uuid;

use crate::domain::{SessionId, UserId};
use crate::ground::digest;
use crate::ground::entropy::{self, Entropy};

const PREFIX: &str = "dtr_";
const FAMILY: usize = 16;
const RANDOM: usize = 32;
const CHECK: usize = 4;
/// Separates this use of HMAC from every other.
const SUCCESSOR_LABEL: &[u8] = b"dashtam refresh successor v1";

/// A session's secret; see the module's text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Family([u8; FAMILY]);

impl Family {
    /// A new session's secret.
    #[must_use]
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self(entropy::bytes(entropy))
    }

    /// The form in which it is stored.
    #[must_use]
    pub fn hash(&self) -> String {
        digest::fingerprint(&self.0)
    }
}

/// A refresh token in clear.
#[derive(Clone)]
pub struct RefreshToken {
    user: UserId,
    session: SessionId,
    family: Family,
    random: Zeroizing<[u8; RANDOM]>,
}

impl RefreshToken {
    /// The first token of a session, or one that replaces all before it.
    #[must_use]
    pub fn random(user: UserId, session: SessionId, family: Family, entropy: &dyn Entropy) -> Self {
        Self {
            user,
            session,
            family,
            random: Zeroizing::new(entropy::bytes(entropy)),
        }
    }

    /// Reads a presented token; `None` if it was not made by this service in this form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(digest::decode(text.strip_prefix(PREFIX)?)?);
        let (content, check) = bytes.split_last_chunk::<CHECK>()?;
        let expected = digest::sha256(content);
        if expected.first_chunk::<CHECK>() != Some(check) {
            return None;
        }
        let (user, rest) = content.split_first_chunk::<16>()?;
        let (session, rest) = rest.split_first_chunk::<16>()?;
        let (family, random) = rest.split_first_chunk::<FAMILY>()?;
        Some(Self {
            user: UserId::new(Uuid::from_bytes(*user)),
            session: SessionId::new(Uuid::from_bytes(*session)),
            family: Family(*family),
            random: Zeroizing::new(random.try_into().ok()?),
        })
    }

    /// The token that replaces this one: a function of this token and a stored nonce, so that a retry gets the same
    /// one again, and the table alone gives it to nobody.
    #[must_use]
    pub fn successor(&self, nonce: &[u8]) -> Self {
        let session = self.session.uuid();
        let parts: [&[u8]; 3] = [SUCCESSOR_LABEL, session.as_bytes(), nonce];
        Self {
            random: Zeroizing::new(digest::hmac(self.random.as_slice(), &parts)),
            ..self.clone()
        }
    }

    /// Whose it claims to be.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// Which session it claims to continue.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The session's secret that it carries.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// The token as it is handed out.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 + 16 + FAMILY + RANDOM + CHECK));
        bytes.extend_from_slice(self.user.uuid().as_bytes());
        bytes.extend_from_slice(self.session.uuid().as_bytes());
        bytes.extend_from_slice(&self.family.0);
        bytes.extend_from_slice(self.random.as_slice());
        let check = digest::sha256(&bytes);
        bytes.extend(check.into_iter().take(CHECK));
        format!("{PREFIX}{}", digest::encode(&bytes))
    }

    /// The form in which it is stored.
    #[must_use]
    pub fn hash(&self) -> String {
        digest::fingerprint(Zeroizing::new(self.expose()).as_bytes())
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::entropy::SeededEntropy;
    use proptest::prelude::*;

    fn token(seed: u64) -> RefreshToken {
        let entropy = SeededEntropy::new(seed);
        let user = UserId::new(entropy::uuid_v4(&entropy));
        let session = SessionId::new(entropy::uuid_v4(&entropy));
        RefreshToken::random(user, session, Family::random(&entropy), &entropy)
    }

    #[test]
    fn a_token_reads_back_as_it_was_handed_out() {
        let token = token(1);
        let read = RefreshToken::parse(&token.expose()).expect("valid");
        assert_eq!(
            (read.user(), read.session()),
            (token.user(), token.session())
        );
        assert_eq!(read.hash(), token.hash());
        assert!(token.expose().starts_with("dtr_"));
    }

    #[test]
    fn a_retry_gets_the_same_successor_and_another_nonce_another_one() {
        let token = token(1);
        assert_eq!(
            token.successor(b"n").expose(),
            token.successor(b"n").expose()
        );
        assert_ne!(
            token.successor(b"n").expose(),
            token.successor(b"m").expose()
        );
        assert!(token.successor(b"n").family() == token.family());
    }

    #[test]
    fn the_form_is_canonical() {
        let text = token(1).expose();
        for other in [
            format!("{text}="),
            format!(" {text}"),
            text.replace("dtr_", "DTR_"),
            text.replace('_', "-"),
        ] {
            assert!(
                other == text || RefreshToken::parse(&other).is_none(),
                "{other}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_mistyped_or_cut_token_is_refused(seed in any::<u64>(), at in 4usize..116, with in "[A-Za-z0-9_-]") {
            let text = token(seed).expose();
            let mut mistyped = text.clone();
            mistyped.replace_range(at..=at, &with);
            prop_assert!(mistyped == text || RefreshToken::parse(&mistyped).is_none());
            prop_assert!(RefreshToken::parse(&text[..at]).is_none());
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = RefreshToken::parse(&text);
            let _ = RefreshToken::parse(&format!("dtr_{text}"));
        }
    }
}
