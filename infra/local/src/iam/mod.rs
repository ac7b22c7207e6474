//! Who may do what: the policies of `template.yaml`, held against every call that reaches the local AWS side.
//!
//! A call is signed with the access key of whoever makes it. Here the key's id is the name: a function's crate
//! (`auth-login`), which has the role that the template gives it, or [`OPERATOR`], who has every right that a policy can
//! give. The [`door`] before each server reads the name out of the signature, [`requests`] says which actions on which
//! resources the call is, and [`Rights`] looks for a statement that allows each of them. A call without one is answered as
//! AWS answers it, and told of in one line.
//!
//! What a policy may hold is what is evaluated here: actions, resources, the conditions of [`condition`]. Anything else is
//! an error at the start and never read over. Left out is what the template does not use: session policies, permissions
//! boundaries, policies of an organisation, and trust policies of roles.

pub mod allowance;
pub mod ask;
pub mod condition;
pub mod door;
pub mod intrinsic;
pub mod policy;
pub mod requests;
pub mod rights;
pub mod sources;
#[cfg(test)]
mod tests;

pub use allowance::{Allowance, Policies};
pub use ask::{Ask, Service};
pub use door::guarded;
pub use intrinsic::Names;
pub use rights::{Denial, Rights};

/// The account that the local AWS side plays.
pub const ACCOUNT: &str = "000000000000";
/// The access key id of an operator: whoever may do everything that the account's own policies can allow.
pub const OPERATOR: &str = "operator";
