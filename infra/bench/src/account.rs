//! The clients' accounts, and what they do with them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Failure;
use crate::client::{Connection, Request};
use crate::load::Step;

const PASSWORD: &str = "Correct-Horse-Battery-7";
/// A mail comes within a few ticks of the consumers.
const PATIENCE: Duration = Duration::from_secs(10);

/// A verified account.
#[derive(Debug, Clone)]
pub struct Account {
    email: String,
}

/// What a login hands out.
#[derive(Debug)]
struct Tokens {
    access: String,
    refresh: String,
}

impl Account {
    /// Registers and verifies so many accounts, all of one name and a number.
    ///
    /// # Errors
    /// The service refuses, or sends no mail.
    pub fn make(address: SocketAddr, count: usize) -> Result<Vec<Self>, Failure> {
        let mut connection = Connection::open(address)?;
        let accounts: Vec<_> = (0..count)
            .map(|number| Self {
                email: format!("ada{number}@bench.example"),
            })
            .collect();
        for account in &accounts {
            let body =
                json!({ "email": account.email, "password": PASSWORD, "name": "Ada Lovelace" });
            connection
                .send(&Request::post("/api/v1/auth/register", &body))?
                .expect(201)?;
        }
        for account in &accounts {
            let request = account.verification(&mut connection)?;
            connection.send(&request)?.expect(200)?;
        }
        Ok(accounts)
    }

    /// The request that the mailed link makes: an address of an admin sets the password with it.
    fn verification(&self, connection: &mut Connection) -> Result<Request, Failure> {
        let request = Request::get(&format!("/_local/mail?to={}", self.email), None);
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let mails = connection.send(&request)?.json(200)?;
            let text = mails
                .pointer("/messages/0/text")
                .and_then(Value::as_str)
                .unwrap_or_default();
            if let Some(token) = token_in(text, "dvt_") {
                let body = json!({ "token": token });
                return Ok(Request::post("/api/v1/auth/verify-email", &body));
            }
            if let Some(token) = token_in(text, "drs_") {
                let body = json!({ "token": token, "new_password": PASSWORD });
                return Ok(Request::post("/api/v1/auth/reset-password", &body));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err("no mail came".into())
    }

    fn login_request(&self) -> Request {
        Request::post(
            "/api/v1/auth/login",
            &json!({ "email": self.email, "password": PASSWORD }),
        )
    }

    fn log_in(&self, address: SocketAddr) -> Result<Tokens, Failure> {
        tokens(
            &Connection::open(address)?
                .send(&self.login_request())?
                .json(200)?,
        )
    }

    /// A new login's access token.
    ///
    /// # Errors
    /// The login is refused.
    pub fn access_token(&self, address: SocketAddr) -> Result<String, Failure> {
        Ok(self.log_in(address)?.access)
    }

    /// GET of `path` with a token of this account, over and over.
    ///
    /// # Errors
    /// The login is refused.
    pub fn get(&self, address: SocketAddr, path: &str) -> Result<Step<'static>, Failure> {
        let tokens = self.log_in(address)?;
        Ok(get(Request::get(path, Some(&tokens.access))))
    }

    /// A session of this account, refreshed over and over.
    ///
    /// # Errors
    /// The login is refused.
    pub fn refresh(&self, address: SocketAddr) -> Result<Step<'static>, Failure> {
        let mut token = self.log_in(address)?.refresh;
        Ok(Box::new(move |connection| {
            let request = Request::post("/api/v1/auth/refresh", &json!({ "refresh_token": token }));
            token = tokens(&connection.send(&request)?.json(200)?)?.refresh;
            Ok(())
        }))
    }
}

/// Logins of these accounts in turn: no account is soon at its session cap, which would add work that few logins have.
#[must_use]
pub fn log_in(accounts: &[Account]) -> Step<'static> {
    let requests: Vec<_> = accounts.iter().map(Account::login_request).collect();
    let mut turns = requests.into_iter().cycle();
    Box::new(move |connection| {
        let request = turns.next().ok_or("no account")?;
        connection.send(&request)?.expect(200).map(drop)
    })
}

/// One request, over and over.
#[must_use]
pub fn get(request: Request) -> Step<'static> {
    Box::new(move |connection| connection.send(&request)?.expect(200).map(drop))
}

fn tokens(answer: &Value) -> Result<Tokens, Failure> {
    let text = |name: &str| {
        answer
            .get(name)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or("an answer without tokens")
    };
    Ok(Tokens {
        access: text("access_token")?,
        refresh: text("refresh_token")?,
    })
}

/// The token with this prefix in a mail.
fn token_in(text: &str, prefix: &str) -> Option<String> {
    let (_, rest) = text.split_once(prefix)?;
    let token = rest
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    Some(format!("{prefix}{}", token.collect::<String>()))
}
