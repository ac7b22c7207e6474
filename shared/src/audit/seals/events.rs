//! What the audit table's stream says, in the form in which Lambda hands it over. The local run hands over the same.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::segment::{Entry, Kind};
use crate::ground::digest;
use crate::store::Image;

/// Who removes items whose time has passed.
const TTL_SERVICE: (&str, &str) = ("Service", "dynamodb.amazonaws.com");

/// Something that happened to a record, ready to be sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct Sealable {
    /// What the segment says of it.
    pub entry: Entry,
    /// The record itself, for the archive.
    pub image: Image,
}

impl Sealable {
    /// A record that was put; `None` for an item without the keys of a record.
    #[must_use]
    pub fn added(image: Image) -> Option<Self> {
        Self::of(Kind::Added, image, None)
    }

    fn of(kind: Kind, image: Image, event: Option<String>) -> Option<Self> {
        let (pk, sk) = (image.text("pk")?.to_owned(), image.text("sk")?.to_owned());
        let (hash, ttl) = (digest::encode(&image.hash()), image.number("ttl"));
        Some(Self {
            entry: Entry {
                kind,
                pk,
                sk,
                hash,
                ttl,
                event,
            },
            image,
        })
    }
}

/// An event of the stream that is not of the form that the stream has.
#[derive(Debug, thiserror::Error)]
#[error("the event {0} of the audit stream is malformed")]
pub struct MalformedEvent(String);

#[derive(Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<Event>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(rename = "eventID")]
    id: String,
    #[serde(rename = "eventName")]
    name: String,
    dynamodb: Images,
    #[serde(rename = "userIdentity")]
    by: Option<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Images {
    new_image: Option<Map<String, Value>>,
    old_image: Option<Map<String, Value>>,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "type", alias = "Type")]
    kind: String,
    #[serde(rename = "principalId", alias = "PrincipalId")]
    principal: String,
}

/// What is to be sealed of a batch, in its order: everything but removals of what has expired.
///
/// # Errors
/// [`MalformedEvent`] names the first event that cannot be understood.
pub fn sealables(batch: Value) -> Result<Vec<Sealable>, MalformedEvent> {
    let batch: Batch =
        serde_json::from_value(batch).map_err(|_| MalformedEvent("batch".to_owned()))?;
    let mut found = Vec::with_capacity(batch.records.len());
    for event in batch.records {
        let id = event.id.clone();
        found.extend(read(event).ok_or(MalformedEvent(id))?);
    }
    Ok(found)
}

/// `None` for an event that cannot be understood, `Some(None)` for one that leaves nothing to be sealed.
#[expect(clippy::option_option, reason = "two answers of different kinds")]
fn read(event: Event) -> Option<Option<Sealable>> {
    let by_ttl = event
        .by
        .is_some_and(|by| (by.kind.as_str(), by.principal.as_str()) == TTL_SERVICE);
    let image = |members: Option<Map<String, Value>>| Image::from_json(&members?);
    let (kind, image) = match event.name.as_str() {
        "INSERT" => (Kind::Added, image(event.dynamodb.new_image)?),
        "MODIFY" => (Kind::Changed, image(event.dynamodb.new_image)?),
        "REMOVE" if by_ttl => return Some(None),
        "REMOVE" => (Kind::Removed, image(event.dynamodb.old_image)?),
        _ => return None,
    };
    let id = (kind != Kind::Added).then_some(event.id);
    Sealable::of(kind, image, id).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(name: &str, side: &str, by: &Value) -> Value {
        let image =
            json!({ "pk": { "S": "USER#1" }, "sk": { "S": "2026#1" }, "ttl": { "N": "7" } });
        json!({ "eventID": "e1", "eventName": name, "dynamodb": { side: image }, "userIdentity": by })
    }

    fn read_one(event: &Value) -> Result<Vec<(Kind, Option<String>)>, MalformedEvent> {
        let found = sealables(json!({ "Records": [event] }))?;
        Ok(found
            .into_iter()
            .map(|sealable| (sealable.entry.kind, sealable.entry.event))
            .collect())
    }

    #[test]
    fn only_what_ttl_removes_is_no_alarm() {
        let ttl = json!({ "type": "Service", "principalId": "dynamodb.amazonaws.com" });
        let somebody = json!({ "type": "AssumedRole", "principalId": "AROA" });
        let read = |name, side, by: &Value| read_one(&event(name, side, by)).expect("an event");
        let alarm = |kind| vec![(kind, Some("e1".to_owned()))];
        assert_eq!(
            read("INSERT", "NewImage", &Value::Null),
            [(Kind::Added, None)]
        );
        assert_eq!(read("MODIFY", "NewImage", &ttl), alarm(Kind::Changed));
        assert_eq!(read("REMOVE", "OldImage", &ttl), []);
        assert_eq!(
            read("REMOVE", "OldImage", &Value::Null),
            alarm(Kind::Removed)
        );
        assert_eq!(read("REMOVE", "OldImage", &somebody), alarm(Kind::Removed));
        let capital = json!({ "Type": "Service", "PrincipalId": "dynamodb.amazonaws.com" });
        assert_eq!(read("REMOVE", "OldImage", &capital), []);
    }

    #[test]
    fn an_event_that_cannot_be_understood_is_an_error_and_not_skipped() {
        for wrong in [
            event("INSERT", "OldImage", &Value::Null),
            event("MERGE", "NewImage", &Value::Null),
            json!({}),
        ] {
            assert!(read_one(&wrong).is_err(), "{wrong}");
        }
    }
}
