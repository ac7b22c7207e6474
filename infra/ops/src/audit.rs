//! `ops audit`: the trail, of a user, a session, a request, of everybody, or of nobody known.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use shared::domain::{EventId, SessionId, Timestamp, UserId};
use shared::store::{Record, Step, Whose};
use uuid::Uuid;

use crate::console::{Answer, Console, or_dash, plain, table};
use crate::desk::Desk;
use crate::failure::{Exit, Failure};
use crate::moment;
use crate::options::{AuditQuery, AuditTail};

/// What a query without a beginning looks back.
const DAY: Duration = Duration::from_secs(86_400);
/// Each day of records that are no user's is sixteen queries.
const MOST_DAYS: u64 = 31;
/// A record is committed a little after the moment in it; so far a tail looks back.
const LATE: Duration = Duration::from_secs(60);
/// The most records that one look of a tail shows.
const MOST_AT_ONCE: usize = 10_000;

/// Shows records.
pub async fn query(desk: &Desk, query: &AuditQuery) -> Result<Answer, Failure> {
    let now = desk.store.now();
    let whose = match (&query.session, &query.request) {
        (Some(session), _) => Whose::Session(id("--session", session).map(SessionId::new)?),
        (_, Some(request)) => Whose::Request(id("--request", request)?),
        _ if query.all => Whose::All,
        _ => whose(desk, query.user.as_deref()).await?,
    };
    let bound = |option, text: Option<&String>| {
        text.map(|text| moment::parse(option, text, now))
            .transpose()
    };
    let to = bound("--to", query.to.as_ref())?.unwrap_or(now);
    let from = bound("--from", query.from.as_ref())?;
    let from = from.unwrap_or_else(|| {
        if is_everybodys(whose) {
            to.minus(DAY)
        } else {
            Timestamp::EPOCH
        }
    });
    if to < from {
        return Err(Failure::usage("--from is later than --to.", "Swap them."));
    }
    check_days(whose, from, to)?;
    let wanted = |record: &Record| {
        query
            .action
            .as_deref()
            .is_none_or(|action| is_action(record, action))
    };
    let most = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut records = search(
        desk,
        whose,
        &Search {
            from,
            to,
            most,
            wanted: &wanted,
        },
    )
    .await?;
    records.reverse();
    let rows: Vec<_> = records.iter().map(row).collect();
    let text = table(&TITLES, &rows);
    Ok(Answer {
        text: format!("{text}\n\n{} records", records.len()),
        document: json!({ "from": from.to_string(), "to": to.to_string(), "events": records }),
    })
}

/// Shows records as they come, until time is up or somebody presses Ctrl-C.
pub async fn tail(
    desk: &Desk,
    tail: &AuditTail,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let whose = whose(desk, tail.user.as_deref()).await?;
    let begun = Instant::now();
    let now = desk.store.now();
    let mut from = tail
        .from
        .as_ref()
        .map_or(Ok(now), |text| moment::parse("--from", text, now))?;
    check_days(whose, from, now)?;
    let mut shown = BTreeSet::new();
    let mut first = true;
    if console.is_json() {
        console.piece("[");
    }
    loop {
        let now = desk.store.now();
        let search_all = Search {
            from,
            to: now,
            most: MOST_AT_ONCE,
            wanted: &|_| true,
        };
        let mut records = search(desk, whose, &search_all).await?;
        records.reverse();
        for record in records
            .iter()
            .filter(|record| !shown.contains(&record.event_id))
        {
            let comma = if first { "\n" } else { ",\n" };
            let text = if console.is_json() {
                format!("{comma}{}", json!(record))
            } else {
                plain(&row(record).join("  ")) + "\n"
            };
            console.piece(&text);
            first = false;
        }
        // What is older than a look back will not be found again.
        shown = records.iter().map(|record| record.event_id).collect();
        from = from.max(now.minus(LATE));
        let left = tail
            .seconds
            .map(|seconds| Duration::from_secs(seconds).saturating_sub(begun.elapsed()));
        let pause = Duration::from_secs(tail.every).min(left.unwrap_or(Duration::MAX));
        if !console.is_open() || pause.is_zero() || interrupted(pause).await {
            break;
        }
    }
    if console.is_json() {
        console.piece(if first { "]\n" } else { "\n]\n" });
    }
    Ok(Exit::Done)
}

/// Whether it is looked at without knowing whose.
const fn is_everybodys(whose: Whose) -> bool {
    matches!(whose, Whose::All | Whose::Nobody)
}

/// Refuses a span that would be too many queries.
///
/// # Errors
/// It is too long.
pub fn check_days(whose: Whose, from: Timestamp, to: Timestamp) -> Result<(), Failure> {
    if !is_everybodys(whose) || to.since(from).as_secs() <= MOST_DAYS * DAY.as_secs() {
        return Ok(());
    }
    Err(Failure::usage(
        format!("Without --user, --session or --request at most {MOST_DAYS} days are looked at."),
        "Look at a shorter time, or at the records of one of them.",
    ))
}

/// Which records are looked for.
pub struct Search<'a> {
    /// The earliest moment.
    pub from: Timestamp,
    /// The latest moment.
    pub to: Timestamp,
    /// At most this many, the newest.
    pub most: usize,
    /// What else is asked of a record.
    pub wanted: &'a (dyn Fn(&Record) -> bool + Sync),
}

/// The records that are looked for, newest first.
pub async fn search(
    desk: &Desk,
    whose: Whose,
    search: &Search<'_>,
) -> Result<Vec<Record>, Failure> {
    let end = EventId::floor_at(search.to.plus(Duration::from_millis(1)));
    let mut walk = desk.store.walk(whose, search.from, end);
    let mut found: Vec<Record> = Vec::new();
    loop {
        match walk.next().await? {
            Step::End => break,
            Step::Pause if found.len() >= search.most => break,
            Step::Pause => {}
            Step::Record(record) => {
                let in_time = search.from <= record.occurred_at && record.occurred_at <= search.to;
                if in_time && (search.wanted)(&record) {
                    found.push(*record);
                }
                // Those of nobody come in no order within ten minutes.
                if found.len() >= search.most && whose != Whose::Nobody {
                    break;
                }
            }
        }
    }
    found.sort_by_key(|record| std::cmp::Reverse((record.occurred_at, record.event_id)));
    found.truncate(search.most);
    Ok(found)
}

/// An identifier on the command line.
///
/// # Errors
/// It is none.
pub fn id(option: &str, text: &str) -> Result<Uuid, Failure> {
    let id = text.parse::<SessionId>().map(SessionId::uuid);
    id.map_err(|_| Failure::usage(format!("{option} is no id."), "Ids are UUIDs with hyphens."))
}

/// Waits; whether somebody pressed Ctrl-C meanwhile.
async fn interrupted(pause: Duration) -> bool {
    tokio::select! {
        () = tokio::time::sleep(pause) => false,
        _ = tokio::signal::ctrl_c() => true,
    }
}

/// A user's records, by address or id, or those of nobody.
///
/// # Errors
/// There is no such account, or the store failed.
pub async fn whose(desk: &Desk, whom: Option<&str>) -> Result<Whose, Failure> {
    match whom {
        // Records outlive their account, so an id needs none.
        Some(whom) => match whom.parse::<UserId>() {
            Ok(id) => Ok(Whose::User(id)),
            Err(_) => Ok(Whose::User(desk.account_or_former(whom).await?)),
        },
        None => Ok(Whose::Nobody),
    }
}

fn is_action(record: &Record, action: &str) -> bool {
    record.action == action || (action.ends_with('.') && record.action.starts_with(action))
}

const TITLES: [&str; 8] = [
    "time", "action", "outcome", "user", "by", "address", "reason", "details",
];

fn row(record: &Record) -> Vec<String> {
    let operator = record
        .details
        .get("operator")
        .map(|name| format!("operator {name}"));
    let by = operator.or_else(|| record.actor_id.map(|actor| actor.to_string()));
    let details = record
        .details
        .iter()
        .filter(|(name, _)| *name != "operator");
    let details = details
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join(" ");
    vec![
        record.occurred_at.to_string(),
        record.action.clone(),
        record.outcome.clone(),
        or_dash(record.user_id),
        or_dash(by),
        or_dash(record.ip_address.as_ref()),
        or_dash(record.reason.as_ref()),
        details,
    ]
}
