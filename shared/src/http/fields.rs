//! The members of a request: one strict JSON object, or the parameters of a query, each parsed into a domain type, every unmet
//! rule reported at once.
//!
//! Unknown members are refused as well as wrong ones: a client that sends `role` or a misspelt member learns of it. A
//! member that occurs twice makes the body malformed, since readers disagree on which one counts (RFC 8259 section 4).
//!
//! Whoever reads members says with it what the request may hold. Fields without a request write that down; so the description of
//! the interface is made of the same lines that parse it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Value, json};

use super::problem::{Code, FieldError, Problem};
use super::shape::{Member, Shape};
use crate::domain::FieldCode;

/// Why a member was refused: a stable code and plain words, never the value.
#[derive(Debug, Clone)]
pub struct FieldFault {
    /// The rule, as clients switch on it.
    pub code: FieldCode,
    /// The rule in plain words.
    pub detail: Cow<'static, str>,
}

impl FieldFault {
    /// A fault of a rule.
    #[must_use]
    pub fn new(code: FieldCode, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
        }
    }
}

/// A type that a text can be parsed into.
pub trait Field: Sized {
    /// Parses the member.
    ///
    /// # Errors
    /// The rule that the value breaks.
    fn parse(text: String) -> Result<Self, FieldFault>;

    /// Parses the member as it stands in JSON; only texts, unless the type says otherwise.
    ///
    /// # Errors
    /// The rule that the value breaks.
    fn parse_json(value: Value) -> Result<Self, FieldFault> {
        match value {
            Value::String(text) => Self::parse(text),
            _ => Err(FieldFault::new(FieldCode::InvalidType, "Must be a string.")),
        }
    }

    /// What is taken, as a JSON Schema (2020-12): type, limits, form, a description and an example.
    fn schema() -> Value;
}

/// A field that is one of a few words.
pub trait Choice: Copy + 'static {
    /// The words and what they stand for.
    const WORDS: &'static [(&'static str, Self)];
    /// What is chosen, for the description.
    const MEANING: &'static str;
}

impl<T: Choice> Field for T {
    fn parse(text: String) -> Result<Self, FieldFault> {
        let chosen = Self::WORDS
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value);
        chosen.ok_or_else(|| {
            let words: Vec<_> = Self::WORDS
                .iter()
                .map(|(word, _)| format!("`{word}`"))
                .collect();
            FieldFault::new(
                FieldCode::InvalidValue,
                format!("Must be {}.", words.join(" or ")),
            )
        })
    }

    fn schema() -> Value {
        let words: Vec<_> = Self::WORDS.iter().map(|(word, _)| *word).collect();
        json!({ "type": "string", "enum": words, "description": Self::MEANING })
    }
}

/// The members of a request, taken out one by one.
pub struct Fields {
    members: Vec<(String, Value)>,
    errors: Vec<FieldError>,
    /// A query holds nothing but texts, so numbers and switches are read from them.
    is_query: bool,
    /// What was asked for, where there is no request.
    shape: Option<Shape>,
}

impl Fields {
    /// A body without members, for endpoints whose body may be missing.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            members: Vec::new(),
            errors: Vec::new(),
            is_query: false,
            shape: None,
        }
    }

    /// What `read` asks for. No member is there while it does.
    #[must_use]
    pub fn shape_of(read: impl FnOnce(&mut Self)) -> Shape {
        let mut fields = Self {
            shape: Some(Shape::default()),
            ..Self::empty()
        };
        read(&mut fields);
        fields.shape.unwrap_or_default()
    }

    /// Parses a body.
    ///
    /// # Errors
    /// [`Code::MalformedJson`] for anything but a JSON text without duplicate members,
    /// [`Code::ValidationFailed`] for JSON that is no object.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let Members(members) = serde_json::from_slice(body).map_err(|_| without_members(body))?;
        let twice = members
            .iter()
            .enumerate()
            .any(|(i, (name, _))| members.iter().skip(i + 1).any(|(other, _)| other == name));
        if twice {
            return Err(
                Problem::new(Code::MalformedJson).detail("A member occurs twice in the body.")
            );
        }
        Ok(Self {
            members,
            ..Self::empty()
        })
    }

    /// The parameters of a query string, as members. One that occurs twice is refused, since readers disagree on which one
    /// counts.
    #[must_use]
    pub fn of_query(query: &str) -> Self {
        let mut fields = Self {
            is_query: true,
            ..Self::empty()
        };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if fields.has(&name) {
                let fault = FieldFault::new(FieldCode::Duplicate, "Must be given only once.");
                fields.refuse(presentable(&name), fault);
            } else {
                let value = Value::String(value.into_owned());
                fields.members.push((name.into_owned(), value));
            }
        }
        fields
    }

    /// Whether the member `name` is there and not yet taken.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member == name)
    }

    /// The member `name`, which must be there.
    pub fn required<T: Field>(&mut self, name: &'static str) -> Option<T> {
        self.note(name, true, T::schema);
        if !self.has(name) {
            self.refuse(name, FieldFault::new(FieldCode::Required, "Must be given."));
        }
        self.take(name)
    }

    /// The member `name`, which may be missing.
    pub fn optional<T: Field>(&mut self, name: &'static str) -> Option<T> {
        self.note(name, false, T::schema);
        self.take(name)
    }

    /// `name` or `other` must be there. To be said before they are taken.
    ///
    /// The schema says it as a condition: generators of clients turn `anyOf` beside members into classes without members.
    pub fn any_of(&mut self, names: [&'static str; 2]) {
        let [name, other] = names;
        self.rule(
            || json!({ "if": { "not": { "required": [name] } }, "then": { "required": [other] } }),
        );
        if !names.iter().any(|name| self.has(name)) {
            let words: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            self.refuse(
                "",
                FieldFault::new(
                    FieldCode::Required,
                    format!("Give at least one of {}.", words.join(", ")),
                ),
            );
        }
    }

    /// With `name`, `other` must be there. To be said before they are taken.
    pub fn needs(&mut self, name: &'static str, other: &'static str) {
        self.rule(|| json!({ "dependentRequired": { name: [other] } }));
        if self.has(name) && !self.has(other) {
            self.refuse(
                other,
                FieldFault::new(FieldCode::Required, format!("Must be given with `{name}`.")),
            );
        }
    }

    /// Another rule of the whole request, as a JSON Schema; the reader itself refuses what breaks it.
    pub fn rule(&mut self, schema: impl FnOnce() -> Value) {
        if let Some(shape) = &mut self.shape {
            shape.rules.push(schema());
        }
    }

    pub(super) fn note(
        &mut self,
        name: &'static str,
        required: bool,
        schema: impl FnOnce() -> Value,
    ) {
        if let Some(shape) = &mut self.shape {
            shape.members.push(Member {
                name,
                required,
                schema: schema(),
            });
        }
    }

    pub(super) fn take<T: Field>(&mut self, name: &'static str) -> Option<T> {
        let index = self.members.iter().position(|(member, _)| member == name)?;
        let (_, value) = self.members.swap_remove(index);
        let parsed = match value {
            Value::String(text) if self.is_query => T::parse(text),
            value => T::parse_json(value),
        };
        parsed.map_err(|fault| self.refuse(name, fault)).ok()
    }

    /// Adds a rule that `name` breaks.
    pub fn refuse(&mut self, name: &str, fault: FieldFault) {
        self.errors.push(FieldError {
            pointer: pointer(name),
            code: fault.code,
            detail: fault.detail,
        });
    }

    /// The parsed body.
    ///
    /// # Errors
    /// [`Code::ValidationFailed`] with every unmet rule, unknown members included.
    pub fn complete<T>(mut self, value: Option<T>) -> Result<T, Problem> {
        for (name, _) in std::mem::take(&mut self.members) {
            let fault = FieldFault::new(FieldCode::UnknownMember, "There is no such member.");
            self.refuse(presentable(&name), fault);
        }
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            _ => Err(Problem::validation(self.errors)),
        }
    }
}

/// Why a body is no object with members. Another type is reported at its first byte, so the rest is read as well: what is no
/// JSON is malformed, whatever it begins with.
fn without_members(body: &[u8]) -> Problem {
    if serde_json::from_slice::<Value>(body).is_err() {
        return Problem::new(Code::MalformedJson);
    }
    Problem::validation(vec![FieldError {
        pointer: String::new(),
        code: FieldCode::InvalidType,
        detail: Cow::Borrowed("The body must be a JSON object."),
    }])
}

/// A name that the client chose, if it may be repeated: it may be any text, which an answer must not carry.
fn presentable(name: &str) -> &str {
    let has_form = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if has_form { name } else { "" }
}

fn pointer(name: &str) -> String {
    if name.is_empty() {
        String::new()
    } else {
        format!("/{name}")
    }
}

/// An object's members in order, duplicates included.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DisplayName, EmailAddress};
    use crate::http::SentMailToken;
    use proptest::prelude::*;

    fn codes(problem: &Problem) -> Vec<(String, &'static str)> {
        problem
            .errors
            .iter()
            .map(|error| (error.pointer.clone(), error.code.into()))
            .collect()
    }

    #[test]
    fn every_unmet_rule_is_reported_at_once() {
        let mut fields =
            Fields::parse(br#"{"email":"nobody","role":"admin","token":7}"#).expect("JSON");
        let email = fields.required::<EmailAddress>("email");
        let token = fields.required::<SentMailToken>("token");
        let name = fields.required::<DisplayName>("name");
        let problem = fields
            .complete(email.zip(token).zip(name))
            .err()
            .expect("refused");
        let found = codes(&problem);
        for (pointer, code) in [
            ("/token", "invalid_type"),
            ("/name", "required"),
            ("/role", "unknown_member"),
        ] {
            assert!(found.contains(&(pointer.to_owned(), code)), "{found:?}");
        }
        assert_eq!(found.len(), 4, "{found:?}");
    }

    #[test]
    fn a_member_that_occurs_twice_makes_the_body_malformed() {
        let problem = Fields::parse(br#"{"email":"a@b.co","email":"c@d.co"}"#)
            .err()
            .expect("refused");
        assert_eq!(problem.code, Code::MalformedJson);
    }

    #[test]
    fn json_that_is_no_object_is_invalid_and_no_json_is_malformed() {
        for body in [&b"[]"[..], b"null", b"1", b"\"x\""] {
            assert_eq!(
                Fields::parse(body).err().map(|p| p.code),
                Some(Code::ValidationFailed)
            );
        }
        for body in [
            &b""[..],
            b"{",
            b"[1,2",
            b"[]]",
            b"12x",
            b"[\"\xff\"]",
            b"{\"a\":1e400}",
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\\ud800\"}",
            b"{} {}",
        ] {
            assert_eq!(
                Fields::parse(body).err().map(|p| p.code),
                Some(Code::MalformedJson),
                "{body:?}"
            );
        }
    }

    #[test]
    fn a_strange_member_name_is_not_repeated() {
        let fields = Fields::parse(br#"{"<script>":1}"#).expect("JSON");
        let problem = fields.complete(Some(())).expect_err("refused");
        assert_eq!(codes(&problem), [(String::new(), "unknown_member")]);
    }

    #[test]
    fn what_a_reader_asks_for_is_the_schema_of_its_body() {
        let shape = Fields::shape_of(|fields| {
            fields.any_of(["email", "name"]);
            fields.needs("email", "token");
            fields.optional::<EmailAddress>("email");
            fields.optional::<DisplayName>("name");
            fields.required::<SentMailToken>("token");
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "email": EmailAddress::schema(), "name": DisplayName::schema(), "token": SentMailToken::schema(),
            },
            "required": ["token"],
            "additionalProperties": false,
            "if": { "not": { "required": ["email"] } },
            "then": { "required": ["name"] },
            "dependentRequired": { "email": ["token"] },
        });
        assert_eq!(shape.body_schema(), expected);
    }

    #[test]
    fn rules_between_members_are_held() {
        let read = |body: &[u8]| {
            let mut fields = Fields::parse(body).expect("JSON");
            fields.any_of(["email", "name"]);
            fields.needs("email", "token");
            let read = (
                fields.optional::<EmailAddress>("email"),
                fields.optional::<DisplayName>("name"),
            );
            let token = fields.optional::<SentMailToken>("token");
            fields
                .complete(Some((read, token)))
                .err()
                .map(|problem| codes(&problem))
                .unwrap_or_default()
        };
        assert_eq!(read(b"{}"), [(String::new(), "required")]);
        assert_eq!(
            read(br#"{"email":"a@example.com"}"#),
            [("/token".to_owned(), "required")]
        );
        assert_eq!(read(br#"{"email":"a@example.com","token":"x"}"#), []);
        assert_eq!(read(br#"{"name":"Ada"}"#), []);
    }

    proptest! {
        #[test]
        fn no_body_makes_the_parser_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Fields::parse(&body);
        }
    }
}
