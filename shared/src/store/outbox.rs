//! The outbox: what is to be sent or swept, committed with the change that calls for it.
//!
//! The stream hands a [`Row`] to queues, the queues to consumers; delivery is at least once, so a consumer claims a row, does
//! its work, and settles it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::expression::Expression;
use super::item::text;
use super::keys;
use super::row::{Addressee, Row};
use super::schema::item;
use super::single::{Updated, parse};
use super::transaction::{CommitError, Transaction};
use super::{Store, StoreError};
use crate::audit_event::Entry;
use crate::clock::MAX_CLOCK_SKEW;
use crate::domain::{FormerAddress, RowId, User, UserId};
use crate::ground::entropy;
use crate::routes::MailKind;
use crate::telemetry;

/// Longer than a queue keeps a message.
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// What a claim on a row found.
#[derive(Debug)]
pub enum Claim {
    /// The row is this consumer's for a while.
    Granted(Box<Row>),
    /// The work was done before, or the row is gone.
    Done,
    /// Another consumer has it right now.
    Busy,
}

impl Transaction {
    /// Adds the record of the change and the rows that it calls for. They are of one time: a change that revokes the mailed
    /// links of an earlier time must not revoke its own.
    pub(super) fn audit_and_send<'a>(
        self,
        entry: &Entry,
        rows: impl IntoIterator<Item = &'a Row>,
    ) -> Self {
        self.audit(entry).send(entry, rows)
    }

    /// Adds the rows that the change of a record calls for.
    pub(super) fn send<'a>(self, entry: &Entry, rows: impl IntoIterator<Item = &'a Row>) -> Self {
        rows.into_iter().fold(self, |all, row| {
            debug_assert_eq!(row.created_at, entry.occurred_at, "a row of another record");
            all.put(
                "outbox",
                keys::outbox(row.id),
                item(row),
                Expression::when("attribute_not_exists(#pk)"),
            )
        })
    }
}

impl Store {
    /// A new row about `user_id`, of the same time as the record of its change.
    #[must_use]
    pub fn row(&self, entry: &Entry, mail: Option<MailKind>, user_id: Option<UserId>) -> Row {
        let now = entry.occurred_at;
        let id = RowId::new(entropy::uuid_v7(now, self.entropy()));
        Row {
            id,
            mail,
            sweep: None,
            user_id,
            origin: None,
            addressee: None,
            address: None,
            level: 0,
            invitation: None,
            paid_at: None,
            gathered: Vec::new(),
            counts: BTreeMap::new(),
            created_at: now,
            traceparent: telemetry::traceparent(),
            used_at: None,
            ttl: now.plus(RETENTION).as_secs(),
        }
    }

    /// A notice of an event at the present address of `user`.
    #[must_use]
    pub fn notice(&self, entry: &Entry, kind: MailKind, user: &User) -> Row {
        let row = self
            .row(entry, Some(kind), Some(user.id))
            .about(user.address_key());
        Row {
            level: user.recovery_level,
            ..row
        }
    }

    /// The row of an account that is erased with it: a mail to an address that was verified, and the sweep.
    #[must_use]
    pub fn farewell(&self, entry: &Entry, user: &User) -> Row {
        let row = self
            .row(
                entry,
                user.email_verified.then_some(MailKind::AccountErased),
                Some(user.id),
            )
            .sweeping();
        Row {
            addressee: row.mail.map(|_| Addressee::new(&user.email)),
            ..row
        }
    }

    /// Records a request that changes nothing but asks for a mail.
    pub async fn ask_for_mail(&self, row: &Row, entry: &Entry) -> Result<(), StoreError> {
        let transaction = Transaction::default().audit_and_send(entry, [row]);
        match self.commit("ask_for_mail", transaction).await {
            // Both keys are fresh, so what stands there is this very write.
            Ok(()) | Err(CommitError::Condition { .. }) => Ok(()),
            Err(CommitError::Store(error)) => Err(error),
        }
    }

    /// The row that a queue message names.
    #[must_use]
    pub fn row_named(pk: &str) -> Option<RowId> {
        keys::parse_outbox(pk)
    }

    /// Claims a row for `lease`.
    pub async fn claim(&self, id: RowId, lease: Duration) -> Result<Claim, StoreError> {
        let now = self.now();
        let claimant = self.write_id();
        // A claim that reaches further than any claim made until now was made by a clock that was ahead.
        let condition = "attribute_exists(#pk) AND attribute_not_exists(#settled_at) AND (attribute_not_exists(#claimed_until) \
                         OR #claimed_until <= :now OR #claimed_until > :credible)";
        let expression = Expression::update(
            "SET #claimed_until = :until, #claimant = :claimant REMOVE #redriven_at",
            condition,
        )
        .value("now", now)
        .value("until", now.plus(lease))
        .value("credible", now.plus(lease).plus(MAX_CLOCK_SKEW))
        .value("claimant", &claimant);
        match self.update("claim", keys::outbox(id), expression).await? {
            Updated::Done(item) => Ok(Claim::Granted(Box::new(parse("claim", item)?))),
            Updated::Unmet(None) => Ok(Claim::Done),
            Updated::Unmet(Some(old)) if old.contains_key("settled_at") => Ok(Claim::Done),
            Updated::Unmet(Some(old)) if text(&old, "claimant") == Some(claimant.as_str()) => {
                Ok(Claim::Granted(Box::new(parse("claim", old)?)))
            }
            Updated::Unmet(Some(_)) => Ok(Claim::Busy),
        }
    }

    /// Marks a row's work as done.
    ///
    /// # Errors
    /// [`StoreError`]; the work is then done again.
    pub async fn settle(&self, id: RowId) -> Result<(), StoreError> {
        let update = "SET #settled_at = :now REMOVE #addressee";
        let expression =
            Expression::update(update, "attribute_exists(#pk)").value("now", self.now());
        self.update("settle", keys::outbox(id), expression)
            .await
            .map(|_| ())
    }

    /// Points a row at the account that can be taken back to the address that the row is about.
    pub async fn point_row(
        &self,
        row: &Row,
        user: UserId,
        claim: &FormerAddress,
    ) -> Result<Row, StoreError> {
        let update = "SET #user_id = :user, #address = :address, #level = :level";
        let expression = Expression::update(update, "attribute_exists(#pk)")
            .value("user", user)
            .value("address", &claim.key)
            .value("level", claim.level);
        self.update("point_row", keys::outbox(row.id), expression)
            .await?;
        Ok(Row {
            user_id: Some(user),
            address: Some(claim.key.clone()),
            level: claim.level,
            ..row.clone()
        })
    }

    /// Notes that a row's mail is paid for, so that a redelivery is not charged again.
    pub async fn note_paid(&self, id: RowId) -> Result<(), StoreError> {
        let expression = Expression::update("SET #paid_at = :now", "attribute_exists(#pk)")
            .value("now", self.now());
        self.update("note_paid", keys::outbox(id), expression)
            .await
            .map(|_| ())
    }

    /// Lets others have a row whose work failed.
    ///
    /// # Errors
    /// [`StoreError`]; the claim then runs out by itself.
    pub async fn release(&self, id: RowId) -> Result<(), StoreError> {
        let expression = Expression::update("REMOVE #claimed_until", "attribute_exists(#pk)");
        self.update("release", keys::outbox(id), expression)
            .await
            .map(|_| ())
    }

    /// Reads a row.
    pub async fn outbox_row(&self, id: RowId) -> Result<Option<Row>, StoreError> {
        self.read("outbox_row", keys::outbox(id)).await
    }
}
