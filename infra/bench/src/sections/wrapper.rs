//! What the wrapper of all endpoints costs: request id, trace, headers, the log line, metrics, and an exporter that is not
//! used, beside the same answer without any of it.
//!
//! Both run in this process on one thread and take turns, so that a machine that slows down does so for both. The answer is
//! health's, which asks nothing of anything else: what is left is the wrapper.

use std::io::sink;
use std::time::Duration;

use axum::body::Body;
use axum::routing::get;
use axum::{Json, Router};
use http::Request;
use serde_json::json;
use shared::config::Settings;
use shared::http::app;
use shared::runtime::environment::Environment;
use shared::telemetry::{LogFormat, subscriber};
use tower::ServiceExt as _;

use super::Bounds;
use crate::report::{Goals, Table};
use crate::server::Server;
use crate::{Failure, account, load, process};

const HEALTH: &str = "/api/v1/health";

/// What a request of one variant cost, in microseconds of CPU.
struct Variant {
    name: &'static str,
    router: Router,
    logs: bool,
    spent: Vec<f64>,
}

/// Measures and prints them.
///
/// # Errors
/// A request fails, or the service for comparison does not start.
pub fn measure(bounds: &Bounds, goals: &mut Goals) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut variants = runtime.block_on(variants())?;
    for _ in 0..bounds.rounds {
        for variant in &mut variants {
            let spent = runtime.block_on(round(variant, bounds.requests))?;
            variant.spent.push(spent);
        }
    }
    let me = of_me(bounds)?;
    let mut table = Table::new(&[
        "one request",
        "CPU µs",
        "above bare µs",
        "of GET me, local run",
    ]);
    let bare = variants
        .first_mut()
        .map(Variant::median)
        .unwrap_or_default();
    let mut worst = 0.0_f64;
    for variant in &mut variants {
        let spent = variant.median();
        let share = (spent - bare) / me * 100.0;
        worst = worst.max(share);
        let row = [
            variant.name.to_owned(),
            format!("{spent:.1}"),
            format!("{:.1}", spent - bare),
            format!("{share:.1} %"),
        ];
        table.row(row);
    }
    table.row([
        "GET me, local run".to_owned(),
        format!("{me:.1}"),
        String::new(),
        String::new(),
    ]);
    table.print("The wrapper");
    goals.at_most(
        "wrapper, logs and unused exporter, of GET me",
        worst,
        5.0,
        "%",
    );
    Ok(())
}

async fn variants() -> Result<[Variant; 3], Failure> {
    let service = async |metrics: &str| -> Result<Router, Failure> {
        let settings = Settings::default().with("DASHTAM_METRICS", metrics);
        let environment = Environment::new(&settings)?.measured_by(sink());
        Ok(app(
            vec![service_static::health::endpoint()],
            environment.app(),
        ))
    };
    let bare = Router::new().route(
        HEALTH,
        get(|| async { Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") })) }),
    );
    let variant = |name, router, logs| Variant {
        name,
        router,
        logs,
        spent: Vec::new(),
    };
    Ok([
        variant("bare", bare, false),
        variant("wrapped, silent", service("off").await?, false),
        variant("wrapped, logs and metrics", service("emf").await?, true),
    ])
}

impl Variant {
    fn median(&mut self) -> f64 {
        self.spent.sort_unstable_by(f64::total_cmp);
        self.spent
            .get(self.spent.len() / 2)
            .copied()
            .unwrap_or(f64::NAN)
    }
}

async fn round(variant: &Variant, requests: usize) -> Result<f64, Failure> {
    let level = if variant.logs { "info" } else { "off" };
    let _logging = tracing::subscriber::set_default(subscriber(Some(level), LogFormat::Json, sink));
    let before = process::cpu(std::process::id())?;
    for _ in 0..requests {
        let request = Request::get(HEALTH)
            .header("user-agent", "bench/1.0")
            .body(Body::empty())?;
        let answer = variant.router.clone().oneshot(request).await?;
        if !answer.status().is_success() {
            return Err(format!("{}: {}", variant.name, answer.status()).into());
        }
    }
    let spent = process::cpu(std::process::id())?.saturating_sub(before);
    Ok(spent.as_secs_f64() * 1e6 / f64::from(u32::try_from(requests)?))
}

/// The CPU of one GET me in the local run, in microseconds.
fn of_me(bounds: &Bounds) -> Result<f64, Failure> {
    let server = Server::in_memory()?;
    let accounts = account::Account::make(server.address(), 1)?;
    let first = accounts.first().ok_or("no account")?;
    let measured = server.measure(load::Load {
        clients: vec![first.get(server.address(), "/api/v1/auth/me")?],
        background: Vec::new(),
        time: bounds.fast,
        requests: bounds.requests,
        pause: Duration::ZERO,
    })?;
    Ok(measured.cpu_millis() * 1_000.0)
}
