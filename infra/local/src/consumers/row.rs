//! A row of the outbox, as the pipes see it.

use dynoxide::AttributeValue;
use dynoxide::actions::get_records::Record;
use local_aws::dynamodb::Sequence;

/// What the pipes look at in a record: the template's filters say which row goes where, and this says the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Its place.
    pub(super) sequence: Sequence,
    /// The row's key, if the row is new or is handed on once more.
    pub(super) handed_on: Option<String>,
    /// Whether it asks for a mail.
    pub(super) mail: bool,
    /// Whether it asks for a sweep of sessions.
    pub(super) sweep: bool,
}

impl Row {
    /// Reads a record.
    pub(super) fn read((sequence, record): (Sequence, Record)) -> Self {
        let (is_new, is_changed) = (record.event_name == "INSERT", record.event_name == "MODIFY");
        let image = record.dynamodb.new_image;
        let image = image
            .filter(|image| is_new || is_changed && image.contains_key("redriven_at"))
            .unwrap_or_default();
        let handed_on = match image.get("pk") {
            Some(AttributeValue::S(key)) => Some(key.clone()),
            _ => None,
        };
        Self {
            sequence,
            handed_on,
            mail: image.contains_key("mail"),
            sweep: image.contains_key("sweep"),
        }
    }
}
