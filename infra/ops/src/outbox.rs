//! `ops outbox`: mails and sweeps that were asked for and not done.

use serde_json::{Value, json};
use shared::request::Task;
use shared::store::{Errand, Row};

use crate::console::{Answer, or_dash, table};
use crate::desk::{self, Desk};
use crate::failure::Failure;
use crate::moment;
use crate::options::{Errands, OutboxCommand, OutboxRows};

static REDRIVE: Task = Task {
    action: "admin.redrive_outbox",
    name: "ops outbox redrive",
};

/// Carries the command out.
pub async fn run(desk: &Desk, command: &OutboxCommand) -> Result<Answer, Failure> {
    match command {
        OutboxCommand::List(wanted) => Ok(list(&waiting(desk, wanted).await?)),
        OutboxCommand::Redrive { rows, reason } => redrive(desk, rows, reason).await,
    }
}

const fn errand(wanted: &OutboxRows) -> Errand {
    match wanted.of {
        Errands::Mails => Errand::Mail,
        Errands::Sweeps => Errand::Sweep,
    }
}

async fn waiting(desk: &Desk, wanted: &OutboxRows) -> Result<Vec<Row>, Failure> {
    let before = moment::parse("--to", &wanted.to, desk.store.now())?;
    Ok(desk.store.rows_waiting(errand(wanted), before).await?)
}

/// No mail address: the row of an erased account has one.
fn list(rows: &[Row]) -> Answer {
    let view = |row: &Row| {
        json!({
            "id": row.id,
            "asked_at": row.created_at.to_string(),
            "mail": row.mail,
            "sweep": row.sweep,
            "user_id": row.user_id,
        })
    };
    let views: Vec<_> = rows.iter().map(view).collect();
    let text = |value: Option<&Value>| or_dash(value.and_then(Value::as_str));
    let names = ["id", "asked_at", "mail", "sweep", "user_id"];
    let lines: Vec<Vec<_>> = views
        .iter()
        .map(|view| names.map(|name| text(view.get(name))).into())
        .collect();
    let shown = table(&["row", "asked for", "mail", "sweep", "user"], &lines);
    Answer {
        text: format!("{} rows\n{shown}", rows.len()),
        document: json!({ "total_count": rows.len(), "rows": views }),
    }
}

async fn redrive(desk: &Desk, wanted: &OutboxRows, reason: &str) -> Result<Answer, Failure> {
    let reason = desk::reason(reason)?;
    let rows = waiting(desk, wanted).await?;
    if rows.is_empty() {
        let text = "Nothing waits.".to_owned();
        return Ok(Answer {
            document: json!({ "handed_on": 0, "done_meanwhile": 0 }),
            text,
        });
    }
    desk.confirm(&format!(
        "hand {} rows on once more; `ops outbox list` shows them",
        rows.len()
    ))?;
    // Before the first one, so that the trail knows of a run that does not end.
    let entry = desk
        .actor()
        .sign(desk.store.entry(&desk.meta(&REDRIVE)))
        .stated(&reason);
    desk.store.record(&entry).await?;
    let mut handed_on = 0;
    for row in &rows {
        handed_on += usize::from(desk.store.redrive(row.id, errand(wanted)).await?);
    }
    let meanwhile = rows.len() - handed_on;
    Ok(Answer {
        document: json!({ "handed_on": handed_on, "done_meanwhile": meanwhile }),
        text: format!(
            "{handed_on} rows are handed on once more; {meanwhile} were done or gone by now."
        ),
    })
}
