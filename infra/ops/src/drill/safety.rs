//! Nothing but a service on this machine is touched: the drill signs everybody out and makes accounts.
//!
//! Three things must be of this machine: the address that is called, the tables and secrets that are worked on, and the
//! stage. And the two must belong together, or the drill would rob one service and measure another.

use std::net::{Ipv4Addr, SocketAddr};

use shared::config::Stage;

use crate::desk::Desk;
use crate::drill::client::Connection;
use crate::failure::Failure;

/// The service under the drill.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Where it listens; always loopback.
    pub address: SocketAddr,
}

/// The service at `url`, if it and everything behind it are on this machine.
///
/// # Errors
/// They are not, or `url` is none.
pub fn only_here(desk: &Desk, url: &str) -> Result<Service, Failure> {
    let refuse = |what: &str| {
        Failure::usage(
            format!("The drill refuses: {what}."),
            "It is for a service on this machine: start one with `DASHTAM_RATE_LIMIT_SCALE=1000 cargo run`.",
        )
    };
    if desk.environment.config().stage != Stage::Local {
        return Err(refuse("DASHTAM_STAGE is not `local`"));
    }
    for name in [
        "AWS_ENDPOINT_URL_DYNAMODB",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    ] {
        let endpoint = desk.settings.get(name).and_then(loopback);
        endpoint.ok_or_else(|| refuse(&format!("{name} is not on this machine")))?;
    }
    let address = loopback(url).ok_or_else(|| refuse("--url is no http://127.0.0.1:<port>"))?;
    Ok(Service { address })
}

/// Whether the service at the address issues its tokens in the name that the settings have.
///
/// # Errors
/// It does not, or does not answer.
pub async fn is_ours(desk: &Desk, service: &Service) -> Result<(), Failure> {
    let answer = Connection::to(service.address)
        .get("/.well-known/oauth-authorization-server", None)
        .await?;
    let document = answer.json(200)?;
    let issuer = document
        .get("issuer")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    if issuer == desk.environment.config().tokens.issuer {
        return Ok(());
    }
    Err(Failure::usage(
        "The service at --url is not the one whose settings are used: it issues in another name.",
        "Name its port with --url, and its data directory with --data-dir.",
    ))
}

/// The address of an http URL on this machine without anything behind it.
fn loopback(url: &str) -> Option<SocketAddr> {
    let authority = url.strip_prefix("http://")?;
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    if let Some(port) = authority.strip_prefix("localhost:") {
        return Some((Ipv4Addr::LOCALHOST, port.parse().ok()?).into());
    }
    authority
        .parse::<SocketAddr>()
        .ok()
        .filter(|address| address.ip().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_taken() {
        for url in [
            "http://127.0.0.1:9000",
            "http://127.0.0.1:9000/",
            "http://localhost:9000",
            "http://[::1]:9000",
        ] {
            assert!(loopback(url).is_some(), "{url}");
        }
        for url in [
            "https://127.0.0.1:9000",
            "http://auth.example.com",
            "http://10.0.0.1:9000",
            "http://0.0.0.0:9000",
            "http://127.0.0.1:9000@auth.example.com",
            "http://127.0.0.1.example.com:80",
            "http://localhost.example.com:80",
            "http://127.0.0.1:9000/api",
            "127.0.0.1:9000",
            "",
        ] {
            assert!(loopback(url).is_none(), "{url}");
        }
    }
}
