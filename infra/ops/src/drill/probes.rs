//! Every kind of token, shown again and again before, during and after the response.
//!
//! Each try keeps when it was sent, when it was answered, and how. What was sent before the answer of the call that ends
//! its token may be judged by either side of it; what was sent later must be refused. So nothing has to be stopped or
//! guessed, and the first refusal may well come before the call is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use tokio::task::JoinHandle;

use crate::drill::cast::{Cast, Tokens};
use crate::drill::client::{Connection, Reply};
use crate::drill::timeline::{Call, Timeline};
use crate::drill::tries::{Probe, Try, Verdict};
use crate::failure::Failure;

/// How many tokens are forged.
pub const FORGED: usize = 50;
/// So long the tries go on when their number is not reached.
pub const PATIENCE: Duration = Duration::from_secs(900);
/// Between two tries before the response: the load is the load's to make.
const PAUSE: Duration = Duration::from_millis(10);
/// Each refused refresh leaves a record, so there are fewer of them.
const REFRESHES: u32 = 10;
/// A mailed token's tries, likewise.
const MAILED: u32 = 100;
/// A parent is shown well within its grace of thirty seconds, then the session moves on.
const MOVE_ON: Duration = Duration::from_secs(2);
/// It is shown less often than the grace lasts, which is twenty times.
const SHOWN: u32 = 15;

/// What all probes share.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The service.
    pub address: SocketAddr,
    /// When what was answered.
    pub timeline: Arc<Timeline>,
    /// Tries of each kind of access token.
    pub tries: u32,
}

/// The running probes.
pub struct Probes {
    plan: Plan,
    running: Vec<(&'static str, Call, u32, JoinHandle<Vec<Try>>)>,
}

impl Probes {
    /// Starts those whose tokens are there already.
    #[must_use]
    pub fn begin(plan: &Plan, cast: &Cast, forged: &[String]) -> Self {
        let mut probes = Self {
            plan: plan.clone(),
            running: Vec::new(),
        };
        let own = cast
            .users
            .iter()
            .filter_map(|(_, _, sessions)| sessions.first());
        let own: Vec<_> = own.map(|own| own.access.clone()).collect();
        probes.bearer("access token, signed by the service", Call::Keys, &own);
        probes.bearer(
            "access token, forged with the stolen ring",
            Call::Keys,
            forged,
        );
        let chains: Vec<_> = cast
            .users
            .iter()
            .filter_map(|(_, _, sessions)| sessions.get(1).cloned())
            .collect();
        let (even, odd): (Vec<_>, Vec<_>) = chains
            .into_iter()
            .enumerate()
            .partition(|(number, _)| number % 2 == 0);
        let each = |chains: &[(usize, Tokens)]| share(plan.tries / REFRESHES, chains.len());
        let (current, parent) = (each(&even), each(&odd));
        for (_, tokens) in even {
            let run = Prober::new(plan, Call::Tokens, current).show_current(tokens);
            probes.add("refresh token, the current one", Call::Tokens, current, run);
        }
        for (_, tokens) in odd {
            let run = Prober::new(plan, Call::Tokens, parent).show_parent(tokens);
            probes.add(
                "refresh token, the one before within its grace",
                Call::Tokens,
                parent,
                run,
            );
        }
        let (plans, each) = (plan.clone(), plan.tries / MAILED);
        let mut mailed = |kind, path, tokens: &[String]| {
            let run = Prober::new(&plans, Call::Tokens, each).show_mailed(path, tokens.to_vec());
            probes.add(kind, Call::Tokens, each, run);
        };
        mailed(
            "mailed reset token",
            "/api/v1/auth/reset-password",
            &cast.resets,
        );
        mailed(
            "mailed verification token",
            "/api/v1/auth/verify-email",
            &cast.verifications,
        );
        probes
    }

    /// Shows these access tokens too, from two connections.
    pub fn bearer(&mut self, kind: &'static str, call: Call, tokens: &[String]) {
        let each = share(self.plan.tries, 2);
        for _ in 0..2 {
            let run = Prober::new(&self.plan, call, each).show_bearer(tokens.to_vec());
            self.add(kind, call, each, run);
        }
    }

    fn add(
        &mut self,
        kind: &'static str,
        call: Call,
        wanted: u32,
        run: impl Future<Output = Vec<Try>> + Send + 'static,
    ) {
        self.running.push((kind, call, wanted, tokio::spawn(run)));
    }

    /// Waits until all have had their tries, or the deadline has come. Probes of one kind are one.
    pub async fn finish(self, deadline: Instant) -> Vec<Probe> {
        let all = join_all(
            self.running
                .into_iter()
                .map(async |(kind, call, wanted, mut run)| {
                    let ended = tokio::time::timeout_at(deadline.into(), &mut run).await;
                    run.abort();
                    // Without its tries it has too few, and the report says so.
                    (
                        kind,
                        call,
                        wanted,
                        ended.ok().and_then(Result::ok).unwrap_or_default(),
                    )
                }),
        );
        let mut probes: Vec<Probe> = Vec::new();
        for (kind, call, wanted, tries) in all.await {
            match probes.iter_mut().find(|probe| probe.kind == kind) {
                Some(probe) => {
                    probe.wanted += wanted;
                    probe.tries.extend(tries);
                }
                None => probes.push(Probe {
                    kind,
                    call,
                    wanted,
                    tries,
                }),
            }
        }
        probes
    }
}

/// Each one's part of a number, rounded up.
fn share(all: u32, parts: usize) -> u32 {
    all.div_ceil(u32::try_from(parts).unwrap_or(u32::MAX).max(1))
        .max(1)
}

/// Shows tokens over one connection.
struct Prober {
    connection: Connection,
    timeline: Arc<Timeline>,
    call: Call,
    wanted: u32,
    after: u32,
    tries: Vec<Try>,
}

impl Prober {
    fn new(plan: &Plan, call: Call, wanted: u32) -> Self {
        let (connection, timeline) = (Connection::to(plan.address), Arc::clone(&plan.timeline));
        Self {
            connection,
            timeline,
            call,
            wanted,
            after: 0,
            tries: Vec::new(),
        }
    }

    async fn show_bearer(mut self, tokens: Vec<String>) -> Vec<Try> {
        for token in tokens.iter().cycle() {
            let sent = Instant::now();
            let answer = self.connection.get("/api/v1/auth/me", Some(token)).await;
            if self.judge(sent, &answer).await {
                break;
            }
        }
        self.tries
    }

    /// The current token of a session; when it is accepted its successor is the current one.
    async fn show_current(mut self, mut tokens: Tokens) -> Vec<Try> {
        loop {
            let sent = Instant::now();
            let answer = self.refresh(&tokens.refresh).await;
            tokens = successor(&answer).unwrap_or(tokens);
            if self.judge(sent, &answer).await {
                return self.tries;
            }
        }
    }

    /// A spent token within its grace, which gives the same successor again. The session moves on now and then, since the
    /// grace is short; those refreshes are no tries.
    async fn show_parent(mut self, mut current: Tokens) -> Vec<Try> {
        let mut parent = current.refresh.clone();
        let mut moved: Option<Instant> = None;
        let mut shown = 0;
        loop {
            if shown == SHOWN || moved.is_none_or(|moved| moved.elapsed() > MOVE_ON) {
                if let Some(next) = successor(&self.refresh(&current.refresh).await) {
                    parent = std::mem::replace(&mut current, next).refresh;
                }
                moved = Some(Instant::now());
                shown = 0;
            }
            shown += 1;
            let sent = Instant::now();
            let answer = self.refresh(&parent).await;
            if self.judge(sent, &answer).await {
                return self.tries;
            }
        }
    }

    /// A mailed token works once, so it is shown only when it must not work any more.
    async fn show_mailed(mut self, path: &'static str, tokens: Vec<String>) -> Vec<Try> {
        while self.timeline.answered(self.call).is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for token in tokens.iter().cycle() {
            let mut body = json!({ "token": token });
            if let (true, Some(body)) = (path.ends_with("reset-password"), body.as_object_mut()) {
                body.insert("new_password".to_owned(), json!("Stolen-Otter-9-Lantern"));
            }
            let sent = Instant::now();
            let answer = self.connection.post(path, None, &body).await;
            if self.judge(sent, &answer).await {
                break;
            }
        }
        self.tries
    }

    async fn refresh(&mut self, token: &str) -> Result<Reply, Failure> {
        self.connection
            .post(
                "/api/v1/auth/refresh",
                None,
                &json!({ "refresh_token": token }),
            )
            .await
    }

    /// Keeps the try, and says whether there have been enough.
    async fn judge(&mut self, sent: Instant, answer: &Result<Reply, Failure>) -> bool {
        let verdict = match answer {
            Ok(reply) => match reply.status {
                200 => Verdict::Accepted,
                400 | 401 => Verdict::Refused,
                429 => Verdict::Limited,
                _ => Verdict::Failed,
            },
            Err(_) => Verdict::Failed,
        };
        self.tries.push(Try {
            sent,
            answered: Instant::now(),
            verdict,
        });
        let is_after = self
            .timeline
            .answered(self.call)
            .is_some_and(|moment| moment <= sent);
        self.after += u32::from(is_after);
        // A service that does not judge is not asked faster and faster.
        if !is_after || matches!(verdict, Verdict::Limited | Verdict::Failed) {
            tokio::time::sleep(PAUSE).await;
        }
        self.after >= self.wanted
    }
}

fn successor(answer: &Result<Reply, Failure>) -> Option<Tokens> {
    Tokens::read(&answer.as_ref().ok()?.json(200).ok()?).ok()
}
