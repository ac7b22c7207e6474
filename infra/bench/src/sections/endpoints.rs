//! Each endpoint at one and at sixteen clients, on files and in memory.

use std::path::Path;
use std::time::Duration;

use super::{Bounds, hashing, millis};
use crate::account::{self, Account};
use crate::client::Request;
use crate::load::{Load, Measured, Step};
use crate::report::{Goals, Table};
use crate::server::Server;
use crate::{Failure, hash};

/// So many that none reaches its session cap while the benchmark logs in.
const ACCOUNTS: usize = 64;
/// How many clients there are at once.
const CLIENTS: [usize; 2] = [1, 16];
/// The CPU that the service's predecessor needed, in milliseconds: for me, and for a refresh with one live token.
const PREDECESSOR: (f64, f64) = (2.2, 336.0);

/// The endpoints that are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Health,
    Me,
    Sessions,
    Refresh,
    Login,
}

impl Endpoint {
    const ALL: [Self; 5] = [
        Self::Health,
        Self::Me,
        Self::Sessions,
        Self::Refresh,
        Self::Login,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Me => "me",
            Self::Sessions => "sessions",
            Self::Refresh => "refresh",
            Self::Login => "login",
        }
    }

    /// What each of `clients` does, each with accounts of its own.
    fn steps(
        self,
        server: &Server,
        accounts: &[Account],
        clients: usize,
    ) -> Result<Vec<Step<'static>>, Failure> {
        let address = server.address();
        let shares = accounts.chunks(accounts.len() / clients).take(clients);
        let step = |share: &[Account]| {
            let first = share.first().ok_or("fewer accounts than clients")?;
            match self {
                Self::Health => Ok(account::get(Request::get("/api/v1/health", None))),
                Self::Me => first.get(address, "/api/v1/auth/me"),
                Self::Sessions => first.get(address, "/api/v1/auth/sessions"),
                Self::Refresh => first.refresh(address),
                Self::Login => Ok(account::log_in(share)),
            }
        };
        shares.map(step).collect()
    }

    fn measure(
        self,
        server: &Server,
        accounts: &[Account],
        clients: usize,
        bounds: &Bounds,
    ) -> Result<Measured, Failure> {
        let time = if self == Self::Login {
            bounds.hashing
        } else {
            bounds.fast
        };
        let measured = server.measure(Load {
            clients: self.steps(server, accounts, clients)?,
            background: Vec::new(),
            time,
            requests: bounds.requests,
            pause: Duration::ZERO,
        });
        measured.map_err(|error| format!("{}: {error}", self.name()).into())
    }

    /// The goal for the CPU of one request.
    fn goal(self) -> Option<f64> {
        let (me, refresh) = PREDECESSOR;
        match self {
            Self::Me => Some(me / 4.0),
            Self::Refresh => Some(refresh / 100.0),
            Self::Health | Self::Sessions | Self::Login => None,
        }
    }
}

/// Measures and prints them.
///
/// # Errors
/// The service does not start, or a request fails.
pub fn measure(bounds: &Bounds, scratch: &Path, goals: &mut Goals) -> Result<(), Failure> {
    let bare = hash::BareHash::new()?;
    println!(
        "Local run of Dashtam Auth {}; Argon2id {}",
        env!("CARGO_PKG_VERSION"),
        bare.describe()
    );
    let on_files = Server::on_files(scratch)?;
    let accounts = Account::make(on_files.address(), ACCOUNTS)?;
    table(
        "Requests, data directory",
        &on_files,
        &accounts,
        &Endpoint::ALL,
        bounds,
        goals,
    )?;
    hashing::against_bare_hash(&on_files, &accounts, bare, bounds, goals)?;
    hashing::beside_health(&on_files, &accounts, bounds, goals)?;
    let peak_on_files = on_files.peak_mebibytes()?;
    drop(on_files);

    let in_memory = Server::in_memory()?;
    let accounts = Account::make(in_memory.address(), ACCOUNTS)?;
    table(
        "Requests, --in-memory",
        &in_memory,
        &accounts,
        &[Endpoint::Me, Endpoint::Refresh],
        bounds,
        goals,
    )?;
    let peak_in_memory = in_memory.peak_mebibytes()?;

    let mut table = Table::new(&["peak memory after all of the above", "MiB"]);
    table.row(["data directory".to_owned(), millis(peak_on_files)]);
    table.row([
        "--in-memory (holds its tables, too)".to_owned(),
        millis(peak_in_memory),
    ]);
    table.print("Memory");
    goals.at_most("peak memory, data directory", peak_on_files, 150.0, "MiB");
    goals.at_most("peak memory, --in-memory", peak_in_memory, 150.0, "MiB");
    Ok(())
}

fn table(
    heading: &str,
    server: &Server,
    accounts: &[Account],
    endpoints: &[Endpoint],
    bounds: &Bounds,
    goals: &mut Goals,
) -> Result<(), Failure> {
    let mut table = Table::new(&[
        "endpoint",
        "clients",
        "requests/s",
        "p50 ms",
        "p99 ms",
        "CPU ms/request",
        "requests",
    ]);
    for endpoint in endpoints {
        let mut worst = 0.0_f64;
        for clients in CLIENTS {
            let measured = endpoint.measure(server, accounts, clients, bounds)?;
            worst = worst.max(measured.cpu_millis());
            table.row([
                endpoint.name().to_owned(),
                clients.to_string(),
                format!("{:.0}", measured.rate()),
                millis(measured.percentile(50)),
                millis(measured.percentile(99)),
                format!("{:.3}", measured.cpu_millis()),
                measured.requests().to_string(),
            ]);
        }
        if let Some(limit) = endpoint.goal() {
            let mode = heading.trim_start_matches("Requests, ");
            goals.at_most(
                &format!("{} CPU a request, {mode}", endpoint.name()),
                worst,
                limit,
                "ms",
            );
        }
    }
    table.print(heading);
    Ok(())
}
