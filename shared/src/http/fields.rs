//! What members of a body are parsed into: domain types, tokens as text, numbers and switches.

use serde_json::Value;

use super::body::{Field, FieldFault};
use crate::domain::{DisplayName, EmailAddress, Password, Reason, UserId};

/// The longest token in a body, in bytes.
const TOKEN_LIMIT: usize = 4_096;

impl Field for EmailAddress {
    fn parse(text: String) -> Result<Self, FieldFault> {
        Self::parse(&text).map_err(|error| FieldFault { code: error.code(), detail: error.to_string().into() })
    }
}

impl Field for DisplayName {
    fn parse(text: String) -> Result<Self, FieldFault> {
        Self::parse(&text).map_err(|error| FieldFault { code: error.code(), detail: error.to_string().into() })
    }
}

impl Field for Password {
    fn parse(text: String) -> Result<Self, FieldFault> {
        Self::presented(text).map_err(|error| FieldFault { code: "too_long", detail: error.to_string().into() })
    }
}

/// A token as text; what it means is checked by whoever knows tokens.
impl Field for String {
    fn parse(text: String) -> Result<Self, FieldFault> {
        if text.len() <= TOKEN_LIMIT {
            return Ok(text);
        }
        Err(FieldFault { code: "too_long", detail: format!("Must be at most {TOKEN_LIMIT} bytes.").into() })
    }
}

impl Field for Reason {
    fn parse(text: String) -> Result<Self, FieldFault> {
        Self::parse(&text).map_err(|error| FieldFault::new(error.code(), error.to_string()))
    }
}

impl Field for UserId {
    fn parse(text: String) -> Result<Self, FieldFault> {
        text.parse().map_err(|_| FieldFault::new("invalid_format", "Must be a UUID in its hyphenated form."))
    }
}

/// A switch. In a query it is `true` or `false`.
impl Field for bool {
    fn parse(text: String) -> Result<Self, FieldFault> {
        text.parse().map_err(|_| FieldFault::new("invalid_type", "Must be true or false."))
    }

    fn parse_json(value: Value) -> Result<Self, FieldFault> {
        value.as_bool().ok_or_else(|| FieldFault::new("invalid_type", "Must be true or false."))
    }
}

/// A whole number from `LEAST` to `MOST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<const LEAST: u64, const MOST: u64>(pub u64);

impl<const LEAST: u64, const MOST: u64> Whole<LEAST, MOST> {
    fn within(number: u64) -> Result<Self, FieldFault> {
        if (LEAST..=MOST).contains(&number) {
            return Ok(Self(number));
        }
        Err(FieldFault::new("out_of_range", format!("Must be {LEAST} to {MOST}.")))
    }
}

impl<const LEAST: u64, const MOST: u64> Field for Whole<LEAST, MOST> {
    fn parse(text: String) -> Result<Self, FieldFault> {
        let number = text.parse().map_err(|_| FieldFault::new("invalid_type", "Must be a whole number."))?;
        Self::within(number)
    }

    fn parse_json(value: Value) -> Result<Self, FieldFault> {
        match value.as_u64() {
            Some(number) => Self::within(number),
            // A negative number is a whole one out of range; 1.5 is none.
            None if value.is_i64() => Self::within(u64::MAX),
            None => Err(FieldFault::new("invalid_type", "Must be a whole number.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code<T: Field>(value: Value) -> Option<&'static str> {
        T::parse_json(value).err().map(|fault| fault.code)
    }

    #[test]
    fn a_number_is_whole_and_in_range() {
        type Grace = Whole<0, 3_600>;
        assert_eq!(Grace::parse_json(json!(3_600)).map(|grace| grace.0).ok(), Some(3_600));
        for wrong in [json!(3_601), json!(-1), json!(u64::MAX)] {
            assert_eq!(code::<Grace>(wrong.clone()), Some("out_of_range"), "{wrong}");
        }
        for wrong in [json!(1.5), json!("60"), json!(true), json!(null), json!(1e300)] {
            assert_eq!(code::<Grace>(wrong.clone()), Some("invalid_type"), "{wrong}");
        }
    }

    #[test]
    fn a_switch_is_true_or_false() {
        assert_eq!(bool::parse_json(json!(true)).ok(), Some(true));
        for wrong in [json!("true"), json!(1), json!(null)] {
            assert_eq!(code::<bool>(wrong.clone()), Some("invalid_type"), "{wrong}");
        }
    }
}
