//! What a call is: a request to a service, and the actions on resources that it needs to be allowed.

use super::condition::Context;

/// A service, by how its requests are read and its refusals written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `DynamoDB`: AWS JSON 1.0.
    DynamoDb,
    /// Secrets Manager: AWS JSON 1.1.
    SecretsManager,
    /// SES, version 2: REST JSON.
    Ses,
    /// KMS: AWS JSON 1.1.
    Kms,
    /// S3: REST XML.
    S3,
}

/// One action on one resource that a call needs to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The action: `dynamodb:GetItem`.
    pub action: String,
    /// The resource's ARN, or `*` for an action that is about none.
    pub resource: String,
    /// What conditions may ask for.
    pub context: Context,
}

impl Ask {
    /// An action on a resource.
    #[must_use]
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            context: Context::new(),
        }
    }
}
