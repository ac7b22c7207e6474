//! That an admin is left. No index is kept of admins: the table is searched when an operator revokes the role, and the
//! transaction that takes an admin away checks in itself that another one is still there.
//!
//! Without that check two admins who disable each other at the same time would both succeed, and no admin could use the admin
//! routes. Each transaction checks the item that the other one writes, so at most one of them commits.

use aws_sdk_dynamodb::types::AttributeValue;

use super::expression::Expression;
use super::item::Item;
use super::transaction::{CommitError, Transaction};
use super::{Store, StoreError, keys};
use crate::domain::{Status, User, UserId};
use crate::routes::Table;

/// The label of the check in a transaction.
const KEEPER: &str = "keeper";

/// What became of a change that takes an admin away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdminChange {
    /// It was made.
    Done,
    /// There is no such account.
    UnknownUser,
    /// The admin who was to be left is none any more, or their account was changed.
    NoOtherAdmin,
}

/// The account is enabled, and an admin by the same role or the same verified address as it was read.
const SAME_ADMIN: &str = "#status = :keeper_status AND #role = :keeper_role AND #email = :keeper_email \
                          AND #email_verified = :keeper_verified";

impl Expression {
    fn same_admin(self, admin: &User) -> Self {
        self.value("keeper_status", Status::Active)
            .value("keeper_role", admin.role)
            .value("keeper_email", &admin.email)
            .value("keeper_verified", admin.email_verified)
    }
}

impl Transaction {
    /// Lets the transaction happen only while `keeper` is the admin that was read: by role or by address, with an account
    /// that is enabled.
    pub(super) fn while_admin(self, keeper: Option<&User>) -> Self {
        let Some(keeper) = keeper else { return self };
        self.check(
            KEEPER,
            keys::user(keeper.id),
            Expression::when(SAME_ADMIN).same_admin(keeper),
        )
    }

    /// The same for the admin who has sent an invitation, who must not have been taken back either: what a thief of
    /// the account sent does not count.
    pub(super) fn while_inviter(self, inviter: Option<&User>) -> Self {
        let Some(inviter) = inviter else { return self };
        let unchanged =
            Expression::when(format!("{SAME_ADMIN} AND #taken_back = :keeper_taken_back"))
                .same_admin(inviter)
                .value("keeper_taken_back", inviter.taken_back);
        self.check("inviter", keys::user(inviter.id), unchanged)
    }
}

/// What a transaction with such a check has done.
pub(super) fn outcome(committed: Result<(), CommitError>) -> Result<AdminChange, StoreError> {
    let is_keeper = |(label, _): &(&str, Option<Item>)| *label == KEEPER;
    match committed {
        Ok(()) => Ok(AdminChange::Done),
        Err(CommitError::Condition { failed, .. }) if failed.iter().any(is_keeper) => {
            Ok(AdminChange::NoOtherAdmin)
        }
        Err(error) => error.condition_to(AdminChange::UnknownUser),
    }
}

/// Items of one page.
const PAGE: u32 = 1_000;

/// What a search for another admin has found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherAdmin {
    /// There is one, with an enabled account and a verified address.
    Exists(UserId),
    /// There is none.
    Missing,
    /// There is none among the first accounts; the others were not looked at.
    NotFound,
}

impl Store {
    /// Whether anybody besides `user` has the stored role, among the first `most` items of the table. Each thousand of
    /// them is one call.
    pub async fn other_admin(&self, user: UserId, most: u32) -> Result<OtherAdmin, StoreError> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let mut start = None;
        for _ in 0..most.div_ceil(PAGE) {
            let request = self
                .client
                .scan()
                .table_name(self.table(Table::Users))
                .consistent_read(true);
            let request = request
                .limit(PAGE.cast_signed())
                .set_exclusive_start_key(start)
                .projection_expression("id");
            let request = request
                .filter_expression("#role = :admin AND #status = :active AND email_verified = :yes AND id <> :user")
                .expression_attribute_names("#role", "role")
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":admin", text("admin"))
                .expression_attribute_values(":active", text("active"))
                .expression_attribute_values(":yes", AttributeValue::Bool(true))
                .expression_attribute_values(":user", text(&user.to_string()));
            let page = request
                .send()
                .await
                .map_err(|error| StoreError::from_sdk("other_admin", error))?;
            if let Some(id) = page
                .items()
                .first()
                .and_then(|item| item.get("id")?.as_s().ok()?.parse().ok())
            {
                return Ok(OtherAdmin::Exists(id));
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(OtherAdmin::Missing);
            }
        }
        Ok(OtherAdmin::NotFound)
    }
}
