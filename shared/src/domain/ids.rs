//! Identifiers that cannot be mistaken for each other.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        #[schemars(inline, extend("examples" = ["3f6c1f0e-7a54-4b0e-9c58-0d4a5f1f7a11"]))]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an identifier of this kind.
            #[must_use]
            pub const fn new(id: Uuid) -> Self {
                Self(id)
            }

            /// The identifier without its kind.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hyphenated(), f)
            }
        }

        /// Only the hyphenated form of RFC 9562 section 4 is read.
        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let id = Uuid::parse_str(text).map_err(|_| InvalidId)?;
                if text.len() == uuid::fmt::Hyphenated::LENGTH { Ok(Self(id)) } else { Err(InvalidId) }
            }
        }
    };
}

/// A text that is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID in its hyphenated form")]
pub struct InvalidId;

identifier!(
    /// Names an account.
    UserId
);
identifier!(
    /// Names a session: one login and everything refreshed from it.
    SessionId
);
identifier!(
    /// Names an audit record; sorts by time.
    EventId
);
identifier!(
    /// Names an outbox row; sorts by time, so the newest request for a mail is the greatest.
    RowId
);

identifier!(
    /// Names an invitation; sorts by time.
    InvitationId
);

/// Identifiers that sort by time (RFC 9562 section 5.7).
macro_rules! sorted_by_time {
    ($name:ident) => {
        impl $name {
            /// When it was made, as it says itself.
            #[must_use]
            pub fn made_at(self) -> crate::domain::Timestamp {
                let first = self.0.as_bytes().iter().take(6);
                let millis = first.fold(0_i64, |millis, byte| millis << 8 | i64::from(*byte));
                crate::domain::Timestamp::from_millis(millis)
            }
        }
    };
}

sorted_by_time!(RowId);
sorted_by_time!(EventId);
sorted_by_time!(InvitationId);

impl RowId {
    /// Less than every row made at `moment` or later, and greater than every row made before.
    #[must_use]
    pub fn floor_at(moment: crate::domain::Timestamp) -> Self {
        let millis = u64::try_from(moment.as_millis()).unwrap_or_default();
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
    }
}

impl EventId {
    /// Less than every record made at `moment` or later, and greater than every one made before. It is a bound and no UUID of
    /// a version, so that what is just before it is of the millisecond before.
    #[must_use]
    pub fn floor_at(moment: crate::domain::Timestamp) -> Self {
        let millis = u64::try_from(moment.as_millis()).unwrap_or_default();
        Self(Uuid::from_u128(u128::from(millis) << 80))
    }

    /// The greatest that is less.
    #[must_use]
    pub fn just_before(self) -> Self {
        Self(Uuid::from_u128(self.0.as_u128().saturating_sub(1)))
    }
}

/// An identifier that no account has, for requests that must look like those that concern one.
pub(crate) const NOBODY: UserId = UserId::new(Uuid::nil());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hyphenated_form_is_read() {
        let id = "0190a5d8-7d5a-7000-8000-000000000001";
        assert_eq!(
            id.parse::<UserId>().map(|id| id.to_string()),
            Ok(id.to_owned())
        );
        for other in [
            "0190a5d87d5a70008000000000000001",
            "{0190a5d8-7d5a-7000-8000-000000000001}",
            "",
            "x",
        ] {
            assert_eq!(other.parse::<UserId>(), Err(InvalidId));
        }
    }

    #[test]
    fn the_floor_of_a_moment_lies_between_its_rows_and_those_before() {
        use crate::domain::Timestamp;
        use crate::ground::entropy::{SeededEntropy, uuid_v7};
        let entropy = SeededEntropy::new(1);
        let moment = Timestamp::from_millis(1_700_000_000_000);
        let floor = RowId::floor_at(moment);
        assert!(RowId::new(uuid_v7(moment, &entropy)) > floor);
        assert_eq!(RowId::new(uuid_v7(moment, &entropy)).made_at(), moment);
        assert!(RowId::new(uuid_v7(Timestamp::from_millis(1_699_999_999_999), &entropy)) < floor);
    }

    #[test]
    fn nothing_lies_between_an_identifier_and_the_one_just_before() {
        use crate::domain::Timestamp;
        let floor = EventId::floor_at(Timestamp::from_millis(1_700_000_000_000));
        let before = floor.just_before();
        assert!(before < floor && before.to_string() < floor.to_string());
        assert_eq!(floor.uuid().as_u128() - before.uuid().as_u128(), 1);
        assert_eq!(before.made_at(), Timestamp::from_millis(1_699_999_999_999));
        assert_eq!(floor.made_at(), Timestamp::from_millis(1_700_000_000_000));
        assert_eq!(
            EventId::new(Uuid::nil()).just_before(),
            EventId::new(Uuid::nil())
        );
    }
}
