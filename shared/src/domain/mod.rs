//! What the service talks about: values that can only be right, and state with its rules. No I/O.

mod common_passwords;
mod device;
mod email;
mod ids;
mod level;
mod name;
mod password;
mod place;
mod session;
mod time;
mod user;

pub use device::{Device, DeviceKind, UserAgent};
pub use email::{EmailAddress, EmailError};
pub use ids::{EventId, RowId, SessionId, UserId};
pub use level::VersionLevel;
pub use name::{DisplayName, NameError};
pub use password::{Password, PasswordPolicy, PasswordProfile, PasswordRule, PasswordTooLong};
pub use place::{GeoIp, GeoIpError, Place};
pub use session::{Liveness, Session};
pub use time::Timestamp;
pub use user::{PendingToken, Role, Status, User};
