//! Breach response: the switch that revokes everything issued before, for one user or for all.
//!
//! A rotation raises a version level; tokens carry the versions that they were made under, and every use compares them, so
//! it acts on the next request of every token and needs no list of any. Versions only ever go up. Of parallel rotations
//! each raises the level by one: what was read is the condition of the write.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::audit_event::{Actor, Entry};
use crate::domain::{Liveness, Reason, Timestamp, User, UserId, VersionLevel};
use crate::request::RequestMeta;
use crate::routes::MailKind;
use crate::store::{LastRotation, RACE_TRIES, Store, StoreError};
use crate::telemetry::{self, Metric};
use crate::tokens::SecurityRecord;

/// Whose tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// One user's.
    User(UserId),
    /// Everybody's.
    Global,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// Whose tokens.
    pub scope: Scope,
    /// Why.
    pub reason: Reason,
    /// How long what was good until now is still let in; zero for not at all.
    pub grace: Duration,
    /// Whether only to say what would happen.
    pub dry_run: bool,
}

/// What a rotation did, or would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "TokenRotation")]
pub struct Rotated {
    /// `user` or `global`.
    #[schemars(extend("enum" = ["user", "global"]))]
    pub scope: &'static str,
    /// The user, if it was one.
    pub user_id: Option<UserId>,
    /// The version until then.
    pub previous_version: u64,
    /// The version from then on.
    pub new_version: u64,
    /// When.
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "crate::domain::schema::timestamp")]
    pub effective_at: Timestamp,
    /// How many live sessions it outdates; not counted for everybody's.
    pub sessions_affected: Option<usize>,
    /// Whether nothing was done.
    pub dry_run: bool,
}

/// Why tokens are not revoked.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// There is no such user.
    #[error("There is no such user.")]
    UnknownUser(UserId),
    /// Others kept rotating the same, or the service has not begun.
    #[error("tokens cannot be revoked now")]
    Unavailable,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Rotates.
#[derive(Clone)]
pub struct Rotations {
    store: Store,
    idle: Option<Duration>,
}

impl Rotations {
    /// The rotations of `store`, where a session without activity for `idle` is over.
    #[must_use]
    pub const fn new(store: Store, idle: Option<Duration>) -> Self {
        Self { store, idle }
    }

    /// Revokes every token in the scope, at once or after the grace.
    ///
    /// # Errors
    /// [`RotationError`].
    pub async fn rotate(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        rotation: &Rotation,
    ) -> Result<Rotated, RotationError> {
        for attempt in 0..RACE_TRIES {
            self.store.before_try(attempt).await;
            let (rotated, metric) = match rotation.scope {
                Scope::User(user) => (
                    self.rotate_user(meta, actor, rotation, user).await?,
                    Metric::UserRotations,
                ),
                Scope::Global => (
                    self.rotate_all(meta, actor, rotation).await?,
                    Metric::GlobalRotations,
                ),
            };
            if let Some(rotated) = rotated {
                if !rotation.dry_run {
                    telemetry::count(metric);
                }
                return Ok(rotated);
            }
        }
        Err(RotationError::Unavailable)
    }

    /// `None` if somebody else rotated the user first.
    async fn rotate_user(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        rotation: &Rotation,
        id: UserId,
    ) -> Result<Option<Rotated>, RotationError> {
        let user = self.store.user(id).await?;
        let user = user.ok_or(RotationError::UnknownUser(id))?;
        let affected = self.live_sessions(&user).await?;
        let entry = actor
            .sign(self.store.entry(meta))
            .user(id)
            .stated(&rotation.reason);
        let level = user.level().rotated(entry.occurred_at, rotation.grace);
        let rotated = Rotated {
            sessions_affected: Some(affected),
            ..outcome(rotation, user.level(), level, &entry)
        };
        let entry = described(entry, &rotated, rotation.grace);
        if rotation.dry_run {
            self.store.record(&entry).await?;
            return Ok(Some(rotated));
        }
        let row = self
            .store
            .notice(&entry, MailKind::AllSessionsEnded, &user)
            .sweeping();
        Ok(self
            .store
            .rotate_user_to(&user, level, &entry, &row)
            .await?
            .then_some(rotated))
    }

    /// `None` if somebody else rotated everybody first.
    async fn rotate_all(
        &self,
        meta: &RequestMeta,
        actor: Actor<'_>,
        rotation: &Rotation,
    ) -> Result<Option<Rotated>, RotationError> {
        let read = self.record().await?;
        let entry = actor.sign(self.store.entry(meta)).stated(&rotation.reason);
        let level = read.level().rotated(entry.occurred_at, rotation.grace);
        let rotated = outcome(rotation, read.level(), level, &entry);
        let entry = described(entry, &rotated, rotation.grace);
        if rotation.dry_run {
            self.store.record(&entry).await?;
            return Ok(Some(rotated));
        }
        let last = LastRotation {
            reason: rotation.reason.as_str().to_owned(),
            previous_version: rotated.previous_version,
            new_version: rotated.new_version,
            effective_at: rotated.effective_at,
            grace_period_seconds: rotation.grace.as_secs(),
            rotated_by: actor.account(),
        };
        Ok(self
            .store
            .rotate_all(&read, level, &last, &entry)
            .await?
            .then_some(rotated))
    }

    async fn live_sessions(&self, user: &User) -> Result<usize, RotationError> {
        let global = self.record().await?.level();
        let liveness = Liveness {
            user: user.level(),
            global,
            idle: self.idle,
            now: self.store.now(),
        };
        Ok(self
            .store
            .sessions(user.id)
            .await?
            .iter()
            .filter(|session| session.is_live(&liveness))
            .count())
    }

    async fn record(&self) -> Result<SecurityRecord, RotationError> {
        let record = self.store.security().await?;
        record.ok_or(RotationError::Unavailable)
    }
}

fn outcome(
    rotation: &Rotation,
    before: VersionLevel,
    after: VersionLevel,
    entry: &Entry,
) -> Rotated {
    let (scope, user_id) = match rotation.scope {
        Scope::User(user) => ("user", Some(user)),
        Scope::Global => ("global", None),
    };
    Rotated {
        scope,
        user_id,
        previous_version: before.current,
        new_version: after.current,
        effective_at: entry.occurred_at,
        sessions_affected: None,
        dry_run: rotation.dry_run,
    }
}

fn described(entry: Entry, rotated: &Rotated, grace: Duration) -> Entry {
    let entry = entry
        .text("scope", rotated.scope)
        .text("previous_version", rotated.previous_version)
        .text("new_version", rotated.new_version)
        .text("grace_period_seconds", grace.as_secs())
        .text("dry_run", rotated.dry_run);
    match rotated.sessions_affected {
        Some(affected) => entry.text("sessions_affected", affected),
        None => entry,
    }
}
