//! The policies of `template.yaml`, as [`local_aws::iam`] holds them against every call.
//!
//! A caller is a function's crate (`auth-login`), which has the role that the template gives it, the logical id of another
//! role, or an operator. References are followed here; what a policy may hold is what is evaluated there.

pub mod facts;
pub mod intrinsic;
pub mod roles;
pub mod sources;
#[cfg(test)]
mod tests;

use local_aws::iam::{Policies, PolicySources};
use serde_json::Value;

use self::intrinsic::Stack;
use crate::names::Names;
use crate::template::TemplateError;

/// Reads the policies of all functions, and of the roles, keys and buckets that calls meet.
///
/// # Errors
/// [`TemplateError`] for a policy with a part that is not evaluated here.
pub fn read(document: &Value, names: Names<'_>) -> Result<Policies, TemplateError> {
    let stack = Stack::new(document, names);
    Ok(Policies::read(PolicySources {
        roles: roles::read(stack)?,
        resources: roles::read_resources(stack)?,
        facts: facts::read(stack)?,
        asked: sources::asked(stack)?,
        file: "template.yaml",
        own_policy: "the function's policy in template.yaml, and in its route if it has one",
    })?)
}
