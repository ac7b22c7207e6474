//! Who may do what: policies, held against every call that reaches the servers.
//!
//! A call is signed with the access key of whoever makes it. Here the key's id is the name: that of a role, or
//! [`OPERATOR`], who has every right that a policy can
//! give. The [`door`] before each server reads the name out of the signature, [`requests`] says which actions on which
//! resources the call is, and [`Rights`] looks for a statement that allows each of them. A call without one is answered as
//! AWS answers it, and told of in one line.
//!
//! What a policy may hold is what is evaluated here: actions, resources, the conditions of [`condition`]. Anything else is
//! an error at the start and never read over. Left out are session policies, permissions
//! boundaries, policies of an organisation, and trust policies of roles.

pub mod ask;
pub mod condition;
pub mod door;
pub mod error;
pub mod facts;
pub mod policies;
pub mod requests;
pub mod rights;
pub mod role;
pub mod statement;
mod text;

pub use ask::{Ask, Service};
pub use door::guarded;
pub use error::PolicyError;
pub use facts::Facts;
pub use policies::{Policies, PolicySources, ResourceSource, RoleSource};
pub use rights::{Denial, Rights};
pub use role::Allowance;

pub use crate::account::{ACCOUNT, OPERATOR};
