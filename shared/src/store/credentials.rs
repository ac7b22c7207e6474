//! New passwords. Each ends every session by raising the user's version, and kills every mailed token.

use super::addresses::{AddressState, verified};
use super::expression::Expression;
use super::keys;
use super::row::Row;
use super::transaction::Transaction;
use super::users::{
    FORGET_MAILED, KILL_MAILED, RECOVERED, RESCHEME, ROTATE, floor_of, with_scheme,
};
use super::{Store, StoreError};
use crate::audit_event::Entry;
use crate::domain::{EmailAddress, Proof, Session, User};

/// A new password.
#[derive(Debug)]
pub struct PasswordChange<'a> {
    /// The account as it was read before hashing.
    pub user: &'a User,
    /// Its address.
    pub email: &'a EmailAddress,
    /// The new hash.
    pub hash: &'a str,
    /// Another name, where who registered the address is not known to be its owner.
    pub name: Option<&'a str>,
}

impl Store {
    /// Sets a new password with the reset token whose hash is `token`; `false` if the token is not good any more, or the
    /// registration is over. A finished reset verifies the address, ends every registration and invitation of it, lifts the
    /// locks, and kills the links of the notices that went to this address.
    pub async fn reset_password(
        &self,
        change: &PasswordChange<'_>,
        token: &str,
        entry: &Entry,
        row: &Row,
    ) -> Result<bool, StoreError> {
        let (user, now) = (change.user.id, entry.occurred_at);
        let set_name = change.name.map_or("", |_| ", #name = :name");
        let update = format!(
            "SET #password_hash = :hash, {RESCHEME}, #password_changed_at = :now, #email_verified = :yes, #proof = :proof, \
             {RECOVERED}, {ROTATE}, {KILL_MAILED}{set_name} REMOVE #pending_email, #registered_until, #ttl, {FORGET_MAILED}"
        );
        let condition = "((#reset_hash = :token AND #reset_until > :now) \
                         OR (#prior_reset_hash = :token AND #prior_reset_until > :now)) AND #status = :active";
        let mut expression = new_password(change, entry, update, condition)
            .value("token", token)
            .value("active", "active")
            .value("proof", Proof::Confirmation)
            .value("yes", true);
        if let Some(name) = change.name {
            expression = expression.value("name", name);
        }
        let own = "#user_id = :user AND #state <> :former AND (attribute_not_exists(#until) OR #until > :now)";
        let own = verified(user, own)
            .value("former", AddressState::Former)
            .value("now", now);
        let transaction = Transaction::default()
            .update("user", keys::user(user), expression)
            .update("email", keys::email(change.email), own)
            .delete("lock", keys::lock(change.email), Expression::default())
            .delete(
                "session lock",
                keys::session_lock(user),
                Expression::default(),
            )
            .audit_and_send(entry, [row]);
        self.commit("reset_password", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Changes the password and puts the caller's session, given as it is to be, under the new version; `false` if the
    /// account or the session has changed meanwhile.
    pub async fn change_password(
        &self,
        change: &PasswordChange<'_>,
        session: &Session,
        entry: &Entry,
        row: &Row,
    ) -> Result<bool, StoreError> {
        let user = change.user.id;
        let update = format!(
            "SET #password_hash = :hash, {RESCHEME}, #password_changed_at = :now, {ROTATE}, {KILL_MAILED} \
             REMOVE #pending_email, {FORGET_MAILED}"
        );
        let expression = new_password(
            change,
            entry,
            update,
            "#password_hash = :old AND #ver_current = :ver",
        )
        .value("old", &change.user.password_hash)
        .value("ver", change.user.ver_current);
        let restamp = Expression::update(
            "SET #family = :family, #current = :current, #user_ver = :ver, #global_ver = :global, #auth_time = :now, #last_activity_at = :now REMOVE #retired",
            "attribute_exists(#pk)",
        )
        .value("family", &session.family)
        .value("current", &session.current)
        .value("ver", session.user_ver)
        .value("global", session.global_ver)
        .value("now", entry.occurred_at);
        let transaction = Transaction::default()
            .update("user", keys::user(user), expression)
            .update("session", keys::session(user, session.id), restamp)
            .delete("lock", keys::lock(change.email), Expression::default())
            .delete(
                "session lock",
                keys::session_lock(user),
                Expression::default(),
            )
            .audit_and_send(entry, [row]);
        self.commit("change_password", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Puts a session, given as it is to be, under the versions and the moment of a new password proof; `false` if its
    /// versions have changed meanwhile, or it has ended.
    pub async fn renew_proof(
        &self,
        before: &Session,
        after: &Session,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let update = "SET #user_ver = :ver, #global_ver = :global, #auth_time = :now, #last_activity_at = :now";
        let restamp =
            Expression::update(update, "#user_ver = :seen AND #global_ver = :seen_global")
                .value("ver", after.user_ver)
                .value("global", after.global_ver)
                .value("now", after.auth_time)
                .value("seen", before.user_ver)
                .value("seen_global", before.global_ver);
        let transaction = Transaction::default()
            .update("session", keys::session(before.user_id, before.id), restamp)
            .delete(
                "session lock",
                keys::session_lock(before.user_id),
                Expression::default(),
            )
            .audit(entry);
        self.commit("renew_proof", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }

    /// Replaces the hash of an unchanged password by one of today's parameters.
    ///
    /// # Errors
    /// [`StoreError`]; the old hash then stays, and the next login tries again.
    pub async fn rehash_password(&self, user: &User, hash: &str) -> Result<(), StoreError> {
        let expression = Expression::update(
            format!("SET #password_hash = :hash, {RESCHEME}"),
            "#password_hash = :old",
        )
        .value("hash", hash)
        .value("old", &user.password_hash);
        let expression = with_scheme(expression, hash);
        self.update("rehash_password", keys::user(user.id), expression)
            .await
            .map(|_| ())
    }
}

fn new_password(
    change: &PasswordChange<'_>,
    entry: &Entry,
    update: String,
    condition: &str,
) -> Expression {
    with_scheme(Expression::update(update, condition), change.hash)
        .value("hash", change.hash)
        .value("now", entry.occurred_at)
        .value("one", 1)
        .value("floor", floor_of(entry))
}
