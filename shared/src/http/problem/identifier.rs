//! Identifiers that a path may hold.

use super::{Code, Problem};
use crate::audit_event::{Cause, Refusal};
use crate::domain::{InvitationId, SessionId, UserId};

/// An identifier that a path may hold.
pub trait Identifier: std::str::FromStr + Send {
    /// What it names, for the description.
    const MEANING: &'static str;

    /// The answer where it names nothing.
    fn unknown() -> Problem;
}

impl Identifier for UserId {
    const MEANING: &'static str = "Names an account.";

    fn unknown() -> Problem {
        Problem::new(Code::NotFound)
            .detail("There is no such user.")
            .refused(Refusal::new(Cause::UnknownUser))
    }
}

impl Identifier for InvitationId {
    const MEANING: &'static str = "Names an invitation.";

    fn unknown() -> Problem {
        Problem::new(Code::NotFound)
            .detail("There is no such invitation. It may have been used or withdrawn, or it has expired.")
            .refused(Refusal::new(Cause::UnknownInvitation))
    }
}

impl Identifier for SessionId {
    const MEANING: &'static str = "Names a session of the caller.";

    fn unknown() -> Problem {
        Problem::new(Code::NotFound).detail("There is no such session.")
    }
}
