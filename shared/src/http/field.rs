//! What members of a body are parsed into: domain types, tokens as text, numbers and switches.

use serde_json::{Value, json};

use super::fields::{Choice, Field, FieldFault, Fields};
use crate::breach::key_replacement::Mode;
use crate::domain::{
    DisplayName, EmailAddress, FieldCode, Password, PasswordPolicy, Reason, UserId,
};
use crate::sign_in::refresh::presented::RetryKey;

/// The longest token in a body, in characters; ours are shorter.
const TOKEN_LIMIT: usize = 1_024;

impl Field for EmailAddress {
    fn parse(text: String) -> Result<Self, FieldFault> {
        Self::parse(&text).map_err(|error| FieldFault::new(error.code(), error.to_string()))
    }

    fn schema() -> Value {
        json!({
            "type": "string", "format": "email", "minLength": 6, "maxLength": 254,
            "description": "One plain email address. It is stored and returned in lower case, with its domain in ASCII (IDNA).",
            "examples": ["ada@example.com"],
        })
    }
}

/// An address that mail is to be sent to for the first time.
pub struct DeliverableEmail(pub EmailAddress);

impl Field for DeliverableEmail {
    fn parse(text: String) -> Result<Self, FieldFault> {
        let email = <EmailAddress as Field>::parse(text)?;
        if email.is_deliverable() {
            return Ok(Self(email));
        }
        let detail = "The part before the @ may only have unaccented letters, digits and ASCII symbols: email to other \
                      addresses cannot be delivered.";
        Err(FieldFault::new(FieldCode::NotDeliverable, detail))
    }

    fn schema() -> Value {
        EmailAddress::schema()
    }
}

impl Field for DisplayName {
    fn parse(text: String) -> Result<Self, FieldFault> {
        Self::parse(&text).map_err(|error| FieldFault::new(error.code(), error.to_string()))
    }

    fn schema() -> Value {
        json!({
            "type": "string", "format": "display-name", "minLength": 1, "maxLength": 100,
            "description": "What to call the person: not blank, without control characters and line breaks. White space around it is removed.",
            "examples": ["Ada Lovelace"],
        })
    }
}

impl Field for Password {
    fn parse(text: String) -> Result<Self, FieldFault> {
        Self::presented(text).map_err(|error| FieldFault::new(error.code(), error.to_string()))
    }

    fn schema() -> Value {
        json!({
            "type": "string", "format": "password", "maxLength": 1024,
            "description": "A password, exactly as it was chosen; at most 1,024 bytes in UTF-8.",
            "examples": ["Correct-Horse-7-Battery"],
        })
    }
}

impl Fields {
    /// The member `name`, which must be there and a password that the policy allows; `email` is what it must not be built on.
    pub fn new_password(
        &mut self,
        name: &'static str,
        policy: PasswordPolicy,
        email: Option<&str>,
    ) -> Option<Password> {
        self.note(name, true, || new_password(policy));
        if !self.has(name) {
            self.refuse(name, FieldFault::new(FieldCode::Required, "Must be given."));
        }
        let password = self.take(name);
        self.check_password(name, password.as_ref(), policy, email);
        password
    }

    /// Holds a new password to the policy; `email` is what it must not be built on.
    pub fn check_password(
        &mut self,
        name: &str,
        password: Option<&Password>,
        policy: PasswordPolicy,
        email: Option<&str>,
    ) {
        let Some(password) = password else { return };
        for rule in policy.check(password, email.as_slice()) {
            self.refuse(
                name,
                FieldFault {
                    code: rule.code(),
                    detail: rule.detail(),
                },
            );
        }
    }
}

/// The schema of a password that is chosen now.
fn new_password(policy: PasswordPolicy) -> Value {
    let description = "A new password of at most 1,024 bytes in UTF-8. By default it needs 8 characters, among them an \
        upper-case and a lower-case letter, a digit and a special character; a deployment may ask for other rules. It must not \
        be a common password, nor built on the mail address or the name of the service. A refusal names every rule that is not \
        met.";
    json!({
        "type": "string", "format": "password", "minLength": policy.profile.min_length(), "maxLength": 1024,
        "description": description, "examples": ["Brave-Otter-9-Lantern"],
    })
}

/// A refresh token as it was sent. Whether it is one is judged by whoever knows tokens, and not told apart from a dead one.
pub struct SentRefreshToken(pub String);

impl Field for SentRefreshToken {
    fn parse(text: String) -> Result<Self, FieldFault> {
        token(text).map(Self)
    }

    fn schema() -> Value {
        token_schema(
            "A refresh token. It begins with `dtr_`; anything else is an invalid one.",
            "dtr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        )
    }
}

impl Field for RetryKey {
    fn parse(text: String) -> Result<Self, FieldFault> {
        let (least, most) = (Self::MIN_LENGTH, Self::MAX_LENGTH);
        let length = text.chars().count();
        if length < least {
            return Err(FieldFault::new(
                FieldCode::TooShort,
                format!("Must have at least {least} characters."),
            ));
        }
        if length > most {
            return Err(FieldFault::new(
                FieldCode::TooLong,
                format!("Must have at most {most} characters."),
            ));
        }
        let form = || {
            FieldFault::new(
                FieldCode::InvalidFormat,
                "Must consist of ASCII letters, digits, `_` and `-`.",
            )
        };
        Self::parse(text).ok_or_else(form)
    }

    fn schema() -> Value {
        json!({
            "type": "string", "minLength": Self::MIN_LENGTH, "maxLength": Self::MAX_LENGTH, "pattern": "^[A-Za-z0-9_-]+$",
            "description": "A secret that the client makes at random for this one refresh and keeps beside the refresh token \
                before it sends both. Where the answer is lost, the same token with the same key gets the same new refresh token \
                again, for a day by default and until that has been presented; without a key that works for 30 seconds. Throw it \
                away with the answer: with the new token the same key is refused (`reused`).",
            "examples": ["Mz8xk2v_Qb-7Yt0LwR4s3A"],
        })
    }
}

/// The token of a mail as it was sent. Whether it is one is judged by whoever knows tokens, and not told apart from a used one.
pub struct SentMailToken(pub String);

impl Field for SentMailToken {
    fn parse(text: String) -> Result<Self, FieldFault> {
        token(text).map(Self)
    }

    fn schema() -> Value {
        token_schema(
            "The token of a mail's link. One that is unknown, used or expired is refused alike.",
            "dvt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        )
    }
}

fn token(text: String) -> Result<String, FieldFault> {
    if text.chars().nth(TOKEN_LIMIT).is_none() {
        return Ok(text);
    }
    Err(FieldFault::new(
        FieldCode::TooLong,
        format!("Must have at most {TOKEN_LIMIT} characters."),
    ))
}

fn token_schema(description: &str, example: &str) -> Value {
    json!({ "type": "string", "maxLength": TOKEN_LIMIT, "description": description, "examples": [example] })
}

impl Field for Reason {
    fn parse(text: String) -> Result<Self, FieldFault> {
        Self::parse(&text).map_err(|error| FieldFault::new(error.code(), error.to_string()))
    }

    fn schema() -> Value {
        json!({
            "type": "string", "format": "reason", "minLength": 10, "maxLength": 500,
            "description": "Why, for those who read the audit trail: one line without control characters.",
            "examples": ["A laptop with the account's tokens was stolen."],
        })
    }
}

impl Field for UserId {
    fn parse(text: String) -> Result<Self, FieldFault> {
        text.parse().map_err(|_| {
            FieldFault::new(
                FieldCode::InvalidFormat,
                "Must be a UUID in its hyphenated form.",
            )
        })
    }

    fn schema() -> Value {
        json!({
            "type": "string", "format": "uuid", "description": "Names an account.",
            "examples": ["3f6c1f0e-7a54-4b0e-9c58-0d4a5f1f7a11"],
        })
    }
}

impl Choice for Mode {
    const WORDS: &'static [(&'static str, Self)] = &[
        (Self::Routine.name(), Self::Routine),
        (Self::Compromised.name(), Self::Compromised),
    ];
    const MEANING: &'static str =
        "On `routine` what the old keys signed stays good, after `compromised` it is refused.";
}

/// A switch. In a query it is `true` or `false`.
impl Field for bool {
    fn parse(text: String) -> Result<Self, FieldFault> {
        text.parse()
            .map_err(|_| FieldFault::new(FieldCode::InvalidType, "Must be true or false."))
    }

    fn parse_json(value: Value) -> Result<Self, FieldFault> {
        value
            .as_bool()
            .ok_or_else(|| FieldFault::new(FieldCode::InvalidType, "Must be true or false."))
    }

    fn schema() -> Value {
        json!({ "type": "boolean" })
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
        Err(FieldFault::new(
            FieldCode::OutOfRange,
            format!("Must be {LEAST} to {MOST}."),
        ))
    }
}

impl<const LEAST: u64, const MOST: u64> Field for Whole<LEAST, MOST> {
    fn parse(text: String) -> Result<Self, FieldFault> {
        let digits = text.strip_prefix('-').unwrap_or(&text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(FieldFault::new(
                FieldCode::InvalidType,
                "Must be a whole number.",
            ));
        }
        // A negative number, or one that is longer than any, is a whole one out of range.
        Self::within(text.parse().unwrap_or(u64::MAX))
    }

    fn parse_json(value: Value) -> Result<Self, FieldFault> {
        match (value.as_u64(), value.as_f64()) {
            (Some(number), _) => Self::within(number),
            // `60.0` is the whole number 60 (JSON Schema 2020-12, core, section 4.2.3), and some clients write all numbers so.
            // A number that is negative or longer than any of ours is a whole one out of range; 1.5 is none.
            (None, Some(number)) if number.fract() == 0.0 => {
                Self::within(format!("{number:.0}").parse().unwrap_or(u64::MAX))
            }
            _ => Err(FieldFault::new(
                FieldCode::InvalidType,
                "Must be a whole number.",
            )),
        }
    }

    fn schema() -> Value {
        json!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code<T: Field>(value: Value) -> Option<&'static str> {
        T::parse_json(value).err().map(|fault| fault.code.into())
    }

    #[test]
    fn a_number_is_whole_and_in_range() {
        type Grace = Whole<0, 3_600>;
        assert_eq!(
            Grace::parse_json(json!(3_600)).map(|grace| grace.0).ok(),
            Some(3_600)
        );
        assert_eq!(
            Grace::parse_json(json!(60.0)).map(|grace| grace.0).ok(),
            Some(60),
            "as JSON Schema counts"
        );
        for wrong in [
            json!(3_601),
            json!(3_600.5e3),
            json!(-1),
            json!(-1.0),
            json!(u64::MAX),
            json!(1e300),
        ] {
            assert_eq!(
                code::<Grace>(wrong.clone()),
                Some("out_of_range"),
                "{wrong}"
            );
        }
        for wrong in [json!(1.5), json!("60"), json!(true), json!(null)] {
            assert_eq!(
                code::<Grace>(wrong.clone()),
                Some("invalid_type"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_number_in_a_query_is_read_like_one_in_a_body() {
        type Limit = Whole<1, 200>;
        let code = |text: &str| {
            Limit::parse(text.to_owned())
                .map_err(|fault| <&str>::from(fault.code))
                .map(|limit| limit.0)
        };
        assert_eq!(code("200"), Ok(200));
        for wrong in ["0", "201", "-1", "1000000000", "99999999999999999999999"] {
            assert_eq!(code(wrong), Err("out_of_range"), "{wrong}");
        }
        for wrong in ["", "-", "+1", "1.5", " 1", "1e2", "٣"] {
            assert_eq!(code(wrong), Err("invalid_type"), "{wrong}");
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
