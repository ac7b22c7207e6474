//! `ops audit`: the trail. A user's records stand in the user's partition; those of the service as a whole, of nobody
//! known, and refusals that are recorded once in ten minutes stand in the sixteen partitions of their day.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use shared::domain::{Timestamp, UserId};
use shared::store::{Record, Search};

use crate::console::{Answer, Console, or_dash, table};
use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::moment;
use crate::options::{AuditQuery, AuditTail};

/// What a query without a beginning looks back.
const DAY: Duration = Duration::from_secs(86_400);
/// Each day is sixteen queries.
const MOST_DAYS: u64 = 31;
/// A record is committed a little after the moment in it; so far a tail looks back.
const LATE: Duration = Duration::from_secs(60);
/// The most records that one look of a tail shows.
const MOST_AT_ONCE: usize = 10_000;

/// Shows records.
///
/// # Errors
/// [`Failure`].
pub async fn query(desk: &Desk, query: &AuditQuery) -> Result<Answer, Failure> {
    let now = desk.store.now();
    let user = whose(desk, query.user.as_deref()).await?;
    let bound = |option, text: Option<&String>| text.map(|text| moment::parse(option, text, now)).transpose();
    let to = bound("--to", query.to.as_ref())?.unwrap_or(now);
    let from = bound("--from", query.from.as_ref())?;
    let from = from.unwrap_or_else(|| if user.is_some() { Timestamp::EPOCH } else { to.minus(DAY) });
    if to < from {
        return Err(Failure::usage("--from is later than --to.", "Swap them."));
    }
    check_days(user, from, to)?;
    let wanted = |record: &Record| query.action.as_deref().is_none_or(|action| is_action(record, action));
    let most = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut records = search(desk, user, &Search { from, to, most, wanted: &wanted }).await?;
    records.reverse();
    let rows: Vec<_> = records.iter().map(row).collect();
    let text = table(&TITLES, &rows);
    Ok(Answer {
        text: format!("{text}\n\n{} records", records.len()),
        document: json!({ "from": from.to_string(), "to": to.to_string(), "events": records }),
    })
}

/// Shows records as they come, until time is up or somebody presses Ctrl-C.
///
/// # Errors
/// [`Failure`].
pub async fn tail(desk: &Desk, tail: &AuditTail, console: &mut Console<'_>) -> Result<Exit, Failure> {
    let user = whose(desk, tail.user.as_deref()).await?;
    let begun = Instant::now();
    let now = desk.store.now();
    let mut from = tail.from.as_ref().map_or(Ok(now), |text| moment::parse("--from", text, now))?;
    check_days(user, from, now)?;
    let mut shown = BTreeSet::new();
    let mut first = true;
    if console.is_json() {
        console.piece("[");
    }
    loop {
        let now = desk.store.now();
        let search_all = Search { from, to: now, most: MOST_AT_ONCE, wanted: &|_| true };
        let mut records = search(desk, user, &search_all).await?;
        records.reverse();
        for record in records.iter().filter(|record| !shown.contains(&record.event_id)) {
            let comma = if first { "\n" } else { ",\n" };
            let text =
                if console.is_json() { format!("{comma}{}", json!(record)) } else { row(record).join("  ") + "\n" };
            console.piece(&text);
            first = false;
        }
        // What is older than a look back will not be found again.
        shown = records.iter().map(|record| record.event_id).collect();
        from = from.max(now.minus(LATE));
        let left = tail.seconds.map(|seconds| Duration::from_secs(seconds).saturating_sub(begun.elapsed()));
        let pause = Duration::from_secs(tail.every).min(left.unwrap_or(Duration::MAX));
        if pause.is_zero() || interrupted(pause).await {
            break;
        }
    }
    if console.is_json() {
        console.piece(if first { "]\n" } else { "\n]\n" });
    }
    Ok(Exit::Done)
}

fn check_days(user: Option<UserId>, from: Timestamp, to: Timestamp) -> Result<(), Failure> {
    if user.is_some() || to.since(from).as_secs() <= MOST_DAYS * DAY.as_secs() {
        return Ok(());
    }
    Err(Failure::usage(
        format!("Without --user at most {MOST_DAYS} days are looked at."),
        "Look at a shorter time, or at one user's records.",
    ))
}

/// The records of a user, or of nobody, newest first.
///
/// # Errors
/// [`Failure`].
pub async fn search(desk: &Desk, user: Option<UserId>, search: &Search<'_>) -> Result<Vec<Record>, Failure> {
    Ok(match user {
        Some(user) => desk.store.records_of_user(user, search).await?,
        None => desk.store.records_of_nobody(search).await?,
    })
}

/// Waits; whether somebody pressed Ctrl-C meanwhile.
async fn interrupted(pause: Duration) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => false,
        _ = tokio::signal::ctrl_c() => true,
    }
}

/// The user whose records are meant; `None` for nobody's.
///
/// # Errors
/// There is no such account, or the store failed.
pub async fn whose(desk: &Desk, whom: Option<&str>) -> Result<Option<UserId>, Failure> {
    match whom {
        // Records outlive their account, so an id needs none.
        Some(whom) if !whom.contains('@') && whom.parse::<UserId>().is_ok() => Ok(whom.parse().ok()),
        Some(whom) => Ok(Some(desk.account(whom).await?.id)),
        None => Ok(None),
    }
}

fn is_action(record: &Record, action: &str) -> bool {
    record.action == action || (action.ends_with('.') && record.action.starts_with(action))
}

const TITLES: [&str; 8] = ["time", "action", "outcome", "user", "by", "address", "reason", "details"];

fn row(record: &Record) -> Vec<String> {
    let operator = record.details.get("operator").map(|name| format!("operator {name}"));
    let by = operator.or_else(|| record.actor_id.map(|actor| actor.to_string()));
    let details = record.details.iter().filter(|(name, _)| *name != "operator");
    let details = details.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ");
    vec![
        record.occurred_at.to_string(),
        record.action.clone(),
        record.outcome.clone(),
        or_dash(record.user_id),
        or_dash(by),
        record.ip_address.clone(),
        or_dash(record.reason.as_ref()),
        details,
    ]
}
