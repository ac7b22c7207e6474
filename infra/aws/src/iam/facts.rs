//! What is known of the resources that requests name.

use std::collections::BTreeMap;

/// What a request alone does not say.
#[derive(Debug, Default)]
pub struct Facts {
    /// The ARN of the key of each secret that has one of its own, by the secret's ARN.
    pub secret_keys: BTreeMap<String, String>,
    /// The ARN of the function that rotates a secret, by the secret's ARN.
    pub rotations: BTreeMap<String, String>,
    /// What SES has verified, and the configuration set that is used with it.
    pub identity: Option<(String, Option<String>)>,
    /// The ARN of the key that signs.
    pub signing_key: String,
}
