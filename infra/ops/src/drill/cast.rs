//! Who plays: users with sessions, an admin, somebody who keeps the service busy, and people with links in their mail.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared::domain::{Reason, User, UserId};
use shared::ground::{digest, entropy};

use crate::desk::{self, Desk};
use crate::drill::check::Check;
use crate::drill::client::Connection;
use crate::drill::safety::Service;
use crate::failure::Failure;
use crate::options::BreachOptions;
use crate::users;

/// Accounts besides the users: an admin, a lodger, a twin, and two with unproved addresses.
pub const OTHERS: usize = 5;
/// A mail comes within a few ticks of the consumers.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the mailbox is looked at.
const PAUSE: Duration = Duration::from_millis(25);
/// How many users hold a reset link.
const RESETS: usize = 2;
/// What the trail is told about all of it.
const WHY: &str = "drill: a breach is practised on this machine";

/// Somebody with an account.
#[derive(Debug, Clone)]
pub struct Person {
    email: String,
    password: String,
}

/// What a login or a refresh hands out.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// The access token.
    pub access: String,
    /// The refresh token.
    pub refresh: String,
}

/// Everybody, and what they hold when the drill begins.
pub struct Cast {
    /// Users with their sessions.
    pub users: Vec<(Person, UserId, Vec<Tokens>)>,
    /// Who answers the breach.
    pub admin: Person,
    /// The admin's account.
    pub admin_account: User,
    /// Who keeps the service busy.
    pub lodger: Person,
    /// Links for a new password that nobody has used.
    pub resets: Vec<String>,
    /// Links that prove an address, not used either.
    pub verifications: Vec<String>,
    /// That links of their kind do work.
    pub proofs: Vec<Check>,
}

impl Cast {
    /// Makes everybody.
    ///
    /// # Errors
    /// The service refuses, or sends no mail.
    pub async fn assemble(
        desk: &Desk,
        service: &Service,
        options: &BreachOptions,
    ) -> Result<Self, Failure> {
        let mut connection = Connection::to(service.address);
        let run = digest::encode(&entropy::bytes::<6>(desk.store.entropy()))
            .to_lowercase()
            .replace(['-', '_'], "0");
        let person = |role: &str, number: usize| Person {
            email: format!("drill.{run}.{role}{number}@drill.example"),
            password: format!(
                "Drill-7-{}",
                digest::encode(&entropy::bytes::<18>(desk.store.entropy()))
            ),
        };
        let people: Vec<_> = (0..usize::from(options.users))
            .map(|number| person("user", number))
            .collect();
        let (admin, lodger, twin) = (person("admin", 0), person("lodger", 0), person("twin", 0));
        for member in people.iter().chain([&admin, &lodger, &twin]) {
            member.join(&mut connection).await?;
        }
        let mut users = Vec::new();
        for member in people {
            let mut sessions = Vec::new();
            for _ in 0..options.sessions {
                sessions.push(member.log_in(&mut connection).await?);
            }
            let id = desk.account(&member.email).await?.id;
            users.push((member, id, sessions));
        }
        // Everybody has joined by one, or the drill would have ended there.
        let joined = Check::new(
            "mailed verification tokens are accepted",
            true,
            format!("{} used", users.len() + 3),
        );
        let proofs = vec![joined, twin.use_a_reset_link(&mut connection).await?];
        let mut resets = Vec::new();
        for (member, _, _) in users.iter().take(RESETS) {
            resets.push(member.reset_link(&mut connection).await?);
        }
        let mut verifications = Vec::new();
        for number in 0..2 {
            let member = person("unproved", number);
            member.register(&mut connection).await?;
            verifications.push(member.mailed(&mut connection, "dvt_").await?);
        }
        let admin_account = desk.account(&admin.email).await?;
        users::grant_admin(desk, &admin_account, &why()?).await?;
        Ok(Self {
            users,
            admin,
            admin_account,
            lodger,
            resets,
            verifications,
            proofs,
        })
    }

    /// Whose mail is on its way when everybody is rotated: nobody who holds a link already.
    #[must_use]
    pub fn late(&self) -> &Person {
        self.users
            .get(RESETS)
            .map_or(&self.lodger, |(person, _, _)| person)
    }

    /// Takes the admin role back: its password is nobody's, but an admin that nobody needs is one too many.
    pub async fn retire(&self, desk: &Desk) -> Result<(), Failure> {
        users::revoke_admin(desk, &self.admin_account, None, &why()?).await
    }
}

impl Person {
    /// Somebody who has no account yet.
    pub fn new(email: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            email: email.into(),
            password: password.into(),
        }
    }

    /// Makes the account and proves its address.
    ///
    /// # Errors
    /// The service refuses, or sends no mail.
    pub async fn join(&self, connection: &mut Connection) -> Result<(), Failure> {
        self.register(connection).await?;
        let token = self.mailed(connection, "dvt_").await?;
        let body = json!({ "token": token });
        connection
            .post("/api/v1/auth/verify-email", None, &body)
            .await?
            .json(200)
            .map(drop)
    }

    async fn register(&self, connection: &mut Connection) -> Result<(), Failure> {
        let body = json!({ "email": self.email, "password": self.password, "name": "Drill" });
        connection
            .post("/api/v1/auth/register", None, &body)
            .await?
            .json(201)
            .map(drop)
    }

    /// Begins a session.
    ///
    /// # Errors
    /// The service refuses.
    pub async fn log_in(&self, connection: &mut Connection) -> Result<Tokens, Failure> {
        let reply = connection
            .post("/api/v1/auth/login", None, &self.credentials())
            .await?;
        Tokens::read(&reply.json(200)?)
    }

    /// The body of a login.
    #[must_use]
    pub fn credentials(&self) -> Value {
        json!({ "email": self.email, "password": self.password })
    }

    async fn reset_link(&self, connection: &mut Connection) -> Result<String, Failure> {
        self.ask_for_reset(connection).await?;
        self.mailed(connection, "drs_").await
    }

    /// Asks for a mail with a link for a new password.
    ///
    /// # Errors
    /// The service refuses.
    pub async fn ask_for_reset(&self, connection: &mut Connection) -> Result<(), Failure> {
        let body = json!({ "email": self.email });
        connection
            .post("/api/v1/auth/request-password-reset", None, &body)
            .await?
            .json(202)
            .map(drop)
    }

    /// Whether the link in the newest such mail sets a new password.
    ///
    /// # Errors
    /// There is no such mail, or the service does not answer.
    pub async fn can_reset(&self, connection: &mut Connection) -> Result<bool, Failure> {
        let body = json!({ "token": self.mailed(connection, "drs_").await?, "new_password": self.new_password() });
        Ok(connection
            .post("/api/v1/auth/reset-password", None, &body)
            .await?
            .status
            == 200)
    }

    fn new_password(&self) -> String {
        format!("{}-new", self.password)
    }

    /// Shows that links of this kind do work, or a refusal later would show nothing.
    async fn use_a_reset_link(&self, connection: &mut Connection) -> Result<Check, Failure> {
        self.ask_for_reset(connection).await?;
        let accepted = self.can_reset(connection).await?;
        Ok(Check::new(
            "mailed reset tokens are accepted",
            accepted,
            format!("{} used", usize::from(accepted)),
        ))
    }

    /// The newest token with this prefix that came by mail.
    ///
    /// # Errors
    /// None came within [`PATIENCE`].
    pub async fn mailed(
        &self,
        connection: &mut Connection,
        prefix: &str,
    ) -> Result<String, Failure> {
        let path = format!("/_local/mail?to={}", self.email);
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let mails = connection.get(&path, None).await?.json(200)?;
            let mut texts = mails
                .get("messages")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let found = texts.find_map(|mail| mail.get("text")?.as_str()?.split_once(prefix));
            if let Some((_, rest)) = found {
                let token = rest
                    .chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
                return Ok(format!("{prefix}{}", token.collect::<String>()));
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(Failure::refused(
            format!("No mail came within {} s.", PATIENCE.as_secs()),
            "The log of `cargo run` says why the mailer does not send.",
        ))
    }
}

impl Tokens {
    /// The tokens in an answer.
    ///
    /// # Errors
    /// There are none.
    pub fn read(answer: &Value) -> Result<Self, Failure> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let (access, refresh) =
            text("access_token")
                .zip(text("refresh_token"))
                .ok_or_else(|| {
                    Failure::refused(
                        "An answer holds no tokens.",
                        "Is --url the URL of this service?",
                    )
                })?;
        Ok(Self { access, refresh })
    }
}

/// The reason in all records of the drill.
///
/// # Errors
/// None: it is a reason.
pub fn why() -> Result<Reason, Failure> {
    desk::reason(WHY)
}
