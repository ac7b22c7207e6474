//! Random orders of what an owner, a thief and a stranger can do to an account, played against the whole service.
//!
//! After each order the owner, who has the mailbox of the first address, recovers the account: by a reset if the account is
//! still at that address, else by the newest "this wasn't me" link in the mailbox. Then nothing that the thief has gathered
//! opens it any more. The rules are those of `docs/adr/0024-recovery.md`.
//!
//! `RECOVERY_ORDERS` sets how many orders each of the two tests plays.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use bundle_tests::{Actor, TestApp, fresh_address};
use http::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};
use shared::domain::Reason;
use shared::request::{RequestMeta, Task};
use shared::rotations::{Actor as By, Rotation, Scope};
use uuid::Uuid;

/// Orders that each test plays where nothing else is asked for.
const ORDERS: u32 = 1_000;
const DAY: u64 = 86_400;
const WEEK: u64 = 7 * DAY;
static TASK: Task = Task { action: "admin.rotate_tokens", name: "ops tokens rotate" };

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Has the mailboxes of the first address and of one more.
    Owner,
    /// Has two mailboxes of their own, and begins with the owner's password or with a session.
    Thief,
}

/// One act. The numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    SignIn(Who, u8),
    ChangePassword(Who),
    Move(Who, u8),
    CallOff(Who),
    Confirm(Who, u8),
    RequestReset(u8),
    FinishReset(Who, u8),
    NotMe(Who, u8),
    Register(Who, u8),
    EndSessions(Who),
    Refresh(Who),
    Erase(Who),
    RotateAll,
    Wait(u64),
}

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

/// What somebody has.
struct Player<'a> {
    addresses: Vec<String>,
    passwords: Vec<String>,
    sessions: Vec<Actor<'a>>,
}

struct World<'a> {
    app: &'a TestApp,
    account: String,
    owner: Player<'a>,
    thief: Player<'a>,
    made: u32,
}

impl<'a> World<'a> {
    /// An account of the owner, whose password the thief knows and in which the thief has a session.
    async fn begin(app: &'a TestApp) -> Self {
        let name = Uuid::new_v4().simple().to_string();
        let address = |who: &str| format!("{who}.{name}@example.com");
        let password = "Correct-Horse-7-Battery".to_owned();
        app.verified(&address("owner")).await;
        let owner = app.anonymous().log_in(&address("owner"), &password).await;
        let account = owner.me().await.json()["id"].as_str().unwrap_or_default().to_owned();
        let thief = client(app).header("user-agent", "curl/8").log_in(&address("owner"), &password).await;
        let player =
            |addresses, session| Player { addresses, passwords: vec![password.clone()], sessions: vec![session] };
        Self {
            app,
            account,
            owner: player(vec![address("owner"), address("second")], owner),
            thief: player(vec![address("evil"), address("worse")], thief),
            made: 0,
        }
    }

    fn player(&mut self, who: Who) -> &mut Player<'a> {
        match who {
            Who::Owner => &mut self.owner,
            Who::Thief => &mut self.thief,
        }
    }

    fn addresses(&self) -> Vec<String> {
        self.owner.addresses.iter().chain(&self.thief.addresses).cloned().collect()
    }

    fn new_password(&mut self) -> String {
        self.made += 1;
        format!("Chosen-Otter-{}-Lantern", self.made)
    }

    /// Every token with `prefix` in the mailboxes of a player, newest first.
    async fn mailed(&mut self, who: Who, prefix: &str) -> Vec<String> {
        let app = self.app;
        let mut tokens = Vec::new();
        for address in self.player(who).addresses.clone() {
            tokens.extend(app.mailed_tokens(&address, prefix).await);
        }
        tokens
    }

    async fn play(&mut self, step: &Step) {
        match *step {
            Step::SignIn(who, n) => self.sign_in(who, n).await,
            Step::ChangePassword(who) => self.change_password(who).await,
            Step::Move(who, n) => self.request_move(who, Some(n)).await,
            Step::CallOff(who) => self.request_move(who, None).await,
            Step::Confirm(who, n) => {
                if let Some(token) = pick(&self.mailed(who, "dvt_").await, n) {
                    post(self.app, "verify-email", &json!({ "token": token })).await;
                }
            }
            Step::RequestReset(n) => {
                if let Some(email) = pick(&self.addresses(), n) {
                    post(self.app, "request-password-reset", &json!({ "email": email })).await;
                }
            }
            Step::FinishReset(who, n) => {
                if let Some(token) = pick(&self.mailed(who, "drs_").await, n) {
                    let password = self.new_password();
                    let reset = json!({ "token": token, "new_password": password });
                    if post(self.app, "reset-password", &reset).await == 200 {
                        self.player(who).passwords.push(password);
                    }
                }
            }
            Step::NotMe(who, n) => {
                if let Some(token) = pick(&self.mailed(who, "dsa_").await, n) {
                    post(self.app, "secure-account", &json!({ "token": token })).await;
                }
            }
            Step::Register(who, n) => {
                if let Some(email) = pick(&self.addresses(), n) {
                    let password = self.new_password();
                    let body = json!({ "email": email, "password": password, "name": "Somebody" });
                    post(self.app, "register", &body).await;
                    self.player(who).passwords.push(password);
                }
            }
            Step::EndSessions(who) => self.as_signed_in(who, Method::DELETE, "sessions/all", None).await,
            Step::Erase(who) => {
                for password in self.player(who).passwords.clone() {
                    self.as_signed_in(who, Method::DELETE, "me", Some(json!({ "password": password }))).await;
                }
            }
            Step::Refresh(who) => {
                if let Some(session) = self.player(who).sessions.last_mut() {
                    let token = session.refresh.clone().unwrap_or_default();
                    let answer = session.clone().at(&fresh_address()).try_refresh(&token).await.json();
                    session.access = answer["access_token"].as_str().map(str::to_owned).or(session.access.take());
                    session.refresh = answer["refresh_token"].as_str().map(str::to_owned).or(session.refresh.take());
                }
            }
            Step::RotateAll => rotate_all(self.app).await,
            Step::Wait(seconds) => self.app.advance(seconds),
        }
        self.app.advance(1);
    }

    async fn sign_in(&mut self, who: Who, n: u8) {
        let Some(email) = pick(&self.addresses(), n) else { return };
        let app = self.app;
        for password in self.player(who).passwords.clone().into_iter().rev().take(3) {
            let actor = client(app);
            let answer = actor.try_log_in(&email, &password).await;
            if answer.status == 200 {
                let mut actor = actor.bearer(answer.json()["access_token"].as_str().unwrap_or_default());
                actor.refresh = answer.json()["refresh_token"].as_str().map(str::to_owned);
                self.player(who).sessions.push(actor);
                return;
            }
        }
    }

    async fn change_password(&mut self, who: Who) {
        let new = self.new_password();
        let player = self.player(who);
        let Some(session) = player.sessions.last_mut() else { return };
        for current in player.passwords.clone().into_iter().rev() {
            let body = json!({ "current_password": current, "new_password": new });
            let actor = session.clone().at(&fresh_address());
            let answer = actor.post("/api/v1/auth/change-password", &body).await;
            if answer.status == 200 {
                session.access = answer.json()["access_token"].as_str().map(str::to_owned);
                session.refresh = answer.json()["refresh_token"].as_str().map(str::to_owned);
                player.passwords.push(new);
                return;
            }
        }
    }

    /// Asks for a move to one of the player's addresses, or calls a pending one off.
    async fn request_move(&mut self, who: Who, to: Option<u8>) {
        let player = self.player(who);
        let Some(session) = player.sessions.last() else { return };
        let actor = session.clone().at(&fresh_address());
        let present = actor.me().await.json()["email"].as_str().map(str::to_owned);
        let to = to.map_or(present, |n| pick(&player.addresses, n));
        for password in player.passwords.clone().into_iter().rev().take(2) {
            let body = json!({ "email": to, "current_password": password });
            if to.is_some() && actor.patch("/api/v1/auth/me", &body).await.status == 200 {
                return;
            }
        }
    }

    async fn as_signed_in(&mut self, who: Who, method: Method, path: &str, body: Option<Value>) {
        if let Some(session) = self.player(who).sessions.last() {
            let actor = session.clone().at(&fresh_address());
            actor.request(method, &format!("/api/v1/auth/{path}"), body.as_ref()).await;
        }
    }

    /// The address of the account; `None` if it is erased.
    async fn present(&self) -> Option<String> {
        let user = self.app.environment.store().user(self.account.parse().ok()?).await.expect("a read");
        user.map(|user| user.email)
    }

    /// Whether the first address is the account's, or can still take it back.
    async fn is_recoverable(&self) -> bool {
        let store = self.app.environment.store();
        let user = store.user(self.account.parse().expect("an id")).await.expect("a read");
        let first = shared::domain::EmailAddress::parse(&self.owner.addresses[0]).expect("an address").fingerprint();
        user.is_some_and(|user| user.address_key() == first || user.claim_of(&first, store.now()).is_some())
    }

    /// The owner of the first address recovers the account with the password that comes out of it.
    async fn recover(&mut self) -> Result<(), String> {
        let (app, first) = (self.app, self.owner.addresses[0].clone());
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
        let first = self.owner.addresses[0].clone();
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
            let account = session.clone().at(&fresh_address()).me().await.json();
            if account["id"] == self.account.as_str() {
                return Err("a session of the thief is live".to_owned());
            }
            let token = session.refresh.clone().unwrap_or_default();
            let answer = session.at(&fresh_address()).try_refresh(&token).await;
            if answer.status == 200 {
                let me = client(self.app).bearer(answer.json()["access_token"].as_str().unwrap_or_default());
                if me.me().await.json()["id"] == self.account.as_str() {
                    return Err("a refresh token of the thief is good".to_owned());
                }
            }
        }
        let passwords: BTreeSet<_> = self.thief.passwords.iter().cloned().collect();
        for email in self.addresses() {
            for password in &passwords {
                let answer = client(self.app).try_log_in(&email, password).await;
                if answer.json()["user"]["id"] == self.account.as_str() {
                    return Err(format!("the thief signs in at {email}"));
                }
            }
        }
        if self.present().await.as_deref() != Some(first.as_str()) {
            return Err("the account has left the owner again".to_owned());
        }
        let owner = self.owner.sessions.last().expect("a session").clone().at(&fresh_address());
        if owner.me().await.status == 200 { Ok(()) } else { Err("the owner's session has ended".to_owned()) }
    }
}

fn client(app: &TestApp) -> Actor<'_> {
    app.anonymous().at(&fresh_address())
}

fn pick<T: Clone>(all: &[T], n: u8) -> Option<T> {
    (!all.is_empty()).then(|| all[usize::from(n) % all.len()].clone())
}

async fn post(app: &TestApp, path: &str, body: &Value) -> u16 {
    let answer = client(app).post(&format!("/api/v1/auth/{path}"), body).await;
    assert!(answer.status.as_u16() < 500, "{path}: {}", answer.text());
    answer.status.as_u16()
}

async fn rotate_all(app: &TestApp) {
    let meta = RequestMeta::of_task(&TASK, app.environment.store().entropy());
    let reason = Reason::parse("an order of the model").expect("a reason");
    let grace = std::time::Duration::ZERO;
    let rotation = Rotation { scope: Scope::Global, reason, grace, dry_run: false };
    app.environment.rotations().rotate(&meta, By::Operator("olga"), &rotation).await.expect("rotated");
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
