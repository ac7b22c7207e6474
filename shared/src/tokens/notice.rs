//! The token of a "this wasn't me" link: `dsa_` and base64url of outbox row (16 bytes), HMAC (32) and check (4).
//!
//! A notice's token is good for a week, and several may be: it ends sessions and gives nobody anything. So unlike the
//! other mailed tokens it is not stored as the newest of its kind. It is recomputed from the row that it names, under the
//! mail key, and used once because that row is marked in the transaction of its use.

use std::fmt;

use secrecy::zeroize::Zeroizing;
use uuid::Uuid;

use crate::domain::{RowId, UserId};
use crate::ground::digest;

const PREFIX: &str = "dsa_";
const CHECK: usize = 4;
const MAC: usize = 32;
/// Separates this use of HMAC from every other.
const LABEL: &[u8] = b"dashtam notice v1";

/// A notice's token in clear.
pub struct NoticeToken {
    row: RowId,
    mac: Zeroizing<[u8; MAC]>,
}

impl NoticeToken {
    /// The token of the notice that `row` asked for, to `user`, under the mail key.
    #[must_use]
    pub fn of_row(key: &[u8], row: RowId, user: UserId) -> Self {
        let (id, owner) = (row.uuid(), user.uuid());
        Self {
            row,
            mac: Zeroizing::new(digest::hmac(key, &[LABEL, id.as_bytes(), owner.as_bytes()])),
        }
    }

    /// Reads a presented token; `None` if it is not one of this form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(digest::decode(text.strip_prefix(PREFIX)?)?);
        let (content, check) = bytes.split_last_chunk::<CHECK>()?;
        if digest::sha256(content).first_chunk::<CHECK>() != Some(check) {
            return None;
        }
        let (row, mac) = content.split_first_chunk::<16>()?;
        let mac = Zeroizing::new(<[u8; MAC]>::try_from(mac).ok()?);
        Some(Self {
            row: RowId::new(Uuid::from_bytes(*row)),
            mac,
        })
    }

    /// The row that it claims to be of.
    #[must_use]
    pub const fn row(&self) -> RowId {
        self.row
    }

    /// Whether it is the token of its row to `user`.
    #[must_use]
    pub fn is_of(&self, key: &[u8], user: UserId) -> bool {
        digest::equal(
            self.mac.as_slice(),
            Self::of_row(key, self.row, user).mac.as_slice(),
        )
    }

    /// The token as it is mailed.
    #[must_use]
    pub fn expose(&self) -> String {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 + MAC + CHECK));
        bytes.extend_from_slice(self.row.uuid().as_bytes());
        bytes.extend_from_slice(self.mac.as_slice());
        let check = digest::sha256(&bytes);
        bytes.extend(check.into_iter().take(CHECK));
        format!("{PREFIX}{}", digest::encode(&bytes))
    }
}

impl fmt::Debug for NoticeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoticeToken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &[u8] = b"key";

    fn row(id: u128) -> RowId {
        RowId::new(Uuid::from_u128(id))
    }

    fn user(id: u128) -> UserId {
        UserId::new(Uuid::from_u128(id))
    }

    #[test]
    fn a_token_is_of_its_row_its_user_and_its_key_alone() {
        let text = NoticeToken::of_row(KEY, row(1), user(7)).expose();
        let read = NoticeToken::parse(&text).expect("a token");
        assert_eq!(read.row(), row(1));
        assert!(read.is_of(KEY, user(7)));
        assert!(!read.is_of(KEY, user(8)) && !read.is_of(b"another", user(7)));
        let other = NoticeToken {
            row: row(2),
            mac: read.mac.clone(),
        };
        assert!(!other.is_of(KEY, user(7)));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,120}") {
            let _ = NoticeToken::parse(&format!("dsa_{text}"));
        }
    }
}
