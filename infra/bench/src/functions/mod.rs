//! What each function costs as a process of its own: its size, its start, its first and its further events, its memory,
//! beside functions that do next to nothing ([`floor`](../../floor)).
//!
//! The binaries are those that are deployed, built with the release profile. Each runs under a Runtime API of its own; between it
//! and the local AWS side stands a forwarder that speaks TLS, as AWS does. Only the function's own processor time is counted.
//! Of each binary one process is started in turn, again and again, so that a machine that slows down does so for all.

mod build;
mod goals;
mod measure;
mod scene;

use crate::Failure;
use crate::report::{Goals, Table};
use measure::{Costs, Sample};
use scene::Scene;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Processes of each function.
    pub starts: usize,
    /// Events that each answers after its first.
    pub events: u32,
    /// The same where each is a password hash.
    pub hashing_events: u32,
}

impl Bounds {
    /// Coarse.
    pub const QUICK: Self = Self {
        starts: 3,
        events: 50,
        hashing_events: 10,
    };
    /// What figures are quoted from.
    pub const FULL: Self = Self {
        starts: 5,
        events: 200,
        hashing_events: 40,
    };
}

/// Builds the functions, measures them, and prints the tables. `only` names some instead of all.
///
/// # Errors
/// [`Failure`], where something is not built, does not start or answers something unexpected.
pub fn run(bounds: &Bounds, only: &[&str]) -> Result<(), Failure> {
    let measured = build::functions(only)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let costs = runtime.block_on(Box::pin(measure_all(bounds, &measured)))?;
    table(&costs).print_markdown();
    let mut goals = Goals::default();
    goals::judge(&costs, &mut goals)?;
    goals.print_markdown();
    Ok(())
}

async fn measure_all(bounds: &Bounds, functions: &[build::Built]) -> Result<Vec<Costs>, Failure> {
    let mut scene = Scene::set().await?;
    let mut samples: Vec<Vec<Sample>> = functions.iter().map(|_| Vec::new()).collect();
    for round in 0..bounds.starts {
        eprintln!("round {} of {}", round + 1, bounds.starts);
        scene.renew_proofs().await;
        for (function, samples) in functions.iter().zip(&mut samples) {
            samples.push(measure::sample(function, &mut scene, bounds).await?);
        }
    }
    functions
        .iter()
        .zip(&samples)
        .map(|(function, samples)| Costs::of(function, samples))
        .collect()
}

fn table(costs: &[Costs]) -> Table {
    let mut table = Table::new(&[
        "function",
        "event",
        "zipped MB",
        "init CPU ms",
        "init ms",
        "first CPU µs",
        "first ms",
        "warm CPU µs",
        "peak MiB",
    ]);
    for cost in costs {
        let number = |value: f64, digits: usize| format!("{value:.digits$}");
        table.row([
            cost.name.clone(),
            cost.event.to_owned(),
            number(cost.megabytes, 2),
            number(cost.init_cpu, 2),
            number(cost.init_wall, 1),
            number(cost.first_cpu * 1e3, 0),
            number(cost.first_wall, 2),
            number(cost.warm_cpu * 1e3, 0),
            number(cost.mebibytes, 1),
        ]);
    }
    table
}
