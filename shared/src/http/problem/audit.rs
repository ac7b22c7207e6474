//! The answers of the audit trail.

use super::{FieldError, Problem};
use crate::audit::trail::TrailError;
use crate::tokens::{CursorError, PresentedCursor};

impl From<TrailError> for Problem {
    fn from(error: TrailError) -> Self {
        match error {
            TrailError::Cursor(error) => error.into(),
            TrailError::Limit(error) => error.into(),
            TrailError::Store(error) => error.into(),
        }
    }
}

impl From<CursorError> for Problem {
    fn from(_: CursorError) -> Self {
        let fault = PresentedCursor::fault();
        Self::validation(vec![FieldError {
            pointer: "/cursor".to_owned(),
            code: fault.code,
            detail: fault.detail,
        }])
    }
}
