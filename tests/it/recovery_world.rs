//! What the owner and the thief of the recovery model have, and what they do.

use bundle_tests::{Actor, Answer, TestApp, fresh_address};
use http::Method;
use serde_json::{Value, json};
use shared::domain::Reason;
use shared::request::{RequestMeta, Task};
use shared::rotations::{Actor as By, Rotation, Scope};

static TASK: Task = Task { action: "admin.rotate_tokens", name: "ops tokens rotate" };

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Has the mailboxes of the first address and of one more.
    Owner,
    /// Has two mailboxes of their own, and begins with the owner's password or with a session.
    Thief,
}

/// One act. The numbers choose among what there is.
#[derive(Debug, Clone)]
pub enum Step {
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

/// What somebody has.
pub struct Player<'a> {
    pub addresses: Vec<String>,
    pub passwords: Vec<String>,
    pub sessions: Vec<Actor<'a>>,
}

pub struct World<'a> {
    pub app: &'a TestApp,
    pub account: String,
    pub owner: Player<'a>,
    pub thief: Player<'a>,
    made: u32,
}

impl<'a> World<'a> {
    /// An account of the owner, whose password the thief knows and in which the thief has a session.
    pub async fn begin(app: &'a TestApp) -> Self {
        // One service serves many orders.
        let name = fresh_address().replace('.', "-");
        let address = |who: &str| format!("{who}.{name}@example.com");
        let password = "Correct-Horse-7-Battery".to_owned();
        app.verified(&address("owner")).await;
        let owner = app.anonymous().log_in(&address("owner"), &password).await;
        let account = owner.me().await.member("id").expect("an id");
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

    pub fn player(&mut self, who: Who) -> &mut Player<'a> {
        match who {
            Who::Owner => &mut self.owner,
            Who::Thief => &mut self.thief,
        }
    }

    /// The address that the account had at the beginning.
    pub fn first(&self) -> String {
        self.owner.addresses.first().cloned().expect("an address")
    }

    pub fn addresses(&self) -> Vec<String> {
        self.owner.addresses.iter().chain(&self.thief.addresses).cloned().collect()
    }

    pub fn new_password(&mut self) -> String {
        self.made += 1;
        format!("Chosen-Otter-{}-Lantern", self.made)
    }

    /// Every token with `prefix` in the mailboxes of a player, newest first.
    pub async fn mailed(&mut self, who: Who, prefix: &str) -> Vec<String> {
        let app = self.app;
        let mut tokens = Vec::new();
        for address in self.player(who).addresses.clone() {
            tokens.extend(app.mailed_tokens(&address, prefix).await);
        }
        tokens
    }

    pub async fn play(&mut self, step: &Step) {
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
                    let answer = session.clone().at(&fresh_address()).try_refresh(&token).await;
                    keep_tokens(session, &answer);
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
                let mut actor = actor;
                keep_tokens(&mut actor, &answer);
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
                keep_tokens(session, &answer);
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
        let present = actor.me().await.member("email");
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
    pub async fn present(&self) -> Option<String> {
        let user = self.app.environment.store().user(self.account.parse().ok()?).await.expect("a read");
        user.map(|user| user.email)
    }

    /// Whether the first address is the account's, or can still take it back.
    pub async fn is_recoverable(&self) -> bool {
        let store = self.app.environment.store();
        let user = store.user(self.account.parse().expect("an id")).await.expect("a read");
        let first = shared::domain::EmailAddress::parse(&self.first()).expect("an address").fingerprint();
        user.is_some_and(|user| user.address_key() == first || user.claim_of(&first, store.now()).is_some())
    }
}

pub fn client(app: &TestApp) -> Actor<'_> {
    app.anonymous().at(&fresh_address())
}

/// The tokens of an answer that has some.
fn keep_tokens(actor: &mut Actor<'_>, answer: &Answer) {
    actor.access = answer.member("access_token").or(actor.access.take());
    actor.refresh = answer.member("refresh_token").or(actor.refresh.take());
}

fn pick<T: Clone>(all: &[T], n: u8) -> Option<T> {
    all.get(usize::from(n).checked_rem(all.len())?).cloned()
}

pub async fn post(app: &TestApp, path: &str, body: &Value) -> u16 {
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
