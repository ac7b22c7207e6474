//! Cursors: where a long answer goes on.
//!
//! A cursor is the place that was reached, with HMAC over it and over what it belongs to: the caller, the endpoint and the
//! query. So it is no use to another caller or for another query, cannot be made up, and says nothing that its holder was
//! not shown. It is good for a day; whoever comes later begins again.
//!
//! ```text
//! base64url( version 1 · position 16 · expiry 8 · HMAC-SHA-256 32 )
//! ```

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::domain::{Timestamp, UserId};
use crate::ground::digest;

/// The form of the cursors that are made now.
const VERSION: u8 = 1;
/// What the key is used for.
const LABEL: &[u8] = b"dashtam cursor\0";
/// How long a cursor is good.
const LIFE: Duration = Duration::from_secs(86_400);
/// Its length in bytes.
const LENGTH: usize = 57;

/// What a cursor belongs to.
#[derive(Debug, Clone)]
pub struct CursorScope<'a> {
    /// Who asks.
    pub caller: UserId,
    /// The endpoint's path.
    pub endpoint: &'a str,
    /// What is asked for, in one form only.
    pub query: &'a str,
}

/// A cursor as a client shows it: of the right form, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentedCursor {
    position: [u8; 16],
    expiry: [u8; 8],
    tag: [u8; 32],
}

impl PresentedCursor {
    /// Reads a cursor; `None` if the text is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = digest::decode(text).filter(|bytes| bytes.len() == LENGTH)?;
        let (version, rest) = bytes.split_first()?;
        let (position, rest) = rest.split_first_chunk()?;
        let (expiry, tag) = rest.split_first_chunk()?;
        (*version == VERSION).then_some(Self {
            position: *position,
            expiry: *expiry,
            tag: tag.try_into().ok()?,
        })
    }
}

/// A cursor that belongs to something else, was changed or has expired.
#[derive(Debug, thiserror::Error)]
#[error("the cursor is not one of this search")]
pub struct CursorError;

/// Makes and checks cursors.
#[derive(Clone)]
pub struct Cursors {
    key: SecretString,
}

impl Cursors {
    /// Cursors under `key`, which is used for nothing else.
    #[must_use]
    pub const fn new(key: SecretString) -> Self {
        Self { key }
    }

    /// The cursor of a place.
    #[must_use]
    pub fn seal(&self, scope: &CursorScope<'_>, position: Uuid, now: Timestamp) -> String {
        let position = position.into_bytes();
        let expiry = now.plus(LIFE).as_millis().to_be_bytes();
        let tag = self.tag(scope, &position, expiry);
        digest::encode(&[&[VERSION][..], &position, &expiry, &tag].concat())
    }

    /// The place of a cursor.
    ///
    /// # Errors
    /// [`CursorError`].
    pub fn open(
        &self,
        scope: &CursorScope<'_>,
        cursor: &PresentedCursor,
        now: Timestamp,
    ) -> Result<Uuid, CursorError> {
        let PresentedCursor {
            position,
            expiry,
            tag,
        } = cursor;
        let is_ours = digest::equal(&self.tag(scope, position, *expiry), tag);
        let is_live = now < Timestamp::from_millis(i64::from_be_bytes(*expiry));
        if is_ours && is_live {
            Ok(Uuid::from_bytes(*position))
        } else {
            Err(CursorError)
        }
    }

    /// Every part has a fixed length.
    fn tag(&self, scope: &CursorScope<'_>, position: &[u8; 16], expiry: [u8; 8]) -> [u8; 32] {
        let caller = scope.caller.uuid().into_bytes();
        let (endpoint, query) = (
            digest::sha256(scope.endpoint.as_bytes()),
            digest::sha256(scope.query.as_bytes()),
        );
        let key = self.key.expose_secret().as_bytes();
        digest::hmac(
            key,
            &[
                LABEL,
                &[VERSION],
                &caller,
                &endpoint,
                &query,
                position,
                &expiry,
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EventId;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn scope<'a>(caller: u128, endpoint: &'a str, query: &'a str) -> CursorScope<'a> {
        CursorScope {
            caller: UserId::new(Uuid::from_u128(caller)),
            endpoint,
            query,
        }
    }

    fn open(key: &str, scope: &CursorScope<'_>, text: &str, now: Timestamp) -> Option<Uuid> {
        let cursor = PresentedCursor::parse(text)?;
        Cursors::new(key.into()).open(scope, &cursor, now).ok()
    }

    #[test]
    fn a_cursor_is_of_its_caller_its_endpoint_its_query_and_its_key_alone() {
        let place = EventId::floor_at(NOW).uuid();
        let own = scope(1, "/a", "b");
        let cursor = Cursors::new("key".into()).seal(&own, place, NOW);
        assert_eq!(open("key", &own, &cursor, NOW), Some(place));
        for other in [
            scope(2, "/a", "b"),
            scope(1, "/b", "b"),
            scope(1, "/a", "c"),
            scope(1, "/ab", ""),
        ] {
            assert_eq!(open("key", &other, &cursor, NOW), None, "{other:?}");
        }
        assert_eq!(open("another", &own, &cursor, NOW), None);
    }

    #[test]
    fn a_cursor_is_good_for_a_day() {
        let own = scope(1, "/a", "b");
        let cursor = Cursors::new("key".into()).seal(&own, EventId::floor_at(NOW).uuid(), NOW);
        assert!(
            open(
                "key",
                &own,
                &cursor,
                NOW.plus(LIFE).minus(Duration::from_millis(1))
            )
            .is_some()
        );
        assert!(open("key", &own, &cursor, NOW.plus(LIFE)).is_none());
    }

    #[test]
    fn no_changed_cut_or_longer_cursor_is_one() {
        let own = scope(1, "/a", "b");
        let cursor = Cursors::new("key".into()).seal(&own, EventId::floor_at(NOW).uuid(), NOW);
        let bytes = digest::decode(&cursor).expect("base64url");
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                assert_eq!(
                    open("key", &own, &digest::encode(&changed), NOW),
                    None,
                    "bit {bit} of byte {place}"
                );
            }
        }
        for end in 0..bytes.len() {
            assert_eq!(PresentedCursor::parse(&digest::encode(&bytes[..end])), None);
        }
        for text in [
            format!("{cursor}A"),
            format!("{cursor}="),
            format!(" {cursor}"),
            "x".to_owned(),
            String::new(),
        ] {
            assert_eq!(PresentedCursor::parse(&text), None, "{text}");
        }
    }
}
