//! All secrets of one account, and how a request names one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::domain::Timestamp;

use super::secret::Secret;
use crate::aws::protocol::ApiError;

/// Secrets by name. One whose recovery window is over counts as gone, whether or not it was removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Vault {
    secrets: BTreeMap<String, Secret>,
}

impl Vault {
    /// The secret that `id` names: its name, its ARN, or its ARN without the random ending. One that
    /// is scheduled for deletion is found as well.
    pub(super) fn find(&self, id: &str, now: Timestamp) -> Result<&Secret, ApiError> {
        let secret = if id.starts_with("arn:") {
            let mut secrets = self.secrets.values();
            secrets
                .clone()
                .find(|secret| secret.arn == id)
                .or_else(|| secrets.find(|secret| partial(&secret.arn) == id))
        } else {
            self.secrets.get(id)
        };
        secret
            .filter(|secret| !is_gone(secret, now))
            .ok_or_else(not_found)
    }

    /// As [`Self::find`], to be changed.
    pub(super) fn find_mut(&mut self, id: &str, now: Timestamp) -> Result<&mut Secret, ApiError> {
        let name = self.find(id, now)?.name.clone();
        self.secrets.get_mut(&name).ok_or_else(not_found)
    }

    /// As [`Self::find`], but one that is scheduled for deletion is refused.
    pub(super) fn find_live(&self, id: &str, now: Timestamp) -> Result<&Secret, ApiError> {
        let secret = self.find(id, now)?;
        if secret.deletion.is_some() {
            return Err(marked_for_deletion());
        }
        Ok(secret)
    }

    /// As [`Self::find_live`], to be changed.
    pub(super) fn find_live_mut(
        &mut self,
        id: &str,
        now: Timestamp,
    ) -> Result<&mut Secret, ApiError> {
        self.find_live(id, now)?;
        self.find_mut(id, now)
    }

    /// The secrets that are not scheduled for deletion.
    pub(super) fn live(&self) -> impl Iterator<Item = &Secret> {
        self.secrets
            .values()
            .filter(|secret| secret.deletion.is_none())
    }

    /// As [`Self::live`], to be changed.
    pub(super) fn live_mut(&mut self) -> impl Iterator<Item = &mut Secret> {
        self.secrets
            .values_mut()
            .filter(|secret| secret.deletion.is_none())
    }

    /// Adds a secret under its name.
    pub(super) fn insert(&mut self, secret: Secret) {
        self.secrets.insert(secret.name.clone(), secret);
    }

    /// Takes a secret away at once.
    pub(super) fn remove(&mut self, name: &str) {
        self.secrets.remove(name);
    }

    /// Drops what is past its recovery window.
    pub(super) fn purge(&mut self, now: Timestamp) {
        self.secrets.retain(|_, secret| !is_gone(secret, now));
    }
}

/// The refusal of work on a secret that is scheduled for deletion.
pub(super) fn marked_for_deletion() -> ApiError {
    ApiError::new(
        "InvalidRequestException",
        "You can't perform this operation on the secret because it was marked for deletion.",
    )
}

fn not_found() -> ApiError {
    ApiError::new(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    )
}

fn is_gone(secret: &Secret, now: Timestamp) -> bool {
    secret
        .deletion
        .as_ref()
        .is_some_and(|deletion| deletion.due <= now)
}

/// An ARN ends with a hyphen and six random characters, which a caller may leave out.
fn partial(arn: &str) -> &str {
    arn.rsplit_once('-').map_or(arn, |(start, _)| start)
}
