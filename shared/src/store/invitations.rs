//! INVITATION: an address that an admin has invited.
//!
//! The EMAIL item names the newest invitation of its address, so a newer one, and whatever verifies the address otherwise,
//! ends the older one in the same write. An invitation that EMAIL does not name is dead.

use serde::{Deserialize, Serialize};

use super::addresses::{Address, AddressState, FREE, Holder, verified_if_provable};
use super::directory_partition::Directory;
use super::expression::Expression;
use super::item::{attribute, text};
use super::keys;
use super::row::Row;
use super::schema::{Schema, Stored, item};
use super::single::Updated;
use super::transaction::Transaction;
use super::users::{
    FORGET_MAILED, KILL_MAILED, RECOVERED, RESCHEME, ROTATE, floor_of, user_item, with_scheme,
};
use super::{Store, StoreError};
use crate::audit_event::Entry;
use crate::domain::{EmailAddress, InvitationId, Proof, Timestamp, User, UserId};
use crate::routes::Index;

/// The INVITATION item. `Debug` shows neither address nor hash.
#[derive(Clone, Serialize, Deserialize)]
pub struct Invitation {
    /// Which one.
    pub id: InvitationId,
    /// The invited address, in the form in which addresses are stored.
    pub email: String,
    /// The name that the admin knows its owner by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The admin; `None` for the operator's command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inviter: Option<UserId>,
    /// [`User::taken_back`] of the admin: what was sent before an account was taken back does not count.
    #[serde(default)]
    pub inviter_taken_back: u64,
    /// The service's version: a global rotation outdates the invitation as it does sessions.
    pub global_ver: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The hash of the token that was mailed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_hash: Option<String>,
    /// Clean-up only.
    pub ttl: i64,
}

impl Stored for Invitation {
    const SCHEMA: Schema = Schema::NONE;
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invitation")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Invitation {
    /// The partition key of its address.
    pub(super) fn address_key(&self) -> Option<String> {
        EmailAddress::parse(&self.email)
            .ok()
            .map(|email| keys::email(&email).pk)
    }
}

/// An accepted invitation.
#[derive(Debug)]
pub struct Acceptance<'a> {
    /// The invitation as it was read.
    pub invitation: &'a Invitation,
    /// The hash of its token.
    pub token: &'a str,
    /// Its address.
    pub email: &'a EmailAddress,
    /// The account: a new one, or an imported one with an unverified address.
    pub account: Accepted<'a>,
    /// The admin who has sent it, as they were read; `None` for one of the operator's.
    pub inviter: Option<&'a User>,
}

/// The account of an accepted invitation.
#[derive(Debug)]
pub enum Accepted<'a> {
    /// A new account, as it is to be.
    New(&'a User),
    /// An imported account gets name and password.
    Imported(UserId, &'a str, &'a str),
}

impl Store {
    /// Writes an invitation down as the newest of its address, whose item is as `address`; the one before it is gone. `false`
    /// if the address was changed since it was read.
    pub async fn invite(
        &self,
        invitation: &Invitation,
        email: &EmailAddress,
        address: Option<&Address>,
        entry: &Entry,
        row: &Row,
    ) -> Result<bool, StoreError> {
        let mut written = item(invitation);
        written.insert(
            Index::ByDirectory.attribute().to_owned(),
            attribute(Directory::Invitations.partition()),
        );
        let transaction = Transaction::default()
            .put(
                "invitation",
                keys::invitation(invitation.id),
                written,
                Expression::when("attribute_not_exists(#pk)"),
            )
            .update(
                "email",
                keys::email(email),
                naming(invitation, address, entry.occurred_at),
            )
            .audit_and_send(entry, [row]);
        let older = address.and_then(|address| address.invitation);
        let transaction = older.into_iter().fold(transaction, |transaction, older| {
            transaction.delete(
                "older invitation",
                keys::invitation(older),
                Expression::default(),
            )
        });
        self.commit("invite", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// An invitation.
    pub async fn invitation(&self, id: InvitationId) -> Result<Option<Invitation>, StoreError> {
        self.read("invitation", keys::invitation(id)).await
    }

    /// Writes the token of an invitation down by its hash. A redelivered row makes the same token again.
    pub async fn set_invitation_token(
        &self,
        id: InvitationId,
        hash: &str,
    ) -> Result<bool, StoreError> {
        let condition =
            "attribute_exists(#pk) AND (attribute_not_exists(#token_hash) OR #token_hash = :hash)";
        let expression =
            Expression::update("SET #token_hash = :hash", condition).value("hash", hash);
        match self
            .update("set_invitation_token", keys::invitation(id), expression)
            .await?
        {
            Updated::Done(_) => Ok(true),
            Updated::Unmet(old) => {
                Ok(old.is_some_and(|old| text(&old, "token_hash") == Some(hash)))
            }
        }
    }

    /// Takes an invitation back; `false` if there is none.
    pub async fn withdraw_invitation(
        &self,
        id: InvitationId,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let live = Expression::when("#expires_at > :now").value("now", entry.occurred_at);
        let transaction = Transaction::default()
            .delete("invitation", keys::invitation(id), live)
            .audit(entry);
        self.commit("withdraw_invitation", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Makes the account of an invitation, or finishes an imported one: the address is verified, and every registration and
    /// invitation of it ends. `false` if the invitation is dead by now.
    pub async fn accept_invitation(
        &self,
        accepted: &Acceptance<'_>,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let (id, now) = (accepted.invitation.id, entry.occurred_at);
        let used = Expression::when("#token_hash = :token AND #expires_at > :now")
            .value("token", accepted.token)
            .value("now", now);
        // An account that is imported concurrently would lose its address to a new one.
        let (owner, holder) = match accepted.account {
            Accepted::New(account) => (
                account.id,
                "(attribute_not_exists(#user_id) OR #state <> :imported)",
            ),
            Accepted::Imported(account, ..) => (account, "#user_id = :user"),
        };
        let mut claim = verified_if_provable(owner, now).value("invitation", id);
        claim.condition = format!(
            "#invitation = :invitation AND {holder} AND {}",
            claim.condition
        );
        let transaction = Transaction::default()
            .delete("invitation", keys::invitation(id), used)
            .update("email", keys::email(accepted.email), claim)
            .delete("lock", keys::lock(accepted.email), Expression::default())
            .while_inviter(accepted.inviter)
            .audit(entry);
        let transaction = match accepted.account {
            Accepted::New(account) => transaction.put(
                "user",
                keys::user(account.id),
                user_item(account),
                Expression::when("attribute_not_exists(#pk)"),
            ),
            Accepted::Imported(account, name, hash) => transaction.update(
                "user",
                keys::user(account),
                finished_import(name, hash, entry),
            ),
        };
        self.commit("accept_invitation", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }
}

/// EMAIL names the invitation. For a free address, the item lives as long as the invitation; a registration ends
/// when it would have ended.
fn naming(invitation: &Invitation, address: Option<&Address>, now: Timestamp) -> Expression {
    let nobody = address.is_none_or(|address| address.holder(now) == Holder::Nobody);
    // Of two invitations at once the later one must find the earlier one, to delete it.
    let older = address.and_then(|address| address.invitation);
    let same_older = if older.is_some() {
        "#invitation = :older"
    } else {
        "attribute_not_exists(#invitation)"
    };
    let named = if nobody {
        let update = "SET #invitation = :invitation, #state = :invited, #schema_version = :schema, #ttl = :ttl \
                      REMOVE #user_id, #until, #password_hash, #email";
        Expression::update(update, format!("{FREE} AND {same_older}"))
            .value("invited", AddressState::Invited)
            .value("schema", 1)
            .value("ttl", invitation.ttl)
    } else {
        let until = address
            .and_then(|address| address.until)
            .map(Timestamp::as_secs);
        let set_ttl = until.map_or("", |_| ", #ttl = :ttl");
        let unverified = "#user_id = :holder AND #state IN (:registered, :contested, :imported) \
                          AND (attribute_not_exists(#until) OR #until > :now)";
        let condition = format!("{unverified} AND {same_older}");
        let named =
            Expression::update(format!("SET #invitation = :invitation{set_ttl}"), condition)
                .value("holder", address.and_then(|address| address.user_id))
                .value("registered", AddressState::Registered)
                .value("contested", AddressState::Contested)
                .value("imported", AddressState::Imported);
        match until {
            Some(until) => named.value("ttl", until.max(invitation.ttl)),
            None => named,
        }
    };
    let named = match older {
        Some(older) => named.value("older", older),
        None => named,
    };
    named.value("invitation", invitation.id).value("now", now)
}

fn finished_import(name: &str, hash: &str, entry: &Entry) -> Expression {
    let update = format!(
        "SET #name = :name, #password_hash = :hash, {RESCHEME}, #password_changed_at = :now, #email_verified = :yes, \
         #proof = :proof, {RECOVERED}, {ROTATE}, {KILL_MAILED} REMOVE #registered_until, #ttl, {FORGET_MAILED}"
    );
    with_scheme(Expression::update(update, "#email_verified = :no"), hash)
        .value("name", name)
        .value("hash", hash)
        .value("proof", Proof::Confirmation)
        .value("now", entry.occurred_at)
        .value("yes", true)
        .value("no", false)
        .value("one", 1)
        .value("floor", floor_of(entry))
}
