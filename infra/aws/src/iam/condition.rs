//! The conditions of statements.
//!
//! A condition is about a key of the call's context. A call that lacks the key does not meet it, as with AWS. Operators and
//! keys that are not here are refused when the policies are read: one that nothing sets would deny or allow at random.

use serde_json::Value;

use super::error::{PolicyError, unsupported};
use super::text::text;

/// A key that calls here can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContextKey {
    /// The service in whose name a key of KMS is used.
    KmsViaService,
    /// The account of who uses a key of KMS.
    KmsCallerAccount,
    /// The address that a mail is from.
    SesFromAddress,
    /// Whether the call came over TLS. Loopback stands for it.
    SecureTransport,
}

impl ContextKey {
    /// The key of this name, which is read without regard to case.
    fn named(name: &str) -> Option<Self> {
        let all = [
            ("kms:ViaService", Self::KmsViaService),
            ("kms:CallerAccount", Self::KmsCallerAccount),
            ("ses:FromAddress", Self::SesFromAddress),
            ("aws:SecureTransport", Self::SecureTransport),
        ];
        all.into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, key)| key)
    }
}

/// What is known of a call besides its action and resource.
pub type Context = Vec<(ContextKey, String)>;

/// One key and the values that it may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    key: ContextKey,
    values: Vec<String>,
}

impl Condition {
    /// Reads a statement's `Condition`; all of them have to be met.
    pub(super) fn read(block: Option<&Value>) -> Result<Vec<Self>, PolicyError> {
        let Some(block) = block else {
            return Ok(Vec::new());
        };
        let operators = block
            .as_object()
            .ok_or_else(|| unsupported("a Condition", &block.to_string()))?;
        let mut conditions = Vec::new();
        for (operator, keys) in operators {
            // Both compare texts: a truth value is one of two.
            if !["StringEquals", "Bool"].contains(&operator.as_str()) {
                return Err(unsupported("a Condition", operator));
            }
            let keys = keys
                .as_object()
                .ok_or_else(|| unsupported("a Condition", &keys.to_string()))?;
            for (name, values) in keys {
                let key =
                    ContextKey::named(name).ok_or_else(|| unsupported("a Condition", name))?;
                let values = values
                    .as_array()
                    .cloned()
                    .unwrap_or_else(|| vec![values.clone()]);
                let values = values.iter().map(text).collect::<Result<_, _>>()?;
                conditions.push(Self { key, values });
            }
        }
        Ok(conditions)
    }

    /// Whether a call meets it.
    #[must_use]
    pub fn is_met(&self, context: &Context) -> bool {
        context
            .iter()
            .any(|(key, value)| *key == self.key && self.values.contains(value))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(block: &Value) -> Result<Vec<Condition>, PolicyError> {
        Condition::read(Some(block))
    }

    #[test]
    fn a_call_meets_a_condition_by_the_right_value_and_not_by_none() {
        let all = read(&json!({ "StringEquals": { "kms:viaService": ["a", "b"] } })).unwrap();
        let met = |context: Context| all.iter().all(|condition| condition.is_met(&context));
        assert!(met(vec![(ContextKey::KmsViaService, "b".to_owned())]));
        assert!(!met(vec![(ContextKey::KmsViaService, "c".to_owned())]));
        assert!(!met(vec![(ContextKey::SesFromAddress, "a".to_owned())]));
        assert!(!met(Vec::new()));
    }

    #[test]
    fn operators_and_keys_that_are_not_evaluated_are_refused() {
        for (block, wanted) in [
            (
                json!({ "StringLike": { "ses:FromAddress": "a" } }),
                "StringLike",
            ),
            (
                json!({ "StringEquals": { "aws:PrincipalTag/x": "a" } }),
                "aws:PrincipalTag/x",
            ),
            (
                json!({ "ForAllValues:StringEquals": { "dynamodb:LeadingKeys": "a" } }),
                "ForAllValues:StringEquals",
            ),
            (json!("x"), "Condition"),
        ] {
            assert!(
                read(&block).unwrap_err().to_string().contains(wanted),
                "{block}"
            );
        }
    }
}
