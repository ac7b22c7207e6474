//! How long what was issued before a global rotation is still taken: by this service's endpoints, and by another
//! service's verifier, which may keep what it read.
//!
//! The callers hammer away before, during and after the rotation. All times count from the moment when its answer has
//! arrived; what is refused before that has a negative one.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use dashtam_local::options::Options;
use dashtam_local::stack::Stack;
use dashtam_verify::Verifier;
use shared::aws::{AwsBase, client};
use shared::config::Settings;

use super::Bounds;
use crate::Failure;
use crate::account::Account;
use crate::client::{Connection, Request};
use crate::report::{Goals, Table};

/// Callers, each with a token of its own.
const CALLERS: usize = 8;
/// How long the other service may keep what it read.
const BOUND: Duration = Duration::from_secs(2);
/// How long they are let in before the rotation.
const BEFORE: Duration = Duration::from_millis(300);
const ISSUER: &str = "https://auth.bench.example";
const AUDIENCE: &str = "bench";

/// One question: is the token let in?
type Ask<'a> = Box<dyn FnMut() -> Result<bool, Failure> + Send + 'a>;

/// Measures and prints it.
///
/// # Errors
/// The service does not start, or a request fails.
pub fn measure(bounds: &Bounds, goals: &mut Goals) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let options = Options {
        port: 0,
        in_memory: true,
        data_dir: std::path::PathBuf::new(),
        env_file: None,
    };
    let stack = runtime.block_on(Box::pin(Stack::start(&options, &settings())))?;
    let (address, variables) = (stack.address(), stack.aws().endpoints.variables());
    let accounts = Account::make(address, CALLERS)?;
    let mut table = Table::new(&[
        "asked",
        "tries after",
        "let in",
        "last let in ms",
        "first refused ms",
        "last ms",
    ]);

    let tokens = tokens(&accounts, address)?;
    let asks = tokens
        .iter()
        .map(|token| endpoint(address, token))
        .collect::<Result<_, _>>()?;
    let own = run(
        asks,
        address,
        &tokens,
        bounds.stale_tries / CALLERS,
        Duration::ZERO,
    )?;
    table.row(own.cells("own endpoints"));
    goals.at_most(
        "old tokens let in after a global rotation's answer",
        own.stale(),
        0.0,
        "",
    );

    let base = AwsBase::new(
        variables
            .into_iter()
            .fold(Settings::default(), |all, (name, value)| {
                all.with(&name, value)
            }),
    );
    let verifier = Verifier::builder()
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .tables(client(&base), "dashtam-local-");
    let verifier = verifier.max_staleness(BOUND).build()?;
    let tokens = self::tokens(&accounts, address)?;
    let asks = tokens.iter().map(|token| -> Ask<'_> {
        let (handle, verifier) = (runtime.handle().clone(), &verifier);
        Box::new(move || Ok(handle.block_on(verifier.verify(token)).is_ok()))
    });
    let other = run(
        asks.collect(),
        address,
        &tokens,
        0,
        BOUND + Duration::from_secs(1),
    )?;
    table.row(other.cells("another service, bound 2 s"));
    goals.at_most(
        "a verifier's last acceptance after a rotation",
        other.last_let_in() / 1e3,
        BOUND.as_secs_f64(),
        "s",
    );

    table.print(&format!(
        "Old tokens and a global rotation, {CALLERS} callers; times after the rotation's answer"
    ));
    runtime.block_on(stack.stop());
    Ok(())
}

fn settings() -> Settings {
    [
        ("DASHTAM_ISSUER", ISSUER),
        ("DASHTAM_AUDIENCE", AUDIENCE),
        ("DASHTAM_ADMIN_EMAILS", "ada0@bench.example"),
        ("DASHTAM_RATE_LIMIT_SCALE", "1000"),
    ]
    .into_iter()
    .fold(Settings::default(), |all, (name, value)| {
        all.with(name, value)
    })
}

/// A new login of each; the first account is the administrator's.
fn tokens(accounts: &[Account], address: SocketAddr) -> Result<Vec<String>, Failure> {
    accounts
        .iter()
        .map(|account| account.access_token(address))
        .collect()
}

fn endpoint<'a>(address: SocketAddr, token: &str) -> Result<Ask<'a>, Failure> {
    let mut connection = Connection::open(address)?;
    let request = Request::get("/api/v1/auth/me", Some(token));
    Ok(Box::new(move || match connection.send(&request)?.status {
        200 => Ok(true),
        401 => Ok(false),
        other => Err(format!("answered {other}").into()),
    }))
}

/// What one caller saw.
struct Seen {
    /// Tries that began after the answer.
    tries: usize,
    /// How many of them were let in.
    stale: usize,
    last_let_in: Option<Instant>,
    first_refused: Option<Instant>,
}

struct Outcome {
    answer: Instant,
    callers: Vec<Seen>,
}

/// All callers ask over and over while the rotation runs, and afterwards until each has tried so often and so long.
fn run(
    asks: Vec<Ask<'_>>,
    address: SocketAddr,
    tokens: &[String],
    tries: usize,
    time: Duration,
) -> Result<Outcome, Failure> {
    let answered = OnceLock::new();
    std::thread::scope(|scope| {
        let callers: Vec<_> = asks
            .into_iter()
            .map(|ask| scope.spawn(|| one(ask, &answered, tries, time)))
            .collect();
        std::thread::sleep(BEFORE);
        let rotated = rotate(address, tokens.first().ok_or("no administrator")?);
        // Set even after a failure, so that the callers end.
        let answer = *answered.get_or_init(Instant::now);
        let seen = callers
            .into_iter()
            .map(|caller| caller.join().map_err(|_| "a caller panicked")?);
        let callers = seen.collect::<Result<_, Failure>>()?;
        rotated.map(|()| Outcome { answer, callers })
    })
}

fn rotate(address: SocketAddr, token: &str) -> Result<(), Failure> {
    let body = serde_json::json!({ "scope": "global", "reason": "measured by the benchmark" });
    let request = Request::post_as("/api/v1/admin/token-rotations", &body, Some(token));
    Connection::open(address)?
        .send(&request)?
        .expect(200)
        .map(drop)
}

fn one(
    mut ask: Ask<'_>,
    answered: &OnceLock<Instant>,
    tries: usize,
    time: Duration,
) -> Result<Seen, Failure> {
    let mut seen = Seen {
        tries: 0,
        stale: 0,
        last_let_in: None,
        first_refused: None,
    };
    loop {
        let began = Instant::now();
        let is_let_in = ask()?;
        if is_let_in {
            seen.last_let_in = Some(began);
        } else {
            seen.first_refused.get_or_insert_with(Instant::now);
        }
        let Some(answer) = answered.get() else {
            continue;
        };
        if began > *answer {
            seen.tries += 1;
            seen.stale += usize::from(is_let_in);
        }
        if seen.tries >= tries && answer.elapsed() >= time {
            return Ok(seen);
        }
    }
}

impl Outcome {
    fn stale(&self) -> f64 {
        self.callers
            .iter()
            .map(|seen| u32::try_from(seen.stale).map_or(f64::NAN, f64::from))
            .sum()
    }

    /// When the last try began that was let in, in ms after the answer.
    fn last_let_in(&self) -> f64 {
        self.after(
            self.callers
                .iter()
                .filter_map(|seen| seen.last_let_in)
                .max(),
        )
    }

    fn cells(&self, what: &str) -> [String; 6] {
        let refused = || self.callers.iter().filter_map(|seen| seen.first_refused);
        let millis = |value: f64| format!("{value:.1}");
        [
            what.to_owned(),
            self.callers
                .iter()
                .map(|seen| seen.tries)
                .sum::<usize>()
                .to_string(),
            format!("{:.0}", self.stale()),
            millis(self.last_let_in()),
            millis(self.after(refused().min())),
            millis(self.after(refused().max())),
        ]
    }

    fn after(&self, moment: Option<Instant>) -> f64 {
        let signed = |moment: Instant| match moment.checked_duration_since(self.answer) {
            Some(later) => later.as_secs_f64(),
            None => -self.answer.duration_since(moment).as_secs_f64(),
        };
        moment.map_or(f64::NAN, |moment| signed(moment) * 1e3)
    }
}
