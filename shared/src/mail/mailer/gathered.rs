//! The mail that gathers the notices of an hour.

use super::super::compose::{Content, compose};
use super::super::letter::Link;
use super::Mailer;
use crate::accounts::secure_account::life_of_link;
use crate::domain::User;
use crate::routes::MailKind;
use crate::store::Row;
use crate::work::consumer::Failure;

impl Mailer {
    /// The notices of an hour, with one link about the first of them.
    pub(super) async fn send_digest(&self, row: &Row, user: &User) -> Result<(), Failure> {
        let failed = |error| Failure::because("the outbox could not be read", error);
        let Some(letter) = self
            .letters
            .letter(row, MailKind::Digest, user)
            .await
            .map_err(failed)?
        else {
            return Ok(());
        };
        let (mut events, mut link) = (Vec::new(), None);
        for id in &row.gathered {
            let Some(event) = self.store.outbox_row(*id).await.map_err(failed)? else {
                continue;
            };
            if link.is_none() {
                link = life_of_link(user, &event, self.config.notice_ttl, self.store.now())
                    .map(|until| Link::NotMe(event.id, user.id, until));
            }
            events.extend(event.mail.zip(self.told(&event)));
        }
        let link = link.and_then(|link| self.not_me(&link));
        let more = row
            .total
            .saturating_sub(u64::try_from(events.len()).unwrap_or_default());
        let content = Content {
            link: link.map(|(url, until)| (url, until.since(self.store.now()))),
            events,
            more,
            ..Content::default()
        };
        let Some(postage) = self.pay(row, MailKind::Digest, "", true).await? else {
            return Ok(());
        };
        self.hand_over(postage, &letter.to, &compose(MailKind::Digest, &content))
            .await
    }
}
