//! How an order of the recovery model ends: the owner of the first mailbox gets the account there, and no other player keeps
//! a way in.

use std::collections::BTreeSet;

use bundle_tests::{Actor, fresh_address};
use serde_json::json;
use shared::domain::{EmailAddress, Password, UserId};
use shared::passwords::Verdict;
use shared::store::Holder;

use crate::recovery_orders::{MAILBOXES, Who};
use crate::recovery_world::{World, client, post};

const THIEVING: &str = "Thieving-Magpie-9-Nest";
const OTHERS: [Who; 2] = [Who::Thief, Who::Stranger];

impl<'a> World<'a> {
    /// Plays the end, and says what should not be.
    ///
    /// # Errors
    /// The broken rule.
    pub async fn end(&mut self) -> Result<(), String> {
        self.app.drain().await;
        self.contested_passwords_are_dead().await?;
        let lost = match self.account.clone() {
            Some(account) => !self.is_recoverable(&account).await,
            None => true,
        };
        if !lost {
            self.take_back().await?;
        }
        if let Some(mail) = self.missing_mail {
            return Err(format!("{mail} was not mailed"));
        }
        let owner = self.enter().await?;
        let account = owner
            .me()
            .await
            .member("id")
            .ok_or("the owner's session is dead")?;
        if !lost && self.account.as_ref() != Some(&account) {
            return Err("the first address leads to another account".to_owned());
        }
        // If another player had the account first, that player's earlier address wins.
        let is_joined = self.had_another_owner(&account).await;
        self.others_use_all_they_have().await;
        if !is_joined {
            self.others_are_out(&owner, &account).await?;
        }
        if self.begin.is_admin() {
            self.others_are_no_admins().await
        } else {
            Ok(())
        }
    }

    /// No click makes a password good that an address was registered with beside another one.
    async fn contested_passwords_are_dead(&mut self) -> Result<(), String> {
        let first = self.first();
        for password in self.contested.clone().into_iter().collect::<BTreeSet<_>>() {
            if client(self.app).try_log_in(&first, &password).await.status == 200 {
                return Err("the password of a contested registration is good".to_owned());
            }
        }
        Ok(())
    }

    /// The links of the first address take the account back to it.
    async fn take_back(&mut self) -> Result<(), String> {
        let (account, first) = (self.account.clone().unwrap_or_default(), self.first());
        let is_back = async |world: &Self| {
            world.address_of(&account).await.as_deref() == Some(first.as_str())
        };
        if is_back(self).await {
            return Ok(());
        }
        let mut statuses = Vec::new();
        for token in self.app.mailed_tokens(&first, "dsa_").await {
            statuses.push(self.take_back_by(Who::Owner, &token).await);
            if is_back(self).await {
                self.app.advance(1);
                return Ok(());
            }
        }
        Err(format!(
            "no link of the first address takes the account back: {statuses:?}"
        ))
    }

    /// The owner signs in at the first address, with nothing but its mailbox.
    async fn enter(&mut self) -> Result<Actor<'a>, String> {
        let (app, first) = (self.app, self.first());
        let password = self.new_password();
        if self.holder_of_first().await.is_none() {
            let body = json!({ "email": first, "password": password, "name": "Ada Lovelace" });
            post(app, "register", &body).await;
            for token in app.mailed_tokens(&first, "dvt_").await {
                if post(app, "verify-email", &json!({ "token": token })).await == 200 {
                    break;
                }
            }
        }
        app.advance(1);
        post(app, "request-password-reset", &json!({ "email": first })).await;
        for token in app.mailed_tokens(&first, "drs_").await {
            let reset = json!({ "token": token, "new_password": password });
            if post(app, "reset-password", &reset).await == 200 {
                app.advance(1);
                return Ok(client(app).log_in(&first, &password).await);
            }
        }
        Err("the owner has no usable link".to_owned())
    }

    /// The others try every link and the name of every account that they have.
    async fn others_use_all_they_have(&mut self) {
        self.app.advance(1);
        for who in OTHERS {
            for (prefix, path) in [("dsa_", "secure-account"), ("dvt_", "verify-email")] {
                for token in self.mailed(who, prefix).await {
                    post(self.app, path, &json!({ "token": token })).await;
                }
            }
            for token in self.mailed(who, "drs_").await {
                post(
                    self.app,
                    "reset-password",
                    &json!({ "token": token, "new_password": THIEVING }),
                )
                .await;
            }
            self.player(who).passwords.push(THIEVING.to_owned());
        }
    }

    /// Nothing that the others have opens the account of the owner.
    async fn others_are_out(&mut self, owner: &Actor<'a>, account: &str) -> Result<(), String> {
        let first = self.first();
        for session in self.sessions_of_others() {
            if session
                .clone()
                .at(&fresh_address())
                .me()
                .await
                .member("id")
                .as_deref()
                == Some(account)
            {
                return Err("a session of another player is live".to_owned());
            }
            let token = session.refresh.clone().unwrap_or_default();
            let answer = session.at(&fresh_address()).try_refresh(&token).await;
            if let Some(access) = answer.member("access_token") {
                let me = client(self.app).bearer(&access).me().await;
                if me.member("id").as_deref() == Some(account) {
                    return Err("a refresh token of another player is good".to_owned());
                }
            }
        }
        // The other addresses of the order do not lead to the account.
        for email in self.addresses.iter().filter(|email| **email != first) {
            let email = EmailAddress::parse(email).expect("an address");
            let holder = self
                .app
                .environment
                .store()
                .address_user(&email)
                .await
                .expect("a read");
            if holder.is_some_and(|user| user.to_string() == account) {
                return Err("another address leads to the account".to_owned());
            }
        }
        for password in self.passwords_of_others() {
            if self.opens(account, &password).await {
                return Err("a password of another player is good".to_owned());
            }
        }
        if self.address_of(account).await.as_deref() != Some(first.as_str()) {
            return Err("the account has left the owner again".to_owned());
        }
        let answer = owner.clone().at(&fresh_address()).me().await;
        if answer.status == 200 {
            Ok(())
        } else {
            Err("the owner's session has ended".to_owned())
        }
    }

    /// No session that anybody else has or can begin is an admin's.
    async fn others_are_no_admins(&mut self) -> Result<(), String> {
        let mut sessions = self.sessions_of_others();
        for email in self.addresses.clone() {
            for password in self.passwords_of_others() {
                let mut actor = client(self.app);
                actor.access = actor
                    .try_log_in(&email, &password)
                    .await
                    .member("access_token");
                sessions.extend(actor.access.is_some().then_some(actor));
            }
        }
        for session in sessions {
            if session
                .at(&fresh_address())
                .me()
                .await
                .member("role")
                .as_deref()
                == Some("admin")
            {
                return Err("another player is an admin".to_owned());
            }
        }
        Ok(())
    }

    /// Whether a password is an account's. The stored hash is asked: signing in with each would be half of what an order costs,
    /// and after ten of them a lock would be the answer.
    async fn opens(&self, account: &str, password: &str) -> bool {
        let environment = &self.app.environment;
        let user = environment
            .store()
            .user(account.parse().expect("an id"))
            .await
            .expect("a read");
        let hash = user.expect("an account").password_hash;
        let password = Password::presented(password.to_owned()).expect("a password");
        let verdict = environment
            .hasher()
            .expect("a hasher")
            .verify(&password, Some(&hash))
            .await
            .expect("verified");
        verdict != Verdict::Wrong
    }

    /// The account that the first address leads to; `None` for an unfinished registration.
    pub async fn holder_of_first(&self) -> Option<UserId> {
        let store = self.app.environment.store();
        let first = EmailAddress::parse(&self.first()).expect("an address");
        let address = store.address(&first).await.expect("a read")?;
        match address.holder(store.now()) {
            Holder::Account(user) | Holder::Former(user) => Some(user),
            _ => None,
        }
    }

    /// The address of an account; `None` if it is erased.
    pub async fn address_of(&self, account: &str) -> Option<String> {
        let user = self
            .app
            .environment
            .store()
            .user(account.parse().ok()?)
            .await
            .expect("a read");
        user.map(|user| user.email)
    }

    /// Whether a mailbox of another player can take an account back.
    pub async fn had_another_owner(&self, account: &str) -> bool {
        let store = self.app.environment.store();
        let Some(user) = store
            .user(account.parse().expect("an id"))
            .await
            .expect("a read")
        else {
            return false;
        };
        let others = self
            .addresses
            .iter()
            .zip(MAILBOXES)
            .filter(|(_, whose)| *whose != Who::Owner);
        others.into_iter().any(|(address, _)| {
            let key = EmailAddress::parse(address)
                .expect("an address")
                .fingerprint();
            user.claim_of(&key, store.now()).is_some()
        })
    }

    /// Whether the first address is the account's, or can still take it back.
    pub async fn is_recoverable(&self, account: &str) -> bool {
        let store = self.app.environment.store();
        let user = store
            .user(account.parse().expect("an id"))
            .await
            .expect("a read");
        let first = EmailAddress::parse(&self.first())
            .expect("an address")
            .fingerprint();
        user.is_some_and(|user| {
            user.address_key() == first || user.claim_of(&first, store.now()).is_some()
        })
    }

    fn sessions_of_others(&mut self) -> Vec<Actor<'a>> {
        OTHERS
            .into_iter()
            .flat_map(|who| self.player(who).sessions.clone())
            .collect()
    }

    fn passwords_of_others(&mut self) -> BTreeSet<String> {
        OTHERS
            .into_iter()
            .flat_map(|who| self.player(who).passwords.clone())
            .collect()
    }
}
