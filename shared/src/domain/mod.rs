//! What the service talks about: values that can only be right, and state with its rules. No I/O.

mod common_passwords;
mod device;
mod email;
mod field_code;
mod ids;
mod name;
mod password;
mod password_context;
mod password_scheme;
mod place;
mod programs;
mod reason;
pub mod schema;
mod session;
mod user;
mod user_agents;

pub use dashtam_verify::{Liveness, Role, SessionStamp, Timestamp, VersionLevel};
pub use device::{Device, DeviceKind, UserAgent};
pub use email::{EmailAddress, EmailError};
pub use field_code::FieldCode;
pub(crate) use ids::NOBODY;
pub use ids::{EventId, InvitationId, RowId, SessionId, UserId};
pub use name::{DisplayName, NameError};
pub use password::{Password, PasswordPolicy, PasswordProfile, PasswordRule, PasswordTooLong};
pub use password_scheme::PasswordScheme;
pub use place::{GeoIp, GeoIpError, Place};
pub use reason::{Reason, ReasonError};
pub use session::{RetiredToken, Session};
pub use user::{FormerAddress, PendingToken, Proof, Status, User};
