//! An account moves to another address, and is taken back to an earlier one.
//!
//! A move leaves a claim at the address that is left: an entry in USER's list, and the EMAIL item, which stays reserved for as
//! long as the claim lasts. Each claim keeps its own end. Taking back drops the claims of later addresses and none of earlier
//! ones. Both write USER on the condition that its version is the one that was read: every act that could change the list
//! raises the version, so of two at once one loses and nothing is overwritten.

use super::addresses::{AddressState, verified, verified_if_provable};
use super::expression::Expression;
use super::row::Row;
use super::transaction::Transaction;
use super::users::{
    FORGET_MAILED, KILL_MAILED, RECOVERED, RESCHEME, ROTATE, floor_of, with_scheme,
};
use super::{NO_PASSWORD, Store, StoreError, keys};
use crate::audit_event::Entry;
use crate::domain::{EmailAddress, FormerAddress, RowId, Timestamp, User};

/// A confirmed change of address.
#[derive(Debug)]
pub struct Move<'a> {
    /// The account as it was read.
    pub user: &'a User,
    /// The address until now.
    pub from: &'a EmailAddress,
    /// The address from now on.
    pub to: &'a EmailAddress,
    /// The hash of the token that verifies it.
    pub token: &'a str,
    /// How long the account can be taken back to the address until now.
    pub until: Timestamp,
    /// The hash of a new password, where the address demands one.
    pub password_hash: Option<&'a str>,
}

/// An account that is taken back.
#[derive(Debug)]
pub struct TakeBack<'a> {
    /// The account as it was read.
    pub user: &'a User,
    /// The notice whose link was used.
    pub notice: RowId,
    /// The address that the account gets back; `None` if it has not left it.
    pub to: Option<&'a EmailAddress>,
    /// The fingerprints of the addresses that lose the account: the present one and the claims after the restored one.
    pub removed: &'a [String],
    /// The claims that are left: those before the restored one.
    pub former: &'a [FormerAddress],
}

impl Store {
    /// Moves an account to the address that was just verified; `false` if the token is not good any more, the account has
    /// changed, or the address belongs to another account.
    pub async fn move_address(
        &self,
        change: &Move<'_>,
        entry: &Entry,
        rows: &[Row],
    ) -> Result<bool, StoreError> {
        let (user, now) = (change.user, entry.occurred_at);
        let left = FormerAddress {
            key: change.from.fingerprint(),
            until: change.until,
            level: user.recovery_level,
        };
        let former: Vec<_> = user.claims(now).cloned().chain([left]).collect();
        let password = change
            .password_hash
            .map(|_| format!(", #password_hash = :hash, #password_changed_at = :now, {RESCHEME}"));
        let update = format!(
            "SET #email = :to, #former = :former, {ROTATE}, {KILL_MAILED}{} REMOVE #pending_email, {FORGET_MAILED}",
            password.unwrap_or_default()
        );
        let condition = "#verify_hash = :token AND #verify_until > :now AND #pending_email = :to AND #ver_current = :ver";
        let mut moved = Expression::update(update, condition)
            .value("to", change.to.address())
            .value("former", former)
            .value("token", change.token)
            .value("ver", user.ver_current)
            .value("now", now)
            .value("one", 1)
            .value("floor", floor_of(entry));
        if let Some(hash) = change.password_hash {
            moved = with_scheme(moved, hash).value("hash", hash);
        }
        let leave = "SET #state = :former, #email = :email, #until = :until, #ttl = :ttl";
        let left = Expression::update(leave, "#user_id = :user AND #state = :verified")
            .value("former", AddressState::Former)
            .value("verified", AddressState::Verified)
            .value("email", change.from.address())
            .value("until", change.until)
            .value("ttl", change.until.as_secs())
            .value("user", user.id);
        let transaction = Transaction::default()
            .update("user", keys::user(user.id), moved)
            .update(
                "email",
                keys::email(change.to),
                verified_if_provable(user.id, now),
            )
            .update("old email", keys::email(change.from), left)
            .delete("lock", keys::lock(change.to), Expression::default())
            .audit_and_send(entry, rows);
        self.commit("move_address", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Gives an account back: every session and mailed token is dead, no password is right until a reset, a pending change of
    /// address is off, and every device counts as new. The notice's link is used up with it. `false` if it was used before, or
    /// the account has changed since it was read.
    pub async fn take_back(
        &self,
        back: &TakeBack<'_>,
        entry: &Entry,
        rows: &[Row],
    ) -> Result<bool, StoreError> {
        let (user, now) = (back.user, entry.occurred_at);
        let set_email = if back.to.is_some() {
            ", #email = :email"
        } else {
            ""
        };
        let update = format!(
            "SET #password_hash = :none, {RESCHEME}, #devices = :nothing, #former = :former, \
             #taken_back = #taken_back + :one, {RECOVERED}, {ROTATE}, {KILL_MAILED}{set_email} \
             REMOVE #pending_email, {FORGET_MAILED}"
        );
        let mut expression = with_scheme(
            Expression::update(update, "#ver_current = :ver"),
            NO_PASSWORD,
        )
        .value("none", NO_PASSWORD)
        .set("nothing", ["-".to_owned()])
        .value("former", back.former)
        .value("ver", user.ver_current)
        .value("one", 1)
        .value("now", now)
        .value("floor", floor_of(entry));
        if let Some(to) = back.to {
            expression = expression.value("email", to.address());
        }
        let unused = "attribute_exists(#pk) AND attribute_not_exists(#used_at)";
        let mark = Expression::update("SET #used_at = :now", unused).value("now", now);
        let mut transaction = Transaction::default()
            .update("user", keys::user(user.id), expression)
            .update("notice", keys::outbox(back.notice), mark)
            .audit_and_send(entry, rows);
        if let Some(to) = back.to {
            let mine = verified(user.id, "#user_id = :user AND #state = :former")
                .value("former", AddressState::Former);
            transaction = transaction.update("email", keys::email(to), mine);
        }
        for key in back.removed {
            let mine = Expression::when("#user_id = :user").value("user", user.id);
            transaction = transaction.delete("removed email", keys::email_of_key(key), mine);
        }
        self.commit("take_back", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Ends the claim of a former address at once; `false` if the account has changed since it was read, or has no such claim.
    pub async fn end_claim(
        &self,
        user: &User,
        key: &str,
        entry: &Entry,
        rows: &[Row],
    ) -> Result<bool, StoreError> {
        let former: Vec<_> = user
            .claims(entry.occurred_at)
            .filter(|former| former.key != key)
            .cloned()
            .collect();
        // The version rises so that no concurrent move or take-back writes the list that it has read before.
        let ended = Expression::update(
            format!("SET #former = :former, {ROTATE}"),
            "#ver_current = :ver",
        )
        .value("former", former)
        .value("ver", user.ver_current)
        .value("one", 1)
        .value("now", entry.occurred_at);
        let mine = Expression::when("#user_id = :user AND #state = :former")
            .value("user", user.id)
            .value("former", AddressState::Former);
        let transaction = Transaction::default()
            .update("user", keys::user(user.id), ended)
            .delete("email", keys::email_of_key(key), mine)
            .audit_and_send(entry, rows);
        self.commit("end_claim", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }
}
