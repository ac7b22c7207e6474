//! One secret with its versions, and the rules of the staging labels.
//!
//! The rules are those of
//! [AWS](https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html); key
//! rotation is correct only if they hold:
//!
//! * a label sits on at most one version; attaching it takes it from the former holder;
//! * the version that loses `AWSCURRENT` gets `AWSPREVIOUS`, and nothing else moves that label alone;
//! * `AWSCURRENT` can be moved but never taken away;
//! * moving a label that is held names the holder, so that two movers cannot undo each other;
//! * a version's value never changes: a token used again with another value is refused;
//! * a version without a label is deprecated, stays readable by its id, and may be dropped later.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::schedule::{Rotation, RotationRules};
use super::value::SecretValue;
use crate::inputs::plus;
use crate::protocol::ApiError;

/// The label of the version in use.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The label of the version that was in use before.
pub(super) const PREVIOUS: &str = "AWSPREVIOUS";
/// The label of the version that a rotation is making.
pub(super) const PENDING: &str = "AWSPENDING";

/// AWS drops deprecated versions above this number of versions.
const MAX_VERSIONS: usize = 100;
/// AWS keeps a version this long, labelled or not.
const MIN_VERSION_AGE: Duration = Duration::from_hours(24);
/// The most labels on one version.
const MAX_STAGES: usize = 20;

/// One value of a secret. Only a version that a rotation has announced has no value yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) value: Option<SecretValue>,
    pub(super) stages: BTreeSet<String>,
    pub(super) created: Timestamp,
}

/// A tag, in the form of the requests and answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    value: String,
}

/// A secret. Versions are in the order in which they were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Secret {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) kms_key_id: Option<String>,
    pub(super) tags: Option<Vec<Tag>>,
    pub(super) created: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) rotation: Option<Rotation>,
    pub(super) versions: Vec<Version>,
}

impl Secret {
    /// The version called `id`.
    pub(super) fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The version that carries `stage`.
    pub(super) fn holder(&self, stage: &str) -> Option<&Version> {
        self.versions
            .iter()
            .find(|version| version.stages.contains(stage))
    }

    /// The version that a rotation is making and has not put into use.
    pub(super) fn unfinished(&self) -> Option<&Version> {
        self.holder(PENDING)
            .filter(|version| !version.stages.contains(CURRENT))
    }

    /// Sets the rotation up, or up again: its interval counts from `now`.
    pub(super) fn set_rotation(
        &mut self,
        lambda_arn: String,
        rules: Option<RotationRules>,
        now: Timestamp,
    ) {
        let rotated = self.rotation.as_ref().and_then(|former| former.rotated);
        self.rotation = Some(Rotation {
            lambda_arn,
            rules,
            since: Some(now),
            rotated,
        });
        self.changed = now;
    }

    /// When the schedule wants the next rotation.
    pub(super) fn next_rotation(&self) -> Option<Timestamp> {
        let rotation = self.rotation.as_ref()?;
        let interval = rotation.rules.as_ref()?.interval().ok()??;
        Some(plus(rotation.since.unwrap_or(self.created), interval))
    }

    /// Makes a version, or repeats the making of it.
    ///
    /// `token` becomes the version's id. The same token with the same value changes nothing and
    /// succeeds, whatever `stages` says; with another value it is refused. `stages` defaults to
    /// [`CURRENT`].
    pub(super) fn put(
        &mut self,
        token: &str,
        value: SecretValue,
        stages: Option<&[String]>,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        match self.versions.iter_mut().find(|version| version.id == token) {
            Some(version) => match &version.value {
                Some(stored) if *stored == value => return Ok(()),
                Some(_) => return Err(token_reused()),
                None => version.value = Some(value),
            },
            None => self.versions.push(Version {
                id: token.to_owned(),
                value: Some(value),
                stages: BTreeSet::new(),
                created: now,
            }),
        }
        match stages {
            None => self.attach(CURRENT, token, now),
            Some(stages) => stages
                .iter()
                .for_each(|stage| self.attach(stage, token, now)),
        }
        self.check_labels()?;
        self.changed = now;
        self.drop_deprecated(now);
        Ok(())
    }

    /// Announces the version that a rotation is about to make: it carries [`PENDING`], but no value.
    /// The same token again changes nothing.
    pub(super) fn begin_rotation(&mut self, token: &str, now: Timestamp) -> Result<(), ApiError> {
        if self.unfinished().is_some_and(|pending| pending.id != token) {
            return Err(ApiError::new(
                "InvalidRequestException",
                "A previous rotation isn't complete. That rotation will be reattempted.",
            ));
        }
        if self.version(token).is_none() {
            self.versions.push(Version {
                id: token.to_owned(),
                value: None,
                stages: BTreeSet::new(),
                created: now,
            });
            self.attach(PENDING, token, now);
            self.changed = now;
        }
        Ok(())
    }

    /// Moves `stage` to version `to`, or takes it from version `from`, or both. The errors are those
    /// of `UpdateSecretVersionStage`.
    pub(super) fn update_stage(
        &mut self,
        stage: &str,
        from: Option<&str>,
        to: Option<&str>,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        if [from, to]
            .into_iter()
            .flatten()
            .any(|id| self.version(id).is_none())
        {
            return Err(no_version());
        }
        let holder = self.holder(stage).map(|version| version.id.as_str());
        match (from, to) {
            (None, None) => {
                return Err(invalid(
                    "You must specify MoveToVersionId or RemoveFromVersionId.",
                ));
            }
            (Some(_), None) if stage == CURRENT => {
                return Err(invalid(format!(
                    "You can only move staging label {CURRENT} to a different secret version. \
                     It can't be completely removed."
                )));
            }
            (Some(from), _) if holder != Some(from) => {
                return Err(invalid(format!(
                    "Staging label {stage} isn't attached to version {from}; RemoveFromVersionId \
                     must name the version that holds it."
                )));
            }
            (None, Some(to)) if holder.is_some_and(|holder| holder != to) => {
                return Err(invalid(format!(
                    "The parameter RemoveFromVersionId can't be empty. Staging label {stage} is \
                     attached to version {}, which must be named there.",
                    holder.unwrap_or_default()
                )));
            }
            (Some(from), None) => {
                if let Some(version) = self.versions.iter_mut().find(|version| version.id == from) {
                    version.stages.remove(stage);
                }
            }
            (_, Some(to)) => self.attach(stage, to, now),
        }
        self.check_labels()?;
        self.changed = now;
        Ok(())
    }

    /// Puts `stage` on version `id` and takes it from its holder. A pending version that becomes the current
    /// one finishes a rotation.
    fn attach(&mut self, stage: &str, id: &str, now: Timestamp) {
        let former = self.holder(stage).map(|version| version.id.clone());
        if former.as_deref() == Some(id) {
            return;
        }
        let finishes =
            stage == CURRENT && self.holder(PENDING).is_some_and(|pending| pending.id == id);
        if let Some(rotation) = self.rotation.as_mut().filter(|_| finishes) {
            rotation.rotated = Some(now);
            rotation.since = Some(now);
        }
        for version in &mut self.versions {
            if version.id == id {
                version.stages.insert(stage.to_owned());
            } else {
                version.stages.remove(stage);
            }
        }
        if let Some(former) = former.filter(|_| stage == CURRENT) {
            self.attach(PREVIOUS, &former, now);
        }
    }

    fn check_labels(&self) -> Result<(), ApiError> {
        if self
            .versions
            .iter()
            .all(|version| version.stages.len() <= MAX_STAGES)
        {
            return Ok(());
        }
        Err(ApiError::new(
            "LimitExceededException",
            format!("A version can't have more than {MAX_STAGES} staging labels."),
        ))
    }

    fn drop_deprecated(&mut self, now: Timestamp) {
        let mut surplus = self.versions.len().saturating_sub(MAX_VERSIONS);
        self.versions.retain(|version| {
            let drop = surplus > 0
                && version.stages.is_empty()
                && plus(version.created, MIN_VERSION_AGE) <= now;
            surplus -= usize::from(drop);
            !drop
        });
    }
}

/// The refusal of a token that already made a version with another value.
pub(super) fn token_reused() -> ApiError {
    ApiError::new(
        "ResourceExistsException",
        "You can't use ClientRequestToken again for another value: a version with this id exists \
         already, and versions can't be modified.",
    )
}

fn no_version() -> ApiError {
    ApiError::new(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret version.",
    )
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("InvalidParameterException", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

    fn secret() -> Secret {
        Secret {
            name: "keys".into(),
            arn: "arn".into(),
            description: None,
            kms_key_id: None,
            tags: None,
            created: NOW,
            changed: NOW,
            rotation: None,
            versions: Vec::new(),
        }
    }

    fn value(text: &str) -> SecretValue {
        SecretValue::from_request(Some(text.into()), None)
            .unwrap()
            .unwrap()
    }

    fn stages(secret: &Secret, id: &str) -> Vec<String> {
        secret.version(id).unwrap().stages.iter().cloned().collect()
    }

    fn labels(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("label-{number}")).collect()
    }

    #[test]
    fn a_version_has_at_most_20_labels() {
        let mut secret = secret();
        secret.put("a", value("1"), Some(&labels(20)), NOW).unwrap();
        let refusal = secret
            .put("b", value("2"), Some(&labels(21)), NOW)
            .unwrap_err();
        assert_eq!(refusal.code(), "LimitExceededException");
    }

    #[test]
    fn old_deprecated_versions_are_dropped_above_100_and_labelled_ones_never() {
        let mut secret = secret();
        secret
            .put("first", value("0"), Some(&["kept".into()]), NOW)
            .unwrap();
        for number in 0..120 {
            secret
                .put(&format!("v{number}"), value("x"), None, NOW)
                .unwrap();
        }
        assert_eq!(secret.versions.len(), 121, "none is a day old yet");

        secret
            .put("last", value("x"), None, plus(NOW, MIN_VERSION_AGE))
            .unwrap();
        assert_eq!(secret.versions.len(), MAX_VERSIONS);
        assert_eq!(stages(&secret, "first"), ["kept"]);
        assert_eq!(stages(&secret, "v119"), [PREVIOUS]);
        assert_eq!(stages(&secret, "last"), [CURRENT]);
    }

    #[test]
    fn moving_a_label_to_its_holder_changes_nothing() {
        let mut secret = secret();
        secret.put("a", value("1"), None, NOW).unwrap();
        secret.put("b", value("2"), None, NOW).unwrap();
        secret.update_stage(CURRENT, None, Some("b"), NOW).unwrap();
        secret
            .update_stage(CURRENT, Some("b"), Some("b"), NOW)
            .unwrap();
        assert_eq!(stages(&secret, "a"), [PREVIOUS]);
        assert_eq!(stages(&secret, "b"), [CURRENT]);
    }

    #[test]
    fn a_rotation_may_begin_when_the_last_one_ended_with_both_labels_on_one_version() {
        let mut secret = secret();
        secret.put("a", value("1"), None, NOW).unwrap();
        secret.begin_rotation("b", NOW).unwrap();
        secret.begin_rotation("b", NOW).unwrap();
        let refusal = secret.begin_rotation("c", NOW).unwrap_err();
        assert_eq!(refusal.code(), "InvalidRequestException");

        secret
            .put("b", value("2"), Some(&[PENDING.into()]), NOW)
            .unwrap();
        secret
            .update_stage(CURRENT, Some("a"), Some("b"), NOW)
            .unwrap();
        assert_eq!(stages(&secret, "b"), [CURRENT, PENDING]);
        secret.begin_rotation("c", NOW).unwrap();
        assert_eq!(stages(&secret, "c"), [PENDING]);
    }
}
