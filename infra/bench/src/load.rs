//! A closed loop: so many clients, each with its next request as soon as the last one is answered.
//!
//! The service's CPU is read when all clients are connected and warm, and again when all have ended, so neither
//! connecting nor the first request is in it.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use crate::client::Connection;
use crate::{Failure, process};

/// What one client does over and over: one request, or a chain of them.
pub type Step<'a> = Box<dyn FnMut(&mut Connection) -> Result<(), Failure> + Send + 'a>;

/// A load and its bounds.
pub struct Load<'a> {
    /// The clients that are timed.
    pub clients: Vec<Step<'a>>,
    /// Clients that keep the service busy meanwhile.
    pub background: Vec<Step<'a>>,
    /// It ends after this time.
    pub time: Duration,
    /// It ends after this many requests of a client, too.
    pub requests: usize,
    /// A client waits this long between two requests.
    pub pause: Duration,
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// How long it took.
    pub elapsed: Duration,
    /// The service's CPU in that time.
    pub cpu: Duration,
    /// How long each timed request took, shortest first.
    latencies: Vec<Duration>,
}

impl Load<'_> {
    /// Loads the service at `address`, which is process `pid`.
    ///
    /// # Errors
    /// The first failure of a client, which ends all of them.
    pub fn run(self, address: SocketAddr, pid: u32) -> Result<Measured, Failure> {
        let gate = Gate::new(self.clients.len() + self.background.len());
        let (requests, pause) = (self.requests, self.pause);
        std::thread::scope(|scope| {
            let start = |step, most, pause, background| {
                let gate = &gate;
                scope.spawn(move || gate.client(step, address, most, pause, background))
            };
            let behind: Vec<_> = self
                .background
                .into_iter()
                .map(|step| start(step, usize::MAX, Duration::ZERO, true))
                .collect();
            let timed: Vec<_> = self
                .clients
                .into_iter()
                .map(|step| start(step, requests, pause, false))
                .collect();
            gate.ready.wait();
            let (before, begun) = (process::cpu(pid), Instant::now());
            gate.begin.wait();
            while begun.elapsed() < self.time
                && !gate.over()
                && !timed.iter().all(ScopedJoinHandle::is_finished)
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            gate.timed_over.store(true, Ordering::Relaxed);
            let timed = join(timed);
            let (elapsed, after) = (begun.elapsed(), process::cpu(pid));
            gate.all_over.store(true, Ordering::Relaxed);
            join(behind)?;
            let mut latencies = timed?;
            latencies.sort_unstable();
            Ok(Measured {
                elapsed,
                cpu: after?.saturating_sub(before?),
                latencies,
            })
        })
    }
}

/// All latencies, or the first failure.
fn join(
    clients: Vec<ScopedJoinHandle<'_, Result<Vec<Duration>, Failure>>>,
) -> Result<Vec<Duration>, Failure> {
    let results = clients.into_iter().map(|client| {
        client
            .join()
            .unwrap_or_else(|_| Err("a client panicked".into()))
    });
    let all: Vec<_> = results.collect();
    Ok(all.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

/// Where the clients begin and end together.
struct Gate {
    ready: Barrier,
    begin: Barrier,
    timed_over: AtomicBool,
    all_over: AtomicBool,
}

impl Gate {
    /// A gate for so many clients, and for whoever watches them.
    fn new(clients: usize) -> Self {
        Self {
            ready: Barrier::new(clients + 1),
            begin: Barrier::new(clients + 1),
            timed_over: AtomicBool::new(false),
            all_over: AtomicBool::new(false),
        }
    }

    fn over(&self) -> bool {
        self.all_over.load(Ordering::Relaxed)
    }

    fn client(
        &self,
        mut step: Step<'_>,
        address: SocketAddr,
        most: usize,
        pause: Duration,
        background: bool,
    ) -> Result<Vec<Duration>, Failure> {
        let warm = Connection::open(address)
            .and_then(|mut connection| step(&mut connection).map(|()| connection));
        // Also after a failure, or the others would wait for ever.
        self.ready.wait();
        self.begin.wait();
        let result = warm.and_then(|mut connection| {
            self.repeat(&mut step, &mut connection, most, pause, background)
        });
        if result.is_err() {
            // Nobody goes on with a load that has failed.
            self.all_over.store(true, Ordering::Relaxed);
        }
        result
    }

    fn repeat(
        &self,
        step: &mut Step<'_>,
        connection: &mut Connection,
        most: usize,
        pause: Duration,
        background: bool,
    ) -> Result<Vec<Duration>, Failure> {
        let mut latencies = Vec::new();
        while latencies.len() < most
            && !self.over()
            && (background || !self.timed_over.load(Ordering::Relaxed))
        {
            let start = Instant::now();
            step(connection)?;
            latencies.push(start.elapsed());
            if !pause.is_zero() {
                std::thread::sleep(pause);
            }
        }
        Ok(latencies)
    }
}

impl Measured {
    /// How many requests were timed.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.latencies.len()
    }

    /// Requests a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.count() / self.elapsed.as_secs_f64()
    }

    /// The service's CPU for one request, in milliseconds.
    #[must_use]
    pub fn cpu_millis(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / self.count()
    }

    /// The time within which `percent` of the requests were answered, in milliseconds.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.latencies.len() * percent).div_ceil(100).max(1) - 1;
        self.latencies
            .get(rank)
            .map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "a benchmark makes far fewer than 2^52 requests"
    )]
    fn count(&self) -> f64 {
        self.latencies.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_time_of_a_request_that_was_made() {
        let millis = |list: &[u64]| Measured {
            elapsed: Duration::from_secs(2),
            cpu: Duration::from_millis(100),
            latencies: list.iter().map(|ms| Duration::from_millis(*ms)).collect(),
        };
        let hundred = millis(&(1..=100).collect::<Vec<_>>());
        assert!((hundred.percentile(50) - 50.0).abs() < 1e-9);
        assert!((hundred.percentile(99) - 99.0).abs() < 1e-9);
        assert!((hundred.rate() - 50.0).abs() < 1e-9 && (hundred.cpu_millis() - 1.0).abs() < 1e-9);
        assert!((millis(&[7]).percentile(99) - 7.0).abs() < 1e-9);
        assert!(millis(&[]).percentile(50).is_nan());
    }
}
