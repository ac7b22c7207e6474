//! The mail that gathers the notices of an hour.

use super::super::compose::{Content, Events, compose};
use super::super::letter::Link;
use super::Mailer;
use crate::accounts::secure_account::life_of_link;
use crate::domain::User;
use crate::routes::MailKind;
use crate::store::Row;
use crate::work::consumer::Failure;

impl Mailer {
    /// The notices of an hour, with the link of the first of them that has a usable one.
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
        let (mut listed, mut link) = (Vec::new(), None);
        for id in &row.gathered {
            let Some(event) = self.store.outbox_row(*id).await.map_err(failed)? else {
                continue;
            };
            let can_secure = event.mail.is_some_and(MailKind::can_secure);
            if link.is_none() && can_secure {
                link = life_of_link(user, &event, self.config.notice_ttl, self.store.now())
                    .map(|until| Link::NotMe(event.id, user.id, until));
            }
            listed.push(event);
        }
        let events = MailKind::GATHERED.map(|kind| Events {
            kind,
            count: row.count_of(kind),
            told: listed
                .iter()
                .filter(|event| event.mail == Some(kind))
                .filter_map(|event| self.told(event))
                .collect(),
        });
        let link = link.and_then(|link| self.not_me(&link));
        let content = Content {
            link: link.map(|(url, until)| (url, until.since(self.store.now()))),
            events: events
                .into_iter()
                .filter(|events| events.count > 0)
                .collect(),
            ..Content::default()
        };
        let Some(postage) = self.pay(row, MailKind::Digest, "", true).await? else {
            return Ok(());
        };
        self.hand_over(postage, &letter.to, &compose(MailKind::Digest, &content))
            .await
    }
}
