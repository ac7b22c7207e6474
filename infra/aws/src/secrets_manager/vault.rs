//! All secrets of one account, and how a request names one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use crate::protocol::ApiError;

/// Secrets by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Vault {
    secrets: BTreeMap<String, Secret>,
}

impl Vault {
    /// The secret that `id` names: its name, its ARN, or its ARN without the random ending.
    pub(super) fn find(&self, id: &str) -> Result<&Secret, ApiError> {
        let secret = if id.starts_with("arn:") {
            let mut secrets = self.secrets.values();
            secrets
                .clone()
                .find(|secret| secret.arn == id)
                .or_else(|| secrets.find(|secret| partial(&secret.arn) == id))
        } else {
            self.secrets.get(id)
        };
        secret.ok_or_else(not_found)
    }

    /// As [`Self::find`], to be changed.
    pub(super) fn find_mut(&mut self, id: &str) -> Result<&mut Secret, ApiError> {
        let name = self.find(id)?.name.clone();
        self.secrets.get_mut(&name).ok_or_else(not_found)
    }

    /// Every secret.
    pub(super) fn all(&self) -> impl Iterator<Item = &Secret> {
        self.secrets.values()
    }

    /// As [`Self::all`], to be changed.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Secret> {
        self.secrets.values_mut()
    }

    /// Adds a secret under its name.
    pub(super) fn insert(&mut self, secret: Secret) {
        self.secrets.insert(secret.name.clone(), secret);
    }
}

fn not_found() -> ApiError {
    ApiError::new(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    )
}

/// An ARN ends with a hyphen and six random characters, which a caller may leave out.
fn partial(arn: &str) -> &str {
    arn.rsplit_once('-').map_or(arn, |(start, _)| start)
}
