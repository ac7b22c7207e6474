//! Decisions of token buckets under 64 parallel callers, of one bucket and of many, and whether they are exact.
//!
//! The callers are tasks of this process, which holds the database as well: a decision is one conditional update or two,
//! through the AWS SDK and over HTTP, as the service makes it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dashtam_local::aws_side;
use dashtam_local::names::Names;
use dashtam_local::policies;
use dashtam_local::template::Template;
use local_aws::LocalAws;
use local_aws::iam::Rights;
use shared::aws::{AwsBase, client};
use shared::clock::SystemClock;
use shared::config::{Limit, Settings};
use shared::ground::entropy::OsEntropy;
use shared::routes::Rule;
use shared::store::{Admission, Store};

use super::{Bounds, millis};
use crate::Failure;
use crate::report::{Goals, Table};

/// Callers at once.
const CALLERS: usize = 64;
/// What the bucket of the exactness check holds.
const CAPACITY: u64 = 1_000;
/// No record is written here.
const RETENTION: Duration = Duration::from_secs(86_400);
/// A bucket that nobody empties, whose tokens come back one in a minute: it stays in one state.
const ROOMY: Limit = Limit {
    capacity: 1_000_000,
    interval: Duration::from_secs(60),
};

/// Measures and prints them.
///
/// # Errors
/// The database does not start, or a decision fails.
pub fn measure(bounds: &Bounds, goals: &mut Goals) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let aws = database().await?;
        let settings = aws.endpoints.variables().into_iter();
        let settings = settings.fold(Settings::default(), |all, (name, value)| {
            all.with(&name, value)
        });
        let clock = Arc::new(SystemClock);
        let client = client(&AwsBase::new(settings));
        let store = Store::new(
            client,
            "dashtam-local-",
            clock,
            Arc::new(OsEntropy),
            RETENTION,
        );
        let mut table = Table::new(&[
            "buckets",
            "callers",
            "decisions/s",
            "p50 ms",
            "p99 ms",
            "decisions",
        ]);
        for buckets in [1, CALLERS] {
            let calls = run(&store, ROOMY, buckets, bounds.decisions).await?;
            table.row([
                buckets.to_string(),
                CALLERS.to_string(),
                format!("{:.0}", calls.rate()),
                millis(calls.percentile(50)),
                millis(calls.percentile(99)),
                calls.latencies.len().to_string(),
            ]);
        }
        table.print("Bucket decisions");
        exact(&store, goals).await
    })
}

/// The AWS side in memory.
///
/// # Errors
/// It does not start.
pub(super) async fn database() -> Result<LocalAws, Failure> {
    let template = Template::embedded()?;
    let names = Names {
        table_prefix: "dashtam-local-",
        secret_prefix: "dashtam-local/",
        sender: "no-reply@dashtam.example",
    };
    let rights = Rights::new(Arc::new(policies::read(&template.document, names)?));
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(OsEntropy));
    let parts = aws_side::parts(&template, names, clock, entropy, rights);
    Ok(LocalAws::start(parts).await?)
}

/// Of more parallel calls than a fresh bucket holds, exactly as many as it holds are admitted.
async fn exact(store: &Store, goals: &mut Goals) -> Result<(), Failure> {
    let never = Duration::from_secs(86_400);
    let calls = run(
        store,
        Limit {
            capacity: CAPACITY,
            interval: never,
        },
        1,
        100,
    )
    .await?;
    let wrong = calls.admitted.abs_diff(usize::try_from(CAPACITY)?);
    goals.at_most(
        "admitted above or below a bucket's capacity",
        f64::from(u32::try_from(wrong)?),
        0.0,
        "",
    );
    Ok(())
}

struct Calls {
    elapsed: Duration,
    admitted: usize,
    latencies: Vec<Duration>,
}

/// Each caller decides so often, on a bucket of its own or on one of all.
async fn run(store: &Store, limit: Limit, buckets: usize, each: usize) -> Result<Calls, Failure> {
    let name = store.fresh_name();
    let begun = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let (store, who) = (store.clone(), format!("{name}-{}", caller % buckets));
        tokio::spawn(async move {
            let (mut admitted, mut latencies) = (0, Vec::with_capacity(each));
            for _ in 0..each {
                let start = Instant::now();
                admitted += usize::from(matches!(
                    store.charge(Rule::Login, limit, &who).await?,
                    Admission::Admitted(_)
                ));
                latencies.push(start.elapsed());
            }
            Ok::<_, shared::store::StoreError>((admitted, latencies))
        })
    });
    let mut calls = Calls {
        elapsed: Duration::ZERO,
        admitted: 0,
        latencies: Vec::new(),
    };
    for caller in callers.collect::<Vec<_>>() {
        let (admitted, latencies) = caller.await??;
        calls.admitted += admitted;
        calls.latencies.extend(latencies);
    }
    calls.elapsed = begun.elapsed();
    calls.latencies.sort_unstable();
    Ok(calls)
}

impl Calls {
    #[expect(
        clippy::cast_precision_loss,
        reason = "a benchmark makes far fewer than 2^52 decisions"
    )]
    fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.latencies.len() * percent).div_ceil(100).max(1) - 1;
        self.latencies
            .get(rank)
            .map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }
}
