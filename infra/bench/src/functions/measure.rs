//! One process after the other, and what they have cost.

use std::time::Duration;

use dashtam_runtime::Answer;

use super::Bounds;
use super::build::Built;
use super::scene::Scene;
use crate::Failure;

/// What one process has cost.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    init_cpu: Duration,
    init_wall: Duration,
    first_cpu: Duration,
    first_wall: Duration,
    warm_cpu: Duration,
    peak_kib: u64,
}

/// The medians of a function, times in milliseconds.
#[derive(Debug)]
pub struct Costs {
    /// The function.
    pub name: String,
    /// Which of its events was measured.
    pub event: &'static str,
    /// Whether it computes password hashes.
    pub hashes: bool,
    /// Its size as it is uploaded.
    pub megabytes: f64,
    /// Processor time of its start.
    pub init_cpu: f64,
    /// From its start to its first question for an event.
    pub init_wall: f64,
    /// Processor time of its first event.
    pub first_cpu: f64,
    /// From its first event to the answer.
    pub first_wall: f64,
    /// Processor time of an event after the first.
    pub warm_cpu: f64,
    /// The most memory that it has used.
    pub mebibytes: f64,
}

/// Starts a process and hands it events.
pub async fn sample(built: &Built, scene: &mut Scene, bounds: &Bounds) -> Result<Sample, Failure> {
    let mut process = scene.function(built).start().await?;
    let init = process.init();
    let mut before = process.cpu().await?;
    let mut next = async |scene: &mut Scene| {
        let invocation = process.invoke(scene.event(built)).await?;
        if let Answer::Response(body) = &invocation.answer {
            Scene::check(built, body)?;
            scene.learn(built, body).await?;
        }
        Ok::<_, Failure>(invocation.wall)
    };
    let first_wall = next(scene).await?;
    let after = process.cpu().await?;
    let first_cpu = after.saturating_sub(before);
    before = after;
    let events = if built.hashes {
        bounds.hashing_events
    } else {
        bounds.events
    };
    let mut next = async |scene: &mut Scene| {
        let invocation = process.invoke(scene.event(built)).await?;
        if let Answer::Response(body) = &invocation.answer {
            scene.learn(built, body).await?;
        }
        Ok::<_, Failure>(())
    };
    for _ in 0..events {
        next(scene).await?;
    }
    let warm_cpu = process.cpu().await?.saturating_sub(before) / events;
    let peak_kib = process.peak_memory()?;
    scene.tidy(built).await;
    Ok(Sample {
        init_cpu: init.cpu,
        init_wall: init.wall,
        first_cpu,
        first_wall,
        warm_cpu,
        peak_kib,
    })
}

impl Costs {
    /// The medians of what its processes have cost.
    #[expect(clippy::cast_precision_loss, reason = "no size has 2^52 bytes")]
    pub fn of(built: &Built, samples: &[Sample]) -> Result<Self, Failure> {
        let time = |part: fn(&Sample) -> Duration| {
            let mut all: Vec<_> = samples.iter().map(part).collect();
            all.sort();
            all.get(all.len() / 2)
                .map(|middle| middle.as_secs_f64() * 1e3)
                .ok_or("nothing was measured")
        };
        let peak = samples
            .iter()
            .map(|sample| sample.peak_kib)
            .max()
            .unwrap_or_default();
        Ok(Self {
            name: built.name.clone(),
            event: Scene::kind(built),
            hashes: built.hashes,
            megabytes: built.zipped as f64 / 1e6,
            init_cpu: time(|sample| sample.init_cpu)?,
            init_wall: time(|sample| sample.init_wall)?,
            first_cpu: time(|sample| sample.first_cpu)?,
            first_wall: time(|sample| sample.first_wall)?,
            warm_cpu: time(|sample| sample.warm_cpu)?,
            mebibytes: peak as f64 / 1024.0,
        })
    }
}
