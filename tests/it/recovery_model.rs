//! Random orders of what an owner, a thief and a stranger can do to an account, played against the whole service.
//!
//! After each order the owner, who has the mailbox of the first address, recovers the account: by a reset if the account is
//! still at that address, else by the newest "this wasn't me" link in the mailbox. Then nothing that the thief has gathered
//! opens it any more. The rules are those of `docs/adr/0024-recovery.md`.
//!
//! `RECOVERY_ORDERS` sets how many orders each of the two tests plays.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use bundle_tests::{TestApp, fresh_address};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;
use shared::domain::EmailAddress;

use crate::recovery_world::{Step, Who, World, client, post};

/// Orders that each test plays where nothing else is asked for.
const ORDERS: u32 = 150;
const DAY: u64 = 86_400;
const WEEK: u64 = 7 * DAY;

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![1 => Just(Who::Owner), 2 => Just(Who::Thief)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (who(), any::<u8>()).prop_map(|(who, n)| Step::SignIn(who, n)),
        2 => who().prop_map(Step::ChangePassword),
        5 => (who(), any::<u8>()).prop_map(|(who, n)| Step::Move(who, n)),
        1 => who().prop_map(Step::CallOff),
        5 => (who(), any::<u8>()).prop_map(|(who, n)| Step::Confirm(who, n)),
        2 => any::<u8>().prop_map(Step::RequestReset),
        2 => (who(), any::<u8>()).prop_map(|(who, n)| Step::FinishReset(who, n)),
        3 => (who(), any::<u8>()).prop_map(|(who, n)| Step::NotMe(who, n)),
        1 => (who(), any::<u8>()).prop_map(|(who, n)| Step::Register(who, n)),
        1 => who().prop_map(Step::EndSessions),
        1 => who().prop_map(Step::Refresh),
        1 => who().prop_map(Step::Erase),
        1 => Just(Step::RotateAll),
        3 => prop_oneof![Just(1), Just(600), Just(DAY), Just(3 * DAY)].prop_map(Step::Wait),
    ]
}

impl World<'_> {
    /// The owner of the first address recovers the account with the password that comes out of it.
    async fn recover(&mut self) -> Result<(), String> {
        let (app, first) = (self.app, self.first());
        if self.present().await.as_deref() != Some(first.as_str()) {
            let mut statuses = Vec::new();
            for token in app.mailed_tokens(&first, "dsa_").await {
                statuses.push(post(app, "secure-account", &json!({ "token": token })).await);
                if self.present().await.as_deref() == Some(first.as_str()) {
                    break;
                }
            }
            if self.present().await.as_deref() != Some(first.as_str()) {
                return Err(format!("no link of the first address takes the account back: {statuses:?}"));
            }
        }
        app.advance(1);
        post(app, "request-password-reset", &json!({ "email": first })).await;
        let password = self.new_password();
        for token in app.mailed_tokens(&first, "drs_").await {
            let reset = json!({ "token": token, "new_password": password });
            if post(app, "reset-password", &reset).await == 200 {
                let owner = client(app).log_in(&first, &password).await;
                self.owner.sessions.push(owner);
                return Ok(());
            }
        }
        Err("the owner has no usable reset link".to_owned())
    }

    /// Nothing that the thief has opens the account of the owner.
    async fn thief_is_out(&mut self) -> Result<(), String> {
        self.app.advance(1);
        let first = self.first();
        for (prefix, path) in [("dsa_", "secure-account"), ("dvt_", "verify-email")] {
            for token in self.mailed(Who::Thief, prefix).await {
                post(self.app, path, &json!({ "token": token })).await;
            }
        }
        for token in self.mailed(Who::Thief, "drs_").await {
            let reset = json!({ "token": token, "new_password": "Thieving-Magpie-9-Nest" });
            post(self.app, "reset-password", &reset).await;
        }
        self.thief.passwords.push("Thieving-Magpie-9-Nest".to_owned());
        for session in self.thief.sessions.clone() {
            let me = session.clone().at(&fresh_address()).me().await;
            if me.member("id").as_ref() == Some(&self.account) {
                return Err("a session of the thief is live".to_owned());
            }
            let token = session.refresh.clone().unwrap_or_default();
            let answer = session.at(&fresh_address()).try_refresh(&token).await;
            if let Some(access) = answer.member("access_token") {
                let me = client(self.app).bearer(&access).me().await;
                if me.member("id").as_ref() == Some(&self.account) {
                    return Err("a refresh token of the thief is good".to_owned());
                }
            }
        }
        // The other addresses of the order do not lead to the account; the password is asked for at the first alone.
        for email in self.addresses().iter().filter(|email| **email != first) {
            let email = EmailAddress::parse(email).expect("an address");
            if self
                .app
                .environment
                .store()
                .address_user(&email)
                .await
                .expect("a read")
                .is_some_and(|user| user.to_string() == self.account)
            {
                return Err("another address leads to the account".to_owned());
            }
        }
        let passwords: BTreeSet<_> = self.thief.passwords.iter().cloned().collect();
        for password in &passwords {
            if client(self.app).try_log_in(&first, password).await.status == 200 {
                return Err("the thief signs in".to_owned());
            }
        }
        if self.present().await.as_deref() != Some(first.as_str()) {
            return Err("the account has left the owner again".to_owned());
        }
        let owner = self.owner.sessions.last().expect("a session").clone().at(&fresh_address());
        if owner.me().await.status == 200 { Ok(()) } else { Err("the owner's session has ended".to_owned()) }
    }
}

/// Plays one order.
async fn order(app: &TestApp, steps: &[Step]) -> Result<(), String> {
    let mut world = World::begin(app).await;
    for step in steps {
        world.play(step).await;
    }
    app.drain().await;
    if !world.is_recoverable().await {
        return Ok(());
    }
    world.recover().await?;
    world.thief_is_out().await
}

fn play_orders(strategy: &impl Strategy<Value = Vec<Step>>) {
    let asked = std::env::var("RECOVERY_ORDERS").ok().and_then(|orders| orders.parse().ok());
    let config = Config { cases: asked.unwrap_or(ORDERS), failure_persistence: None, ..Config::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (mut app, mut played) = (runtime.block_on(TestApp::start()), 0);
    let app = std::cell::RefCell::new((&mut app, &mut played));
    let outcome = TestRunner::new(config).run(strategy, |steps| {
        let mut app = app.borrow_mut();
        // What earlier orders have left only slows the tables down.
        *app.1 += 1;
        if *app.1 % 200 == 0 {
            *app.0 = runtime.block_on(TestApp::start());
        }
        runtime.block_on(order(app.0, &steps)).map_err(TestCaseError::fail)
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn the_owner_of_the_first_address_always_gets_the_account_back() {
    play_orders(&proptest::collection::vec(step(), 3..14));
}

#[test]
fn a_thief_who_moves_the_account_again_and_again_never_keeps_it() {
    let moving = prop_oneof![
        3 => any::<u8>().prop_map(|n| Step::Move(Who::Thief, n)),
        3 => any::<u8>().prop_map(|n| Step::Confirm(Who::Thief, n)),
        2 => any::<u8>().prop_map(|n| Step::SignIn(Who::Thief, n)),
        2 => step(),
    ];
    play_orders(&proptest::collection::vec(moving, 4..16));
}

#[test]
fn an_account_is_lost_to_its_first_address_only_after_the_take_back_time() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for (wait, recoverable) in [(WEEK - 60, true), (WEEK, false)] {
            let app = TestApp::start().await;
            let mut world = World::begin(&app).await;
            for step in [Step::Move(Who::Thief, 0), Step::Confirm(Who::Thief, 0), Step::Wait(wait)] {
                world.play(&step).await;
            }
            assert_eq!(world.is_recoverable().await, recoverable, "after {wait} s");
            assert_eq!(world.recover().await.is_ok(), recoverable, "after {wait} s");
        }
    });
}
