//! People who go on using the service: they look at their account, refresh, and log in. When a token is refused they do
//! what an application does, they show the login.
//!
//! What they must never see is a fault of the service. That they are signed out is the point of it all.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::drill::cast::{Person, Tokens};
use crate::drill::client::{Connection, Reply};
use crate::drill::timeline::Timeline;
use crate::failure::Failure;

/// No client makes more requests, however long the drill takes.
const MOST: u32 = 200_000;
/// How many clients look at their account.
const READERS: usize = 2;

/// What all clients of the load were answered.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Counts {
    /// Answers by their status.
    pub by_status: BTreeMap<u16, u32>,
    /// Requests without an answer.
    pub unanswered: u32,
}

/// The running load.
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Counts>>,
}

/// What a client does over and over.
#[derive(Debug, Clone, Copy)]
enum Habit {
    Read,
    Refresh,
    LogIn,
}

impl Habit {
    /// People pause; a load without pauses would only measure how busy the machine is.
    const fn pause(self) -> Duration {
        match self {
            Self::Read => Duration::from_millis(10),
            Self::Refresh => Duration::from_millis(50),
            Self::LogIn => Duration::from_millis(250),
        }
    }
}

impl Load {
    /// Starts it; it runs until it is finished.
    #[must_use]
    pub fn start(address: SocketAddr, lodger: &Person, timeline: &Timeline) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        timeline.begin();
        let habits = [Habit::Read; READERS]
            .into_iter()
            .chain([Habit::Refresh, Habit::LogIn]);
        let clients = habits
            .map(|habit| {
                let client = Client {
                    connection: Connection::to(address),
                    person: lodger.clone(),
                    counts: Counts::default(),
                };
                tokio::spawn(client.live(habit, Arc::clone(&stop)))
            })
            .collect();
        Self { stop, clients }
    }

    /// Ends it.
    pub async fn finish(self) -> Counts {
        self.stop.store(true, Ordering::Relaxed);
        let all = join_all(self.clients).await;
        all.into_iter().fold(Counts::default(), |mut sum, client| {
            // A client that panicked has no answer to show.
            let counts = client.unwrap_or(Counts {
                unanswered: 1,
                ..Counts::default()
            });
            for (status, count) in counts.by_status {
                *sum.by_status.entry(status).or_default() += count;
            }
            sum.unanswered += counts.unanswered;
            sum
        })
    }
}

impl Counts {
    /// Answers that say that the service failed.
    #[must_use]
    pub fn faults(&self) -> u32 {
        self.by_status.range(500..).map(|(_, count)| count).sum()
    }

    /// Answers that say that a limit was met.
    #[must_use]
    pub fn limited(&self) -> u32 {
        self.by_status.get(&429).copied().unwrap_or_default()
    }

    /// All requests.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.by_status.values().sum::<u32>() + self.unanswered
    }
}

struct Client {
    connection: Connection,
    person: Person,
    counts: Counts,
}

impl Client {
    async fn live(mut self, habit: Habit, stop: Arc<AtomicBool>) -> Counts {
        let mut tokens = None;
        while !stop.load(Ordering::Relaxed) && self.counts.requests() < MOST {
            tokens = match tokens {
                None => self.log_in().await,
                Some(tokens) => self.act(habit, tokens).await,
            };
            tokio::time::sleep(habit.pause()).await;
        }
        self.counts
    }

    /// One act; the tokens to go on with, or none after a refusal.
    async fn act(&mut self, habit: Habit, tokens: Tokens) -> Option<Tokens> {
        match habit {
            Habit::Read => {
                let answer = self
                    .connection
                    .get("/api/v1/auth/me", Some(&tokens.access))
                    .await;
                self.count(answer)
                    .filter(|reply| reply.status != 401)
                    .map(|_| tokens)
            }
            Habit::Refresh => {
                let body = json!({ "refresh_token": tokens.refresh });
                let answer = self
                    .connection
                    .post("/api/v1/auth/refresh", None, &body)
                    .await;
                match self.count(answer)? {
                    reply if reply.status == 200 => Tokens::read(&reply.json(200).ok()?).ok(),
                    // The token is not spent: it goes on with it.
                    reply => (reply.status != 401).then_some(tokens),
                }
            }
            // Out again, so that the account never comes to its session cap.
            Habit::LogIn => {
                let body = json!({ "refresh_token": tokens.refresh });
                let answer = self
                    .connection
                    .post("/api/v1/auth/logout", None, &body)
                    .await;
                self.count(answer);
                None
            }
        }
    }

    async fn log_in(&mut self) -> Option<Tokens> {
        let body = self.person.credentials();
        let answer = self
            .connection
            .post("/api/v1/auth/login", None, &body)
            .await;
        let reply = self.count(answer)?;
        Tokens::read(&reply.json(200).ok()?).ok()
    }

    fn count(&mut self, answer: Result<Reply, Failure>) -> Option<Reply> {
        if let Ok(reply) = answer {
            *self.counts.by_status.entry(reply.status).or_default() += 1;
            return Some(reply);
        }
        self.counts.unanswered += 1;
        None
    }
}
