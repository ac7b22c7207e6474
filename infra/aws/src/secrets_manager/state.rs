//! What the operations know besides the secrets.

use super::rotations::Rotations;
use crate::inputs::{Clock, Entropy};

/// Time, randomness and the rotation functions.
pub(super) struct Account {
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
    pub(super) rotations: Rotations,
}
