//! Statements of policies.

use serde_json::Value;

use super::condition::{Condition, Context};
use super::error::{PolicyError, unsupported};
use super::text::texts;
use crate::account::ACCOUNT;

/// Whether a statement gives or takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Gives.
    Allow,
    /// Takes, whatever else is given.
    Deny,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Whether it gives or takes.
    pub effect: Effect,
    /// The callers that it is about, as ARNs, account roots or `*`; empty in a role's own policy.
    pub principals: Vec<String>,
    /// The actions, which may hold wildcards.
    pub actions: Vec<String>,
    /// The resources, which may hold wildcards.
    pub resources: Vec<String>,
    /// What has to be met.
    pub conditions: Vec<Condition>,
}

impl Statement {
    /// Whether the statement is about an action on a resource under this context.
    #[must_use]
    pub fn covers(&self, action: &str, resource: &str, context: &Context) -> bool {
        self.actions
            .iter()
            .any(|pattern| action_matches(pattern, action))
            && self
                .resources
                .iter()
                .any(|pattern| matches(pattern, resource))
            && self
                .conditions
                .iter()
                .all(|condition| condition.is_met(context))
    }

    /// Whether the statement of a resource is about everybody or this role.
    pub(super) fn concerns(&self, arn: &str) -> bool {
        self.principals
            .iter()
            .any(|principal| principal == "*" || principal == arn)
    }

    /// Whether it is about the account: then it only lets the callers' own policies decide.
    pub(super) fn concerns_the_account(&self) -> bool {
        self.principals
            .iter()
            .any(|principal| *principal == format!("arn:aws:iam::{ACCOUNT}:root"))
    }
}

/// Reads the statements of a policy document that belongs to `place`.
///
/// # Errors
/// [`PolicyError`] for a statement with a part that is not evaluated here.
pub(super) fn statements(place: &str, document: &Value) -> Result<Vec<Statement>, PolicyError> {
    let wrong = |part: String| PolicyError {
        place: format!("a policy of {place}"),
        part,
    };
    let list = document
        .get("Statement")
        .and_then(Value::as_array)
        .ok_or_else(|| wrong(document.to_string()))?;
    // Services are no callers here.
    let ours = list
        .iter()
        .filter(|statement| statement.pointer("/Principal/Service").is_none());
    ours.map(|statement| {
        let members = statement
            .as_object()
            .ok_or_else(|| wrong(statement.to_string()))?;
        let known = [
            "Sid",
            "Effect",
            "Principal",
            "Action",
            "Resource",
            "Condition",
        ];
        if let Some(other) = members
            .keys()
            .find(|member| !known.contains(&member.as_str()))
        {
            return Err(wrong(other.clone()));
        }
        let effect = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return Err(wrong("an Effect that is neither Allow nor Deny".to_owned())),
        };
        let texts = |part: &str| {
            let value = statement
                .get(part)
                .ok_or_else(|| wrong(format!("a statement without {part}")))?;
            texts(value)
        };
        Ok(Statement {
            effect,
            principals: principals(statement.get("Principal"))?,
            actions: texts("Action")?,
            resources: texts("Resource")?,
            conditions: Condition::read(statement.get("Condition"))?,
        })
    })
    .collect()
}

fn principals(principal: Option<&Value>) -> Result<Vec<String>, PolicyError> {
    match principal {
        None => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![text.clone()]),
        Some(principal) => match principal.get("AWS") {
            Some(callers) => texts(callers),
            None => Err(unsupported("a Principal", &principal.to_string())),
        },
    }
}

/// Whether an action is one of a pattern's. Actions are compared without regard to case.
#[must_use]
pub fn action_matches(pattern: &str, action: &str) -> bool {
    let wild = || {
        pattern.contains(['*', '?'])
            && matches(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase())
    };
    pattern.eq_ignore_ascii_case(action) || wild()
}

/// Whether `text` fits a pattern in which `*` stands for anything and `?` for one character.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, behind)) = pattern.split_once(['*', '?']) else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(before) else {
        return false;
    };
    if pattern.as_bytes().get(before.len()) == Some(&b'?') {
        let mut characters = rest.chars();
        return characters.next().is_some() && matches(behind, characters.as_str());
    }
    rest.char_indices()
        .map(|(place, _)| place)
        .chain([rest.len()])
        .any(|place| {
            let end = rest.get(place..).unwrap_or_default();
            matches(behind, end)
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(statement: &Value) -> Result<Vec<Statement>, PolicyError> {
        statements("X", &json!({ "Statement": [statement] }))
    }

    #[test]
    fn wildcards_match_as_in_aws() {
        for (pattern, text, wanted) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a/*", "a/b/c", true),
            ("a/*", "a", false),
            ("a*c", "abcbc", true),
            ("a*c", "abcb", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a?", "aé", true),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
        assert!(action_matches("s3:*", "s3:PutObject") && action_matches("KMS:sign", "kms:Sign"));
    }

    #[test]
    fn a_part_that_is_not_evaluated_is_refused() {
        for (statement, wanted) in [
            (
                json!({ "Effect": "Allow", "NotAction": "a", "Resource": "b" }),
                "NotAction",
            ),
            (
                json!({ "Effect": "Allow", "Action": "a", "NotResource": "b" }),
                "NotResource",
            ),
            (
                json!({ "Effect": "Maybe", "Action": "a", "Resource": "b" }),
                "Effect",
            ),
            (json!({ "Effect": "Allow", "Action": "a" }), "Resource"),
            (
                json!({ "Effect": "Allow", "Action": "a", "Resource": "b", "Principal": { "Federated": "x" } }),
                "Federated",
            ),
            (json!("x"), "x"),
        ] {
            let error = read(&statement).unwrap_err().to_string();
            assert!(error.contains(wanted), "{statement}: {error}");
        }
        assert!(statements("X", &json!("DynamoDBCrudPolicy")).is_err());
    }

    #[test]
    fn statements_about_services_concern_no_caller_here() {
        let statement =
            json!({ "Effect": "Allow", "Principal": { "Service": "logs" }, "NotAction": "a" });
        assert_eq!(read(&statement), Ok(Vec::new()));
    }
}
