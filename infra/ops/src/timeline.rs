//! `ops audit timeline`: what happened to a user, in a session or in a request, as a story.
//!
//! To a user's own records come those that stand elsewhere: what was done to everybody in that time, and what nobody known did
//! in the same requests and sessions, or from the same clients at a locked address.

use std::collections::BTreeSet;

use serde_json::json;
use shared::domain::{SessionId, UserId};
use shared::store::{Record, Whose};

use crate::audit::{Search, check_days, id, search, whose};
use crate::console::Answer;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::moment;
use crate::names::Names;
use crate::options::AuditTimeline;
use crate::story;

/// The most records of one kind that a story is made of.
const MOST: usize = 10_000;

/// Tells it.
pub async fn tell(desk: &Desk, wanted: &AuditTimeline) -> Result<Answer, Failure> {
    let now = desk.store.now();
    let to = wanted
        .to
        .as_ref()
        .map_or(Ok(now), |text| moment::parse("--to", text, now))?;
    let from = moment::parse("--from", &wanted.from, now)?;
    if to < from {
        return Err(Failure::usage("--from is later than --to.", "Swap them."));
    }
    let of = match (&wanted.session, &wanted.request) {
        (Some(session), _) => Whose::Session(SessionId::new(id("--session", session)?)),
        (_, Some(request)) => Whose::Request(id("--request", request)?),
        _ => whose(desk, wanted.user.as_deref()).await?,
    };
    check_days(Whose::Nobody, from, to)?;
    let mut records = search(
        desk,
        of,
        &Search {
            from,
            to,
            most: MOST,
            wanted: &|_| true,
        },
    )
    .await?;
    let begun = records
        .iter()
        .map(|record| record.occurred_at)
        .min()
        .unwrap_or(to);
    if let Whose::Session(session) = of {
        for owner in users(&records) {
            let wanted = |record: &Record| ends(record, session);
            let endings = Search {
                from: begun,
                to,
                most: MOST,
                wanted: &wanted,
            };
            records.extend(search(desk, Whose::User(owner), &endings).await?);
        }
    }
    if !matches!(of, Whose::Request(_)) && !records.is_empty() {
        let around = Around::of(&records);
        let wanted = |record: &Record| around.concerns(record);
        let meanwhile = Search {
            from: begun,
            to,
            most: MOST,
            wanted: &wanted,
        };
        records.extend(search(desk, Whose::Nobody, &meanwhile).await?);
    }
    records.sort_by_key(|record| (record.occurred_at, record.event_id));
    records.dedup_by_key(|record| record.event_id);
    answer(desk, &records).await
}

/// What a story holds so far, to know what else belongs to it.
struct Around {
    sessions: BTreeSet<SessionId>,
    requests: BTreeSet<uuid::Uuid>,
    clients: BTreeSet<String>,
}

impl Around {
    fn of(records: &[Record]) -> Self {
        Self {
            sessions: records
                .iter()
                .filter_map(|record| record.session_id)
                .collect(),
            requests: records.iter().map(|record| record.request_id).collect(),
            clients: records
                .iter()
                .filter_map(|record| record.fingerprint.clone())
                .collect(),
        }
    }

    fn concerns(&self, record: &Record) -> bool {
        let of_all = record.user_id.is_none()
            && record.outcome == "success"
            && ["admin.rotate_", "keys."]
                .iter()
                .any(|action| record.action.starts_with(action));
        let of_client = record.reason.as_deref() == Some("locked")
            && record
                .fingerprint
                .as_ref()
                .is_some_and(|client| self.clients.contains(client));
        of_all
            || of_client
            || self.requests.contains(&record.request_id)
            || record
                .session_id
                .is_some_and(|session| self.sessions.contains(&session))
    }
}

/// Whether a record of the owner tells of the end of all sessions, this one included.
fn ends(record: &Record, session: SessionId) -> bool {
    const ENDINGS: [&str; 8] = [
        "admin.rotate_tokens",
        "admin.disable_user",
        "auth.change_password",
        "auth.reset_password",
        "auth.secure_account",
        "auth.verify_email",
        "sessions.revoke_all",
        "sessions.revoke_others",
    ];
    record.session_id != Some(session)
        && record.outcome == "success"
        && ENDINGS.contains(&record.action.as_str())
}

fn users(records: &[Record]) -> BTreeSet<UserId> {
    records.iter().filter_map(|record| record.user_id).collect()
}

async fn answer(desk: &Desk, records: &[Record]) -> Result<Answer, Failure> {
    let names = names(desk, records).await?;
    let passages = story::passages(records, &names);
    let lines: Vec<_> = passages
        .iter()
        .map(|passage| {
            let ids: Vec<_> = passage.records.iter().map(|record| record.event_id).collect();
            json!({ "time": passage.first.occurred_at.to_string(), "text": passage.text, "event_ids": ids })
        })
        .collect();
    let text = if records.is_empty() {
        "There are no records.".to_owned()
    } else {
        story::told(&passages, &names)
    };
    Ok(Answer {
        text,
        document: json!({ "story": lines, "events": records }),
    })
}

/// The addresses of the accounts in the story at its time and now, and its sessions in their order.
async fn names(desk: &Desk, records: &[Record]) -> Result<Names, Failure> {
    let (mut names, now) = (Names::default(), desk.store.now());
    let from = records.first().map_or(now, |record| record.occurred_at);
    let is_move = |record: &Record| record.outcome == "success" && is_move(record);
    // Later moves than those of the story say which address the account had in it.
    let to = records
        .last()
        .map_or(now, |record| record.occurred_at.max(now));
    let moves = Search {
        from,
        to,
        most: MOST,
        wanted: &is_move,
    };
    for id in records
        .iter()
        .flat_map(|record| [record.user_id, record.actor_id])
        .flatten()
        .collect::<BTreeSet<_>>()
    {
        let Some(user) = desk.store.user(id).await? else {
            continue;
        };
        names.add_user(id, &user.email);
        if let Some(pending) = &user.pending_email {
            names.add_email(pending);
        }
        for claim in user.claims(now) {
            if let Some(former) = desk.store.former_address(id, claim).await? {
                names.add_email(&former);
            }
        }
        for record in search(desk, Whose::User(id), &moves).await?.iter().rev() {
            names.add_move(record);
        }
    }
    for record in records {
        names.number(record);
    }
    Ok(names)
}

/// Whether the account has another address since this record.
fn is_move(record: &Record) -> bool {
    matches!(
        record.reason.as_deref(),
        Some("address_changed" | "address_taken_back")
    )
}
