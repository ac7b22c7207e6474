//! The account and the region that the servers play.

/// The account.
pub const ACCOUNT: &str = "000000000000";
/// The region.
pub const REGION: &str = "us-east-1";
/// The access key id of an operator: whoever may do everything that the account's own policies can allow.
pub const OPERATOR: &str = "operator";
/// The secret half of every access key: signatures are not verified, and callers are known by the other half.
pub const SECRET_ACCESS_KEY: &str = "local";

/// The ARN of a resource in this account and region.
#[must_use]
pub fn arn(service: &str, rest: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}")
}

/// The ARN of the role of this name.
#[must_use]
pub fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}
