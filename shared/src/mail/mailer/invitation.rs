//! The mail that invites the owner of an address.

use secrecy::ExposeSecret;

use super::super::compose::{Content, compose};
use super::Mailer;
use crate::domain::EmailAddress;
use crate::routes::MailKind;
use crate::store::Row;
use crate::tokens::{MailPurpose, MailedToken};
use crate::work::consumer::Failure;

impl Mailer {
    /// An invitation, unless a later one was sent or it has expired.
    pub(super) async fn send_invitation(&self, row: &Row) -> Result<(), Failure> {
        let failed = |error| Failure::because("the invitation could not be reached", error);
        let Some(id) = row.invitation else {
            return Ok(());
        };
        let now = self.store.now();
        let Some(invitation) = self.store.invitation(id).await.map_err(failed)? else {
            return Ok(());
        };
        let Ok(email) = EmailAddress::parse(&invitation.email) else {
            return Ok(());
        };
        let newest = self
            .store
            .address(&email)
            .await
            .map_err(failed)?
            .and_then(|address| address.invitation);
        if newest != Some(id) || invitation.expires_at <= now {
            return Ok(());
        }
        let Some(postage) = self
            .pay(row, MailKind::Invitation, &email.fingerprint(), false)
            .await?
        else {
            return Ok(());
        };
        let key = self.key.expose_secret().as_bytes();
        let token = MailedToken::of_row(key, MailPurpose::Invitation, row.id, id.uuid());
        if !self
            .store
            .set_invitation_token(id, &token.hash())
            .await
            .map_err(failed)?
        {
            return Ok(());
        }
        let link = (
            self.url("accept-invitation", &token.expose(), false),
            invitation.expires_at.since(now),
        );
        let content = Content {
            link: Some(link),
            ..Content::default()
        };
        self.hand_over(
            postage,
            &invitation.email,
            &compose(MailKind::Invitation, &content),
        )
        .await
    }
}
