//! Me and refresh while the table of sessions grows: their cost must not.

use std::path::Path;
use std::time::Duration;

use super::{Bounds, millis};
use crate::Failure;
use crate::account::Account;
use crate::load::{Load, Measured, Step};
use crate::report::{Goals, Table};
use crate::server::Server;
use crate::sessions::{Fill, Owner};

/// How many live sessions the table holds.
const SIZES: [usize; 3] = [10, 1_000, 100_000];
/// The sessions that the measured clients have themselves.
const CLIENTS: usize = 2;
/// What counts as flat: the cost at a size over the cost at the smallest one. The rest is noise of a busy machine.
const FLAT: f64 = 1.25;

/// At least one removal of expired items falls into this time.
const IDLE: Duration = Duration::from_secs(2);

/// What was measured at one size.
struct Row {
    idle: f64,
    me: Measured,
    refresh: Measured,
}

/// Measures and prints it, for sessions of other users and of the same one.
///
/// # Errors
/// The service does not start, or a request fails.
pub fn measure(bounds: &Bounds, scratch: &Path, goals: &mut Goals) -> Result<(), Failure> {
    for (owner, whose) in [
        (Owner::Others, "of other users"),
        (Owner::Same, "of the same user"),
    ] {
        let mut server = Server::on_files(scratch)?;
        let account = Account::make(server.address(), 1)?
            .pop()
            .ok_or("no account")?;
        let mut me = account.get(server.address(), "/api/v1/auth/me")?;
        let mut refresh = account.refresh(server.address())?;
        let mut rows = Vec::new();
        let mut there = CLIENTS;
        for size in SIZES {
            server.fill(Fill {
                owner,
                count: size - there,
            })?;
            there = size;
            rows.push(Row {
                idle: idle(&server, bounds)?,
                me: one(&server, &mut me, bounds)?,
                refresh: one(&server, &mut refresh, bounds)?,
            });
        }
        print(&rows, whose, server.peak_mebibytes()?);
        let first = rows.first().ok_or("no size")?;
        for (row, size) in rows.iter().zip(SIZES).skip(1) {
            let ratio = |of: fn(&Row) -> &Measured| of(row).cpu_millis() / of(first).cpu_millis();
            goals.at_most(
                &format!("me CPU at {size} sessions {whose} / at 10"),
                ratio(|row| &row.me),
                FLAT,
                "",
            );
            goals.at_most(
                &format!("refresh CPU at {size} sessions {whose} / at 10"),
                ratio(|row| &row.refresh),
                FLAT,
                "",
            );
        }
    }
    Ok(())
}

fn one(server: &Server, step: &mut Step<'_>, bounds: &Bounds) -> Result<Measured, Failure> {
    server.measure(Load {
        clients: vec![Box::new(|connection| step(connection))],
        background: Vec::new(),
        time: bounds.fast,
        requests: bounds.requests,
        pause: Duration::ZERO,
    })
}

/// CPU milliseconds a second without any request: the consumers' polling, and the removal of expired items.
fn idle(server: &Server, bounds: &Bounds) -> Result<f64, Failure> {
    let before = server.cpu()?;
    std::thread::sleep(IDLE.max(bounds.fast));
    Ok(server.cpu()?.saturating_sub(before).as_secs_f64() * 1e3
        / IDLE.max(bounds.fast).as_secs_f64())
}

fn print(rows: &[Row], whose: &str, peak: f64) {
    let titles = [
        "live sessions",
        "me p50 ms",
        "p99",
        "CPU ms",
        "refresh p50 ms",
        "p99",
        "CPU ms",
        "idle CPU ms/s",
    ];
    let mut table = Table::new(&titles);
    for (row, size) in rows.iter().zip(SIZES) {
        let figures = [&row.me, &row.refresh]
            .map(|of| [of.percentile(50), of.percentile(99), of.cpu_millis()].map(millis));
        let figures = figures
            .into_iter()
            .flatten()
            .chain([format!("{:.0}", row.idle)]);
        table.row([size.to_string()].into_iter().chain(figures));
    }
    table.print(&format!(
        "Live sessions {whose}, data directory, 1 client (peak memory {peak:.0} MiB, putting them there included)"
    ));
}
