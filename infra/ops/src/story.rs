//! An audit record as a sentence, and records as a story: who did what, from where, with which device, and what came of it.
//! Records that read alike are one line, with their number.

use std::fmt::Write as _;

use shared::domain::Device;
use shared::store::Record;

use crate::console::plain;
use crate::names::Names;
use crate::words::{attempt, consequence, deed, is_worded, why};

/// Records that read alike, told in one sentence.
pub struct Passage<'a> {
    /// The first of them.
    pub first: &'a Record,
    /// All of them.
    pub records: Vec<&'a Record>,
    /// The sentence.
    pub text: String,
}

/// The story of `records`, oldest first.
#[must_use]
pub fn passages<'a>(records: &'a [Record], names: &Names) -> Vec<Passage<'a>> {
    let mut passages: Vec<Passage<'a>> = Vec::new();
    for record in records {
        let text = plain(&sentence(record, names));
        match passages.last_mut().filter(|last| last.text == text) {
            Some(last) => last.records.push(record),
            None => passages.push(Passage {
                first: record,
                records: vec![record],
                text,
            }),
        }
    }
    passages
}

/// The story as text: a heading for each day, a line for each passage, and the sessions by their numbers.
#[must_use]
pub fn told(passages: &[Passage<'_>], names: &Names) -> String {
    let (mut text, mut day) = (String::new(), String::new());
    for passage in passages {
        let moment = passage.first.occurred_at.to_string();
        let (date, time) = moment.split_once('T').unwrap_or((&moment, ""));
        if date != day {
            date.clone_into(&mut day);
            let _ = writeln!(text, "\n{date} (UTC)");
        }
        let times = match passage.records.as_slice() {
            [_, .., last] => format!(
                " ({} times, the last at {})",
                passage.records.len(),
                last.occurred_at
            ),
            _ => String::new(),
        };
        let _ = writeln!(
            text,
            "  {}  {}{times}",
            time.trim_end_matches('Z'),
            passage.text
        );
    }
    text.push_str(&names.legend());
    text.trim_start().to_owned()
}

/// One record as a sentence.
#[must_use]
pub fn sentence(record: &Record, names: &Names) -> String {
    let refused = record.outcome == "refused";
    let what = if refused {
        attempt(record, names)
    } else {
        deed(record, names)
    };
    let mut text = format!("{} {what}", who(record, names));
    let is_foreign = record.actor_id.is_some() && record.actor_id != record.user_id;
    let by_operator = record.details.contains_key("operator");
    if let Some(user) = record.user_id.filter(|_| is_foreign || by_operator) {
        let _ = write!(text, " [{}]", names.user(user, record.occurred_at));
    }
    if refused {
        let _ = write!(text, "; refused: {}", why(record));
    } else if let Some(reason) = record.reason.as_deref().and_then(consequence) {
        let _ = write!(text, ": {reason}");
    }
    for (name, value) in record
        .details
        .iter()
        .filter(|(name, value)| !is_worded(name, value))
    {
        let _ = write!(text, ", {} {value}", name.replace('_', " "));
    }
    if let Some(session) = record.session_id.filter(|_| !is_foreign) {
        let _ = write!(text, ", in {}", names.session(session));
    }
    let from = record
        .ip_address
        .as_deref()
        .filter(|_| record.method != "TASK");
    if let Some(address) = from {
        let device = Device::from_user_agent(record.user_agent.as_deref().unwrap_or_default());
        let _ = write!(text, "; from {address} with {}", device.name);
    }
    text
}

fn who(record: &Record, names: &Names) -> String {
    if let Some(operator) = record.details.get("operator") {
        return format!("The operator {operator}");
    }
    let name = |user| names.user(user, record.occurred_at);
    match (record.actor_id, record.user_id) {
        (Some(actor), user) if Some(actor) != user || record.action.starts_with("admin.") => {
            format!("The admin {}", name(actor))
        }
        (Some(actor), _) => name(actor),
        (None, Some(user)) => format!(
            "Someone (account {})",
            name(user).trim_start_matches("account ")
        ),
        (None, None) if record.method == "TASK" => format!("The job {}", record.endpoint),
        (None, None) => "Someone".to_owned(),
    }
}
