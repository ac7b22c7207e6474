//! The rules that a member of a request may break, as clients switch on them.

use serde::Serialize;

/// What is wrong with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum FieldCode {
    /// Nothing but white space.
    Blank,
    /// A password that is little more than the address or the product's name.
    ContainsContext,
    /// Given more than once.
    Duplicate,
    /// A character that is not allowed.
    InvalidCharacter,
    /// Not the cursor of the page before.
    InvalidCursor,
    /// Not a domain.
    InvalidDomain,
    /// Not in its form.
    InvalidFormat,
    /// Of another JSON type.
    InvalidType,
    /// None of the few words.
    InvalidValue,
    /// A password without a digit.
    NoDigit,
    /// A password without a letter.
    NoLetter,
    /// A password without a lower-case letter.
    NoLowerCase,
    /// A password without a special character.
    NoSpecial,
    /// A password without an upper-case letter.
    NoUpperCase,
    /// An address that no mail can be sent to.
    NotDeliverable,
    /// A number that is too small or too large.
    OutOfRange,
    /// Missing.
    Required,
    /// Used before.
    Reused,
    /// What it is already.
    SameAsCurrent,
    /// A password among the first to be guessed.
    TooCommon,
    /// Too long.
    TooLong,
    /// Too short.
    TooShort,
    /// No action of the audit trail.
    UnknownAction,
    /// No such member.
    UnknownMember,
}
