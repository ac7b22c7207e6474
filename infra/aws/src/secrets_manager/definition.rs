//! A secret that is made with a generated value, as `CloudFormation` makes it from `GenerateSecretString`.

use serde_json::{Map, Value};

/// What is to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct SecretDefinition {
    /// The name behind the prefix that all names have.
    pub suffix: String,
    /// The members of the value that are not secret.
    pub members: Map<String, Value>,
    /// The member whose value is generated.
    pub generated: String,
    /// How it is generated: a request for a random password.
    pub password: Value,
}
