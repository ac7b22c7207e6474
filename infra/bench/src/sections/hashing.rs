//! What a login costs above its hash, and whether hashes hold up other requests.

use std::time::Duration;

use super::{Bounds, millis};
use crate::Failure;
use crate::account::{self, Account};
use crate::client::Request;
use crate::hash::BareHash;
use crate::load::{Load, Step};
use crate::report::{Goals, Table};
use crate::server::Server;

/// What a login may cost above 1.05 bare hashes, in milliseconds.
const ABOVE_HASH: f64 = 3.0;
/// How many log in while health is asked.
const LOGINS: usize = 16;
/// Between two questions: often enough to see every delay, and far from saturating a core.
const HEALTH_PAUSE: Duration = Duration::from_millis(3);

/// Logins of one client and bare hashes in turns, so that a machine that gets slower does so for both.
///
/// # Errors
/// A login fails.
pub fn against_bare_hash(
    server: &Server,
    accounts: &[Account],
    mut bare: BareHash,
    bounds: &Bounds,
    goals: &mut Goals,
) -> Result<(), Failure> {
    let mut rounds = Vec::new();
    for _ in 0..bounds.rounds {
        let hashed = bare.measure(bounds.hashes)?;
        let login = server.measure(Load {
            clients: vec![account::log_in(accounts)],
            background: Vec::new(),
            time: bounds.hashing,
            requests: usize::try_from(bounds.hashes)?,
            pause: Duration::ZERO,
        })?;
        rounds.push((
            hashed.cpu_millis,
            hashed.wall_millis,
            login.cpu_millis(),
            login.percentile(50),
        ));
    }
    let hash = median(rounds.iter().map(|round| round.0));
    let login = median(rounds.iter().map(|round| round.2));
    let above = median(rounds.iter().map(|round| round.2 - 1.05 * round.0));
    let mut table = Table::new(&["median of the rounds", "CPU ms", "wall ms"]);
    table.row([
        "one bare hash, memory reused".to_owned(),
        millis(hash),
        millis(median(rounds.iter().map(|r| r.1))),
    ]);
    table.row([
        "one login".to_owned(),
        millis(login),
        millis(median(rounds.iter().map(|r| r.3))),
    ]);
    table.row([
        "login - hash".to_owned(),
        millis(median(rounds.iter().map(|r| r.2 - r.0))),
        String::new(),
    ]);
    table.row([
        "login - 1.05 hashes".to_owned(),
        millis(above),
        String::new(),
    ]);
    table.row([
        "login / hash".to_owned(),
        millis(median(rounds.iter().map(|r| r.2 / r.0))),
        String::new(),
    ]);
    table.print(&format!(
        "Login against its hash ({} rounds of {} each)",
        bounds.rounds, bounds.hashes
    ));
    goals.at_most("login CPU above 1.05 bare hashes", above, ABOVE_HASH, "ms");
    Ok(())
}

/// Health without and with parallel logins.
///
/// # Errors
/// A request fails.
pub fn beside_health(
    server: &Server,
    accounts: &[Account],
    bounds: &Bounds,
    goals: &mut Goals,
) -> Result<(), Failure> {
    let mut table = Table::new(&["health", "p50 ms", "p99 ms", "slowest ms", "requests"]);
    let mut health = |name: &str, background: Vec<Step<'static>>| -> Result<f64, Failure> {
        let measured = server.measure(Load {
            clients: vec![account::get(Request::get("/api/v1/health", None))],
            background,
            time: bounds.hashing,
            requests: bounds.requests,
            pause: HEALTH_PAUSE,
        })?;
        let figures = [50, 99, 100].map(|percent| millis(measured.percentile(percent)));
        table.row(
            [name.to_owned()]
                .into_iter()
                .chain(figures)
                .chain([measured.requests().to_string()]),
        );
        Ok(measured.percentile(99))
    };
    health("alone", Vec::new())?;
    let shares = accounts.chunks(accounts.len() / LOGINS).take(LOGINS);
    let busy = health(
        "beside 16 parallel logins",
        shares.map(account::log_in).collect(),
    )?;
    table.print("Health while passwords are hashed");
    goals.at_most("p99 of health beside 16 parallel logins", busy, 50.0, "ms");
    Ok(())
}

/// The middle value, or the upper one of two.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_measured_value() {
        assert!((median([9.0, 1.0, 2.0].into_iter()) - 2.0).abs() < 1e-9);
        assert!(median(std::iter::empty()).is_nan());
    }
}
