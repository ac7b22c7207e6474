//! What went wrong, what to do about it, and the exit code that says so.

use std::error::Error;

use shared::accounts::AdminError;
use shared::breach::key_replacement::KeyChangeError;
use shared::breach::token_rotation::RotationError;
use shared::ground::error_chain;
use shared::http::problem::Code;
use shared::keys::KeysError;
use shared::store::StoreError;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was done.
    Done,
    /// The service refused or failed.
    Refused,
    /// The command line or the settings are wrong, or `--yes` is missing.
    Usage,
    /// There is no such account, session or record.
    NotFound,
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
        }
    }
}

/// A command that was not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What was wrong, for programs.
    pub code: &'static str,
    /// What was wrong, for people.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Failure {
    /// Wrong usage or settings.
    pub fn usage(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            code: "usage",
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// Something that there is not.
    pub fn not_found(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            exit: Exit::NotFound,
            code: "not_found",
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// Something that did not work.
    pub fn refused(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            exit: Exit::Refused,
            code: "refused",
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// A change that nobody has confirmed.
    #[must_use]
    pub fn unconfirmed(plan: &str) -> Self {
        Self {
            exit: Exit::Usage,
            code: "confirmation_required",
            what: format!("Nothing was done. This would {plan}."),
            remedy: "Add --yes to do it.".to_owned(),
        }
    }
}

const LATER: &str = "Nothing was changed halfway. See that `cargo run` is up, or that region and credentials are right and not expired, and try again.";
const SETTINGS: &str = "See that the settings are those of the service, and that the credentials may read and write its tables.";
const LOST_RACE: &str = "Another change came first. Read the state as it is now and try again.";
const LASTING: &str = "Nothing was changed, and trying again does not help until that has changed.";

/// What the endpoints would answer too.
impl Failure {
    /// What cannot be done now.
    pub fn unavailable(what: impl Into<String>) -> Self {
        Self::answered(Code::ServiceUnavailable, what, LATER)
    }

    fn answered(code: Code, what: impl Into<String>, remedy: &str) -> Self {
        let exit = if code == Code::NotFound {
            Exit::NotFound
        } else {
            Exit::Refused
        };
        Self {
            exit,
            code: code.name(),
            what: what.into(),
            remedy: remedy.to_owned(),
        }
    }

    /// The operator is told the cause as well: a client may not know it, they must.
    fn caused(code: Code, cause: &(dyn Error + 'static), remedy: &str) -> Self {
        let what = format!("{} ({})", code.facts().detail, error_chain(cause));
        Self::answered(code, what, remedy)
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        let what = error.to_string();
        let conflict = |remedy| Self::answered(Code::Conflict, what.as_str(), remedy);
        match error {
            AdminError::UnknownUser(_) | AdminError::UnknownInvitation => unknown(what),
            AdminError::OwnAccount(_) => conflict(LASTING),
            AdminError::LastAdmin(_) | AdminError::AddressChanged => conflict(LOST_RACE),
            AdminError::TakenAddress(_) => conflict(
                "`ops users show` shows the account. Its owner signs in, or resets the password.",
            ),
            AdminError::ReservedAddress(_) => conflict(
                "The claim ends by itself, or at once with `ops users end-claim`, which its owner should agree to.",
            ),
            AdminError::Conflict => {
                Self::answered(Code::Conflict, Code::Conflict.facts().detail, LOST_RACE)
            }
            AdminError::Cursor(_) => Self::usage(what, "Begin again without a cursor."),
            AdminError::NotBegun => Self::unavailable(Code::ServiceUnavailable.facts().detail),
            AdminError::Store(error) => error.into(),
        }
    }
}

impl From<RotationError> for Failure {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::UnknownUser(_) => unknown(error.to_string()),
            RotationError::Unavailable => {
                Self::unavailable(Code::ServiceUnavailable.facts().detail)
            }
            RotationError::Store(error) => error.into(),
        }
    }
}

impl From<KeyChangeError> for Failure {
    fn from(error: KeyChangeError) -> Self {
        match error {
            KeyChangeError::Pending { .. } | KeyChangeError::UnderWay(_) => Self::answered(
                Code::Conflict,
                error.to_string(),
                "`ops keys list` shows how far it is. If it does not go on, the log of the rotation function says why.",
            ),
            KeyChangeError::Keys(error @ KeysError::Overtaken) => {
                Self::caused(Code::Conflict, &error, LOST_RACE)
            }
            KeyChangeError::Keys(error) => Self::caused(Code::ServiceUnavailable, &error, LATER),
            KeyChangeError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable { .. }
            | StoreError::Contended { .. }
            | StoreError::Newer { .. } => Self::caused(Code::ServiceUnavailable, &error, LATER),
            StoreError::Corrupt { .. } | StoreError::Refused { .. } => {
                Self::caused(Code::InternalError, &error, SETTINGS)
            }
        }
    }
}

fn unknown(what: String) -> Failure {
    Failure::answered(Code::NotFound, what, "Look for it with `ops users show`.")
}
