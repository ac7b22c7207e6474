//! Handing out everything that is stored about somebody, as they may ask for (GDPR article 15 and 20).
//!
//! What is left out are secrets that serve the account and say nothing about its owner: hashes of passwords and tokens.

use std::collections::BTreeSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::accounts::ProfileError;
use crate::audit::trail::{Page, Trail};
use crate::config::Config;
use crate::domain::{Liveness, SessionId, Timestamp, User};
use crate::limits::Limiter;
use crate::request::RequestMeta;
use crate::routes::Rule;
use crate::sign_in::authentication::Caller;
use crate::sign_in::issuer::UserView;
use crate::sign_in::sessions::SessionView;
use crate::store::{Lock, Record, Store, StoreError, address_of};

/// Exports accounts.
#[derive(Clone)]
pub struct Export {
    store: Store,
    limiter: Limiter,
    trail: Trail,
    config: Arc<Config>,
}

/// Everything about an account.
#[derive(Serialize, JsonSchema)]
pub struct PersonalData {
    /// When it was put together.
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "crate::domain::schema::timestamp")]
    exported_at: Timestamp,
    account: AccountData,
    /// The live sessions.
    sessions: Vec<SessionView>,
    /// Connections to providers.
    #[schemars(schema_with = "crate::domain::schema::object_list")]
    connections: [(); 0],
    /// The newest records of the audit trail; `next_cursor` goes on at `GET /api/v1/auth/activity`.
    activity: Page,
}

/// What the account itself holds.
#[derive(Serialize, JsonSchema)]
struct AccountData {
    #[serde(flatten)]
    user: UserView,
    /// When the password was last set.
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "crate::domain::schema::timestamp")]
    password_changed_at: Timestamp,
    /// The addresses before the present one, while their owners can take the account back, earliest first.
    former_emails: Vec<String>,
    /// Marks by which a device is recognised that has signed in before.
    known_devices: BTreeSet<String>,
    /// Countries that somebody has signed in from, ISO 3166-1.
    known_countries: BTreeSet<String>,
    /// Wrong passwords in a row.
    failed_logins: u64,
}

impl Export {
    /// The accounts in `store`.
    #[must_use]
    pub const fn new(store: Store, limiter: Limiter, trail: Trail, config: Arc<Config>) -> Self {
        Self {
            store,
            limiter,
            trail,
            config,
        }
    }

    /// Everything about the caller. It is recorded before it is answered. A stolen access token must not be enough to take all
    /// of it away, so the password was verified lately.
    ///
    /// # Errors
    /// [`ProfileError`].
    pub async fn of_caller(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
    ) -> Result<PersonalData, ProfileError> {
        caller.recently_proved()?;
        self.limiter
            .admit_user(Rule::PersonalData, meta, caller.user.id)
            .await?;
        // The exports of this very session would be news to nobody.
        let current = Some(caller.session.id);
        let news = |record: &Record| record.action != meta.action() || record.session_id != current;
        let activity = self.trail.newest_of(caller.user.id, news).await?;
        let data = self
            .data(&caller.user, &caller.liveness, current, activity)
            .await?;
        let entry = self
            .store
            .entry(meta)
            .by_owner(caller.user.id)
            .session(caller.session.id);
        self.store.record(&entry).await?;
        Ok(data)
    }

    /// Everything about `user` with every record, however many: whoever cannot sign in cannot ask for the rest. Nothing is
    /// recorded.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn of_user(
        &self,
        user: &User,
        liveness: &Liveness,
    ) -> Result<PersonalData, StoreError> {
        let activity = self.trail.all_of(user.id).await?;
        self.data(user, liveness, None, activity).await
    }

    async fn data(
        &self,
        user: &User,
        liveness: &Liveness,
        current: Option<SessionId>,
        activity: Page,
    ) -> Result<PersonalData, StoreError> {
        let mut sessions = self.store.sessions(user.id).await?;
        sessions.retain(|session| session.is_live(liveness));
        sessions.sort_by_key(|session| std::cmp::Reverse((session.last_activity_at, session.id)));
        let email = address_of(&user.email)?;
        let lock = self
            .store
            .lock_state(Lock::Login(&email), &self.config.passwords.lockout)
            .await?;
        let mut former_emails = Vec::new();
        for claim in user.claims(self.store.now()) {
            former_emails.extend(self.store.former_address(user.id, claim).await?);
        }
        Ok(PersonalData {
            exported_at: self.store.now(),
            account: AccountData {
                user: UserView::new(user, &self.config),
                password_changed_at: user.password_changed_at,
                former_emails,
                known_devices: user.devices.clone(),
                known_countries: user.countries.clone(),
                failed_logins: lock.failures,
            },
            sessions: sessions
                .into_iter()
                .map(|session| SessionView::new(session, current))
                .collect(),
            connections: [],
            activity,
        })
    }
}
