//! Lists for admins: accounts and invitations, in pages. A page is recorded before it is answered. It may be short or empty
//! while more follow.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::accounts::AdminError;
use crate::accounts::administration::Administration;
use crate::audit_event::Actor;
use crate::config::Config;
use crate::domain::{EmailAddress, InvitationId, Timestamp, UserId};
use crate::request::RequestMeta;
use crate::sign_in::authentication::Caller;
use crate::sign_in::issuer::UserView;
use crate::store::{Invitation, Store};
use crate::tokens::{CursorError, CursorScope, Cursors, PresentedCursor};

/// Lists accounts and invitations.
#[derive(Clone)]
pub struct Directory {
    store: Store,
    administration: Administration,
    cursors: Cursors,
    config: Arc<Config>,
}

/// A page of accounts, by identifier.
#[derive(Serialize, JsonSchema)]
pub struct UserPage {
    /// The accounts.
    pub users: Vec<UserView>,
    /// Where the next page begins; null where there is none.
    #[schemars(extend("examples" = [null]))]
    pub next_cursor: Option<String>,
}

/// A page of invitations that can still be accepted, by identifier, which sorts by time.
#[derive(Serialize, JsonSchema)]
pub struct InvitationPage {
    /// The invitations.
    pub invitations: Vec<InvitationView>,
    /// Where the next page begins; null where there is none.
    #[schemars(extend("examples" = [null]))]
    pub next_cursor: Option<String>,
}

/// An invitation as admins see it; nothing of its token.
#[derive(Serialize, JsonSchema)]
pub struct InvitationView {
    id: InvitationId,
    #[schemars(example = &"ada@example.com")]
    email: String,
    /// What the admin knows its owner by.
    #[schemars(example = &"Ada Lovelace")]
    name: Option<String>,
    /// The admin who sent it.
    invited_by: Option<UserId>,
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "crate::domain::schema::timestamp")]
    created_at: Timestamp,
    #[serde(serialize_with = "Timestamp::rfc3339")]
    #[schemars(schema_with = "crate::domain::schema::timestamp")]
    expires_at: Timestamp,
}

impl InvitationView {
    fn new(invitation: Invitation) -> Self {
        Self {
            id: invitation.id,
            email: invitation.email,
            name: invitation.name,
            invited_by: invitation.inviter,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

impl Directory {
    /// The lists of `store`.
    #[must_use]
    pub const fn new(
        store: Store,
        administration: Administration,
        cursors: Cursors,
        config: Arc<Config>,
    ) -> Self {
        Self {
            store,
            administration,
            cursors,
            config,
        }
    }

    /// A page of accounts, or the account that has an address.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn users(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
        email: Option<&EmailAddress>,
        most: u64,
        cursor: Option<&PresentedCursor>,
    ) -> Result<UserPage, AdminError> {
        let query = email.map(EmailAddress::canonical).unwrap_or_default();
        let scope = CursorScope {
            caller: caller.user.id,
            endpoint: meta.endpoint(),
            query,
        };
        let after = self.after(&scope, cursor)?;
        let actor = Actor::Admin(caller.user.id, caller.session.id);
        if let Some(email) = email {
            let found = self.administration.find(meta, actor, email).await?;
            return Ok(UserPage {
                users: found.into_iter().collect(),
                next_cursor: None,
            });
        }
        let now = self.store.now();
        let mut page = self.store.list_users(after, most).await?;
        page.items.retain(|user| !user.has_lapsed(now));
        self.store
            .record(
                &actor
                    .sign(self.store.entry(meta))
                    .text("found", page.items.len()),
            )
            .await?;
        let users = page
            .items
            .iter()
            .map(|user| UserView::new(user, &self.config))
            .collect();
        Ok(UserPage {
            users,
            next_cursor: page.next.map(|next| self.cursors.seal(&scope, next, now)),
        })
    }

    /// A page of the invitations that can still be accepted.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn invitations(
        &self,
        meta: &RequestMeta,
        caller: &Caller,
        most: u64,
        cursor: Option<&PresentedCursor>,
    ) -> Result<InvitationPage, AdminError> {
        let scope = CursorScope {
            caller: caller.user.id,
            endpoint: meta.endpoint(),
            query: "",
        };
        let after = self.after(&scope, cursor)?;
        let now = self.store.now();
        let page = self.store.list_invitations(after, most).await?;
        let actor = Actor::Admin(caller.user.id, caller.session.id);
        let live: Vec<_> = page
            .items
            .into_iter()
            .filter(|invitation| now < invitation.expires_at)
            .collect();
        self.store
            .record(&actor.sign(self.store.entry(meta)).text("found", live.len()))
            .await?;
        let next_cursor = page.next.map(|next| self.cursors.seal(&scope, next, now));
        Ok(InvitationPage {
            invitations: live.into_iter().map(InvitationView::new).collect(),
            next_cursor,
        })
    }

    /// The identifier that a page begins after.
    fn after(
        &self,
        scope: &CursorScope<'_>,
        cursor: Option<&PresentedCursor>,
    ) -> Result<Option<Uuid>, CursorError> {
        let open = |cursor| self.cursors.open(scope, cursor, self.store.now());
        cursor.map(open).transpose()
    }
}
