//! What the players of the recovery model have, and what their acts do.

use std::collections::BTreeMap;

use bundle_tests::{Actor, Answer, TestApp, fresh_address};
use http::Method;
use serde_json::{Value, json};
use shared::audit_event::Actor as By;
use shared::breach::token_rotation::{Rotation, Scope};
use shared::domain::Reason;
use shared::request::{RequestMeta, Task};

use crate::recovery_orders::{Address, Again, Begin, FIRST, MAILBOXES, Step, Who};

static TASK: Task = Task {
    action: "admin.rotate_tokens",
    name: "ops tokens rotate",
};
/// How long a registration that is not finished counts.
const REGISTRATION_LIFE: i64 = 7 * 86_400 * 1_000;

/// What a player has.
#[derive(Default)]
pub struct Player<'a> {
    pub passwords: Vec<String>,
    pub sessions: Vec<Actor<'a>>,
    /// The password that each address was registered with last.
    registered: BTreeMap<Address, String>,
}

/// The registrations of the first address since it was last free.
#[derive(Default)]
struct SignUps {
    since: i64,
    passwords: Vec<String>,
}

pub struct World<'a> {
    pub app: &'a TestApp,
    pub begin: Begin,
    /// The owner's account, where an order begins with one.
    pub account: Option<String>,
    pub addresses: [String; 5],
    players: BTreeMap<Who, Player<'a>>,
    sign_ups: Option<SignUps>,
    /// Passwords that must not open an account at the first address: more than one was registered with.
    pub contested: Vec<String>,
    /// A mail that an act must send, and that did not come.
    pub missing_mail: Option<&'static str>,
    made: u32,
}

impl<'a> World<'a> {
    /// `number` is one of the addresses that make admins.
    pub async fn begin(app: &'a TestApp, begin: Begin, number: usize) -> Self {
        // One service serves many orders.
        let name = fresh_address().replace('.', "-");
        let first = if begin.is_admin() {
            admin_address(number)
        } else {
            format!("owner.{name}@example.com")
        };
        let others =
            ["second", "evil", "worse", "stranger"].map(|who| format!("{who}.{name}@example.com"));
        let [second, evil, worse, stranger] = others;
        let players = Who::ALL.map(|who| (who, Player::default())).into();
        let addresses = [first.clone(), second, evil, worse, stranger];
        let (sign_ups, contested) = (None, Vec::new());
        let mut world = Self {
            app,
            begin,
            account: None,
            addresses,
            players,
            sign_ups,
            contested,
            missing_mail: None,
            made: 0,
        };
        if begin.is_settled() {
            app.verified(&first).await;
            let owner = world.enters(Who::Owner, app.anonymous(), &first).await;
            world.account = owner.me().await.member("id");
        }
        if begin == Begin::Robbed {
            world
                .enters(
                    Who::Thief,
                    client(app).header("user-agent", "curl/8"),
                    &first,
                )
                .await;
        }
        world
    }

    async fn enters(&mut self, who: Who, actor: Actor<'a>, email: &str) -> Actor<'a> {
        let actor = actor.log_in(email, bundle_tests::PASSWORD).await;
        let player = self.player(who);
        player.passwords.push(bundle_tests::PASSWORD.to_owned());
        player.sessions.push(actor.clone());
        actor
    }

    pub fn player(&mut self, who: Who) -> &mut Player<'a> {
        self.players.get_mut(&who).expect("a player")
    }

    /// The address that the account had at the beginning.
    pub fn first(&self) -> String {
        self.address(FIRST)
    }

    fn address(&self, address: Address) -> String {
        self.addresses.get(address).cloned().expect("an address")
    }

    pub fn new_password(&mut self) -> String {
        self.made += 1;
        format!("Chosen-Otter-{}-Lantern", self.made)
    }

    /// Every token with `prefix` in the mailboxes of a player, each once, newest first.
    pub async fn mailed(&self, who: Who, prefix: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        for (address, _) in self
            .addresses
            .iter()
            .zip(MAILBOXES)
            .filter(|(_, owner)| *owner == who)
        {
            for token in self.app.mailed_tokens(address, prefix).await {
                if !tokens.contains(&token) {
                    tokens.push(token);
                }
            }
        }
        tokens
    }

    pub async fn play(&mut self, step: &Step) {
        match *step {
            Step::Register(who, address, again) => self.register(who, address, again).await,
            Step::ResendVerification(address) => {
                post(
                    self.app,
                    "resend-verification",
                    &json!({ "email": self.address(address) }),
                )
                .await;
            }
            Step::RequestReset(address) => {
                post(
                    self.app,
                    "request-password-reset",
                    &json!({ "email": self.address(address) }),
                )
                .await;
            }
            Step::SignIn(who, address) => self.sign_in(who, address).await,
            Step::ChangePassword(who) => self.change_password(who).await,
            Step::Move(who, to) => self.request_move(who, Some(to)).await,
            Step::CallOff(who) => self.request_move(who, None).await,
            Step::Confirm(who, n) => {
                if let Some(token) = pick(&self.mailed(who, "dvt_").await, n) {
                    post(self.app, "verify-email", &json!({ "token": token })).await;
                    self.close_sign_ups().await;
                }
            }
            Step::FinishReset(who, n) => {
                if let Some(token) = pick(&self.mailed(who, "drs_").await, n) {
                    let password = self.new_password();
                    let reset = json!({ "token": token, "new_password": password });
                    if post(self.app, "reset-password", &reset).await == 200 {
                        self.player(who).passwords.push(password);
                    }
                    self.close_sign_ups().await;
                }
            }
            Step::NotMe(who, n) => {
                if let Some(token) = pick(&self.mailed(who, "dsa_").await, n) {
                    self.take_back_by(who, &token).await;
                }
            }
            Step::EndSessions(who) => {
                self.as_signed_in(who, Method::DELETE, "sessions/all", None)
                    .await;
            }
            Step::Erase(who) => {
                for password in self.newest_passwords(who, 2) {
                    self.as_signed_in(
                        who,
                        Method::DELETE,
                        "me",
                        Some(json!({ "password": password })),
                    )
                    .await;
                }
            }
            Step::Refresh(who) => {
                if let Some(session) = self.player(who).sessions.last_mut() {
                    let token = session.refresh.clone().unwrap_or_default();
                    let answer = session
                        .clone()
                        .at(&fresh_address())
                        .try_refresh(&token)
                        .await;
                    keep_tokens(session, &answer);
                }
            }
            Step::RotateAll => rotate_all(self.app).await,
            Step::Wait(seconds) => self.app.advance(seconds),
        }
        self.app.advance(1);
    }

    /// Uses a "this wasn't me" link. Where it takes the account back, a new reset link is mailed to its mailbox.
    pub async fn take_back_by(&mut self, who: Who, token: &str) -> u16 {
        let before = self.mailed(who, "drs_").await;
        let answer = client(self.app)
            .post("/api/v1/auth/secure-account", &json!({ "token": token }))
            .await;
        let is_done = answer.status == 200 && answer.text().contains("just mailed");
        let is_mailed = |token: &String| !before.contains(token);
        if is_done && !self.mailed(who, "drs_").await.iter().any(is_mailed) {
            self.missing_mail = Some("the reset link of a take-back");
        }
        answer.status.as_u16()
    }

    async fn register(&mut self, who: Who, address: Address, again: Again) {
        let password = self
            .player(who)
            .registered
            .get(&address)
            .filter(|_| again)
            .cloned();
        let password = match password {
            Some(password) => password,
            None => self.new_password(),
        };
        let becomes_contested = address == FIRST
            && self.holder_of_first().await.is_none()
            && self.note_sign_up(&password);
        let first = self.first();
        let before = self.app.mailed_tokens(&first, "drs_").await;
        let body =
            json!({ "email": self.address(address), "password": password, "name": "Ada Lovelace" });
        post(self.app, "register", &body).await;
        if becomes_contested
            && self.app.mailed_tokens(&first, "drs_").await.first() == before.first()
        {
            self.missing_mail = Some("the link of a contested registration");
        }
        let player = self.player(who);
        player.passwords.push(password.clone());
        player.registered.insert(address, password);
    }

    /// Two passwords at one unverified address: from then on neither counts. Whether this is the second one.
    fn note_sign_up(&mut self, password: &str) -> bool {
        let now = self.app.environment.store().now().as_millis();
        let over = self
            .sign_ups
            .as_ref()
            .is_none_or(|sign_ups| now >= sign_ups.since + REGISTRATION_LIFE);
        if over {
            self.sign_ups = Some(SignUps {
                since: now,
                passwords: Vec::new(),
            });
            self.contested.retain(|contested| contested != password);
        }
        let passwords = &mut self.sign_ups.as_mut().expect("begun").passwords;
        let is_new = !passwords.iter().any(|known| known == password);
        if is_new {
            passwords.push(password.to_owned());
        }
        let becomes_contested = is_new && passwords.len() == 2;
        if passwords.len() > 1 {
            self.contested.extend(passwords.iter().cloned());
        }
        becomes_contested
    }

    /// Once the first address is verified, its registrations are over.
    async fn close_sign_ups(&mut self) {
        if self.sign_ups.is_some() && self.holder_of_first().await.is_some() {
            self.sign_ups = None;
        }
    }

    async fn sign_in(&mut self, who: Who, address: Address) {
        for password in self.newest_passwords(who, 2) {
            let mut actor = client(self.app);
            let answer = actor.try_log_in(&self.address(address), &password).await;
            if answer.status == 200 {
                keep_tokens(&mut actor, &answer);
                self.player(who).sessions.push(actor);
                return;
            }
        }
    }

    async fn change_password(&mut self, who: Who) {
        let (new, passwords) = (self.new_password(), self.newest_passwords(who, 2));
        let player = self.player(who);
        let Some(session) = player.sessions.last_mut() else {
            return;
        };
        for current in passwords {
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

    /// Asks for a move, or calls a pending one off.
    async fn request_move(&mut self, who: Who, to: Option<Address>) {
        let passwords = self.newest_passwords(who, 2);
        let Some(session) = self.player(who).sessions.last() else {
            return;
        };
        let actor = session.clone().at(&fresh_address());
        let to = match to {
            Some(to) => Some(self.address(to)),
            None => actor.me().await.member("email"),
        };
        for password in passwords {
            let body = json!({ "email": to, "current_password": password });
            if to.is_some() && actor.patch("/api/v1/auth/me", &body).await.status == 200 {
                return;
            }
        }
    }

    async fn as_signed_in(&mut self, who: Who, method: Method, path: &str, body: Option<Value>) {
        if let Some(session) = self.player(who).sessions.last() {
            let actor = session.clone().at(&fresh_address());
            actor
                .request(method, &format!("/api/v1/auth/{path}"), body.as_ref())
                .await;
        }
    }

    fn newest_passwords(&mut self, who: Who, most: usize) -> Vec<String> {
        self.player(who)
            .passwords
            .iter()
            .rev()
            .take(most)
            .cloned()
            .collect()
    }
}

/// An address that makes its owner an admin.
pub fn admin_address(number: usize) -> String {
    format!("admin.{number}@example.com")
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
    let answer = client(app)
        .post(&format!("/api/v1/auth/{path}"), body)
        .await;
    assert!(answer.status.as_u16() < 500, "{path}: {}", answer.text());
    answer.status.as_u16()
}

async fn rotate_all(app: &TestApp) {
    let meta = RequestMeta::of_task(
        &TASK,
        app.environment.store().now(),
        app.environment.store().entropy(),
    );
    let reason = Reason::parse("an order of the model").expect("a reason");
    let grace = std::time::Duration::ZERO;
    let rotation = Rotation {
        scope: Scope::Global,
        reason,
        grace,
        dry_run: false,
    };
    app.environment
        .rotations()
        .rotate(&meta, By::Operator("olga"), &rotation)
        .await
        .expect("rotated");
}
