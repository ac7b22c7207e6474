//! The outbox: what is to be sent or swept, committed with the change that calls for it.
//!
//! A row carries ids, and where it asks for a notice, who caused it; no token and no text of a mail, and an address only where
//! the account that had it is gone. The stream hands it to queues, the queues to consumers; delivery is at least once, so a
//! consumer claims a row, does its work, and settles it.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::expression::{Expression, item};
use super::keys;
use super::single::{Updated, parse, text};
use super::transaction::{CommitError, Transaction};
use super::{Store, StoreError};
use crate::audit::Entry;
use crate::domain::{Place, RowId, Timestamp, User, UserId};
use crate::entropy;
use crate::request::RequestMeta;
use crate::telemetry;

/// Longer than a queue keeps a message.
const RETENTION: Duration = Duration::from_secs(30 * 86_400);

/// A mail that is to be sent. What it says, and whether it is still wanted, is decided when it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// Prove your address.
    Verification,
    /// Somebody registered with your address, and you have an account.
    AlreadyRegistered,
    /// Set a new password.
    PasswordReset,
    /// Prove your new address; goes to that address.
    AddressChange,
    /// Your address is about to change; goes to the present address.
    AddressChangeRequested,
    /// Your password was changed.
    PasswordChanged,
    /// A spent refresh token was used again, so the session was ended.
    TheftDetected,
    /// Somebody signed in with a device that the account has not seen.
    NewDevice,
    /// Somebody signed in from a country that the account has not seen.
    NewCountry,
    /// Your address was changed; goes to the address until then.
    AddressChanged,
    /// All sessions were ended.
    AllSessionsEnded,
    /// Too many wrong passwords.
    AccountLocked,
    /// The account was erased; goes to the row's own address.
    AccountErased,
}

/// The address of an account that is no more. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Addressee(String);

impl Addressee {
    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Addressee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Addressee")
    }
}

/// Who asked for what a notice tells of, for its owner to recognise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The client's address.
    pub ip_address: String,
    /// The client's `User-Agent`, bounded.
    pub user_agent: String,
    /// Where the address is, if the trusted edge said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// What is to be removed. A text like the mail, since the stream's filters look for texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SweepKind {
    /// The user's sessions that no longer count.
    Sessions,
}

/// An OUTBOX item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Row {
    /// Which row it is; sorts by time.
    pub id: RowId,
    /// The mail to send, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<MailKind>,
    /// What is to be removed, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepKind>,
    /// Whom it concerns; `None` for a request that concerned nobody and must look like one that did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// Who asked for it, where a notice is to say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// Where its mail goes, if the account is gone; forgotten when the mail was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addressee: Option<Addressee>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// The trace of the request that asked, which the row's work continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// When its "this wasn't me" link was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// Clean-up only.
    pub ttl: i64,
}

impl Row {
    /// Sessions that no longer count are to be removed as well.
    #[must_use]
    pub const fn sweeping(mut self) -> Self {
        self.sweep = Some(SweepKind::Sessions);
        self
    }

    /// A notice says who asked, from where and with what.
    #[must_use]
    pub fn asked_by(mut self, meta: &RequestMeta) -> Self {
        self.origin = Some(Origin {
            ip_address: meta.client.to_string(),
            user_agent: meta.user_agent.as_str().to_owned(),
            place: meta.place.clone(),
        });
        self
    }
}

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
    /// Adds a row.
    pub(super) fn outbox(self, row: &Row) -> Self {
        self.put("outbox", keys::outbox(row.id), item(row), Expression::when("attribute_not_exists(#pk)"))
    }
}

impl Store {
    /// A new row about `user_id`.
    #[must_use]
    pub fn row(&self, mail: Option<MailKind>, user_id: Option<UserId>) -> Row {
        let now = self.now();
        let id = RowId::new(entropy::uuid_v7(now, self.entropy()));
        Row {
            id,
            mail,
            sweep: None,
            user_id,
            origin: None,
            addressee: None,
            created_at: now,
            traceparent: telemetry::traceparent(),
            used_at: None,
            ttl: now.plus(RETENTION).as_secs(),
        }
    }

    /// The row of an account that is erased with it: a mail to an address that was proved, and the sweep.
    #[must_use]
    pub fn farewell(&self, user: &User) -> Row {
        let row = self.row(user.email_verified.then_some(MailKind::AccountErased), Some(user.id)).sweeping();
        Row { addressee: row.mail.map(|_| Addressee(user.email.clone())), ..row }
    }

    /// Records a request that changes nothing but asks for a mail.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn ask_for_mail(&self, row: &Row, entry: &Entry) -> Result<(), StoreError> {
        let transaction = Transaction::default().audit(entry).outbox(row);
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
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim(&self, id: RowId, lease: Duration) -> Result<Claim, StoreError> {
        let now = self.now();
        let claimant = self.write_id();
        let condition = "attribute_exists(#pk) AND attribute_not_exists(#settled_at) \
                         AND (attribute_not_exists(#claimed_until) OR #claimed_until <= :now)";
        let expression =
            Expression::update("SET #claimed_until = :until, #claimant = :claimant REMOVE #redriven_at", condition)
                .value("now", now)
                .value("until", now.plus(lease))
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
        let expression = Expression::update(update, "attribute_exists(#pk)").value("now", self.now());
        self.update("settle", keys::outbox(id), expression).await.map(|_| ())
    }

    /// Lets others have a row whose work failed.
    ///
    /// # Errors
    /// [`StoreError`]; the claim then runs out by itself.
    pub async fn release(&self, id: RowId) -> Result<(), StoreError> {
        let expression = Expression::update("REMOVE #claimed_until", "attribute_exists(#pk)");
        self.update("release", keys::outbox(id), expression).await.map(|_| ())
    }

    /// Reads a row.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outbox_row(&self, id: RowId) -> Result<Option<Row>, StoreError> {
        self.read("outbox_row", keys::outbox(id)).await
    }
}
