//! Tokens that travel by mail: `dvt_` (verification), `drs_` (reset) and `div_` (invitation), then base64url of user or
//! invitation (16 bytes), HMAC (32) and check (4).
//!
//! The mailer makes them: HMAC under the mail key of the outbox row, the purpose and the user or invitation. A redelivered row
//! so gives the same token, the row itself reveals none, and a token of one purpose never serves another.

use std::fmt;

use secrecy::zeroize::Zeroizing;
use uuid::Uuid;

use crate::domain::{InvitationId, RowId, UserId};
use crate::ground::digest;

const CHECK: usize = 4;
const MAC: usize = 32;

/// What a mailed token is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailPurpose {
    /// Proving an address.
    Verification,
    /// Setting a new password.
    Reset,
    /// Making the account of an invitation.
    Invitation,
}

impl MailPurpose {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Verification => "dvt_",
            Self::Reset => "drs_",
            Self::Invitation => "div_",
        }
    }

    const fn label(self) -> &'static [u8] {
        match self {
            Self::Verification => b"dashtam verification v1",
            Self::Reset => b"dashtam reset v1",
            Self::Invitation => b"dashtam invitation v1",
        }
    }
}

/// A mailed token in clear.
pub struct MailedToken {
    purpose: MailPurpose,
    subject: Uuid,
    mac: Zeroizing<[u8; MAC]>,
}

impl MailedToken {
    /// The token of an outbox row under the mail key; `subject` names the user or the invitation.
    #[must_use]
    pub fn of_row(key: &[u8], purpose: MailPurpose, row: RowId, subject: Uuid) -> Self {
        let mac = digest::hmac(
            key,
            &[purpose.label(), row.uuid().as_bytes(), subject.as_bytes()],
        );
        Self {
            purpose,
            subject,
            mac: Zeroizing::new(mac),
        }
    }

    /// Reads a presented token; `None` if it is not one of this purpose in this form.
    #[must_use]
    pub fn parse(purpose: MailPurpose, text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(digest::decode(text.strip_prefix(purpose.prefix())?)?);
        let (content, check) = bytes.split_last_chunk::<CHECK>()?;
        if digest::sha256(content).first_chunk::<CHECK>() != Some(check) {
            return None;
        }
        let (subject, mac) = content.split_first_chunk::<16>()?;
        let mac = Zeroizing::new(<[u8; MAC]>::try_from(mac).ok()?);
        Some(Self {
            purpose,
            subject: Uuid::from_bytes(*subject),
            mac,
        })
    }

    /// The user whose it claims to be.
    #[must_use]
    pub const fn user(&self) -> UserId {
        UserId::new(self.subject)
    }

    /// The invitation that it claims to accept.
    #[must_use]
    pub const fn invitation(&self) -> InvitationId {
        InvitationId::new(self.subject)
    }

    /// The token as it is mailed.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 + MAC + CHECK));
        bytes.extend_from_slice(self.subject.as_bytes());
        bytes.extend_from_slice(self.mac.as_slice());
        let check = digest::sha256(&bytes);
        bytes.extend(check.into_iter().take(CHECK));
        format!("{}{}", self.purpose.prefix(), digest::encode(&bytes))
    }

    /// The form in which it is stored.
    #[must_use]
    pub fn hash(&self) -> String {
        digest::fingerprint(Zeroizing::new(self.expose()).as_bytes())
    }
}

impl fmt::Debug for MailedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailedToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(purpose: MailPurpose, row: u128) -> MailedToken {
        let row = RowId::new(Uuid::from_u128(row));
        MailedToken::of_row(b"key", purpose, row, Uuid::from_u128(7))
    }

    #[test]
    fn a_row_gives_the_same_token_every_time_and_another_row_another_one() {
        let first = token(MailPurpose::Reset, 1).expose();
        assert_eq!(first, token(MailPurpose::Reset, 1).expose());
        assert_ne!(first, token(MailPurpose::Reset, 2).expose());
    }

    #[test]
    fn a_token_of_one_purpose_is_not_read_as_the_other() {
        let text = token(MailPurpose::Verification, 1).expose();
        assert!(MailedToken::parse(MailPurpose::Verification, &text).is_some());
        assert!(MailedToken::parse(MailPurpose::Reset, &text).is_none());
        let renamed = text.replace("dvt_", "drs_");
        let reset = token(MailPurpose::Reset, 1).hash();
        assert_ne!(
            MailedToken::parse(MailPurpose::Reset, &renamed).map(|token| token.hash()),
            Some(reset)
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,120}") {
            let _ = MailedToken::parse(MailPurpose::Reset, &format!("drs_{text}"));
        }
    }
}
