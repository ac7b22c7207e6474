//! Registrations of unverified addresses: begun, contested, and finished by a confirmation.

use std::time::Duration;

use super::addresses::{AddressState, FREE, verified};
use super::expression::Expression;
use super::row::Row;
use super::transaction::Transaction;
use super::users::{
    FORGET_MAILED, KILL_MAILED, RESCHEME, ROTATE, floor_of, user_item, with_scheme,
};
use super::{NO_PASSWORD, Store, StoreError, keys};
use crate::audit_event::Entry;
use crate::domain::{EmailAddress, Proof, Timestamp, User, UserId};

/// The longest life of an invitation that can be set.
const LONGEST_INVITATION: Duration = Duration::from_secs(28 * 86_400);

/// How a registration went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// It is written.
    Done,
    /// Another request changed the address first; it must be read again.
    Lost,
}

impl Store {
    /// Begins the registration of a free address. An invitation of the address stays, so its item is kept as long
    /// as the longest invitation that can be set may last.
    pub async fn register(
        &self,
        user: &User,
        email: &EmailAddress,
        (until, invited): (Timestamp, bool),
        entry: &Entry,
        row: &Row,
    ) -> Result<Registered, StoreError> {
        let update = "SET #user_id = :user, #state = :registered, #until = :until, #password_hash = :hash, #ttl = :ttl, \
                      #schema_version = :schema REMOVE #email";
        let invitation = if invited {
            "attribute_exists(#invitation)"
        } else {
            "attribute_not_exists(#invitation)"
        };
        let begun = Expression::update(update, format!("{FREE} AND {invitation}"))
            .value("user", user.id)
            .value("registered", AddressState::Registered)
            .value("until", until)
            .value("hash", &user.password_hash)
            .value(
                "ttl",
                if invited {
                    until.plus(LONGEST_INVITATION).as_secs()
                } else {
                    until.as_secs()
                },
            )
            .value("schema", 1)
            .value("now", entry.occurred_at);
        let transaction = Transaction::default()
            .update("email", keys::email(email), begun)
            .put(
                "user",
                keys::user(user.id),
                user_item(user),
                Expression::when("attribute_not_exists(#pk)"),
            )
            .audit_and_send(entry, [row]);
        match self.commit("register", transaction).await {
            Ok(()) => Ok(Registered::Done),
            Err(error) => error.condition_to(Registered::Lost),
        }
    }

    /// Makes a registration contested: its links are dead, and neither its password nor its name counts any more. Who
    /// verifies the address chooses others; until then the account is called after the address.
    pub async fn contest(
        &self,
        user: UserId,
        email: &EmailAddress,
        entry: &Entry,
        row: &Row,
    ) -> Result<Registered, StoreError> {
        let now = entry.occurred_at;
        let update = format!(
            "SET #proof = :proof, #name = :name, #password_hash = :none, {RESCHEME}, {ROTATE}, {KILL_MAILED} \
             REMOVE {FORGET_MAILED}"
        );
        let spoilt = with_scheme(
            Expression::update(update, "#email_verified = :no"),
            NO_PASSWORD,
        )
        .value("proof", Proof::NewPassword)
        .value(
            "name",
            email.address().split('@').next().unwrap_or_default(),
        )
        .value("none", NO_PASSWORD)
        .value("no", false)
        .value("one", 1)
        .value("now", now)
        .value("floor", floor_of(entry));
        let contested = "#user_id = :user AND #state = :registered AND #until > :now";
        let contested =
            Expression::update("SET #state = :contested REMOVE #password_hash", contested)
                .value("user", user)
                .value("registered", AddressState::Registered)
                .value("contested", AddressState::Contested)
                .value("now", now);
        let transaction = Transaction::default()
            .update("email", keys::email(email), contested)
            .update("user", keys::user(user), spoilt)
            .audit_and_send(entry, [row]);
        match self.commit("contest", transaction).await {
            Ok(()) => Ok(Registered::Done),
            Err(error) => error.condition_to(Registered::Lost),
        }
    }

    /// Verifies the address of a registration with the token whose hash is `token`; `false` if the token is not good any
    /// more, or the registration is contested or over.
    pub async fn verify_address(
        &self,
        user: UserId,
        email: &EmailAddress,
        token: &str,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        let now = entry.occurred_at;
        let update =
            format!("SET #email_verified = :yes REMOVE #registered_until, #ttl, {FORGET_MAILED}");
        let condition = "#verify_hash = :token AND #verify_until > :now AND #email_verified = :no";
        let confirmed = Expression::update(update, condition)
            .value("token", token)
            .value("now", now)
            .value("no", false)
            .value("yes", true);
        let lone = "#user_id = :user AND #state = :registered AND #until > :now";
        let lone = verified(user, lone)
            .value("registered", AddressState::Registered)
            .value("now", now);
        let transaction = Transaction::default()
            .update("user", keys::user(user), confirmed)
            .update("email", keys::email(email), lone)
            .audit(entry);
        self.commit("verify_address", transaction)
            .await
            .map(|()| true)
            .or_else(|error| error.condition_to(false))
    }
}
