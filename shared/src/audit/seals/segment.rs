//! A segment: a piece of a lane's chain, that names records and seals what they say.
//!
//! What is hashed is the segment's text itself, byte by byte, so that nobody has to rebuild it to check it.

use serde::{Deserialize, Serialize};

use crate::domain::Timestamp;
use crate::ground::digest;

/// How many chains there are. A record's partition decides its lane, so the records of a user stand in one chain and in
/// order, and sealers of different shards meet seldom.
pub const LANES: u8 = 4;
/// The most entries of a segment: at about 250 bytes each it stays well below the 400 KB of an item.
pub const MOST_ENTRIES: usize = 500;
/// What is hashed before a segment's text.
const LABEL: &str = "dashtam audit segment 1\n";
/// The form of the text, raised when it changes.
const FORMAT: u32 = 1;

/// The lane of a partition.
#[must_use]
pub fn lane_of(partition: &str) -> u8 {
    let [first, ..] = digest::sha256(partition.as_bytes());
    first % LANES
}

/// The moment that a text begins with, before the first `#`: a sort key, or a moment alone. The beginning of time for
/// anything else, which is earlier than whatever it is compared with.
#[must_use]
pub fn moment(text: &str) -> Timestamp {
    let text = text.split('#').next().unwrap_or_default();
    let read = text
        .parse::<jiff::Timestamp>()
        .map(|moment| Timestamp::from_millis(moment.as_millisecond()));
    read.unwrap_or(Timestamp::EPOCH)
}

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It was put: the only thing that ought to happen.
    Added,
    /// It was changed. An alarm.
    Changed,
    /// It was removed, and not because its time had passed. An alarm.
    Removed,
}

/// One line of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// What happened.
    pub kind: Kind,
    /// The record's partition key.
    pub pk: String,
    /// The record's sort key; begins with a moment.
    pub sk: String,
    /// The record's hash: as it was put, as it became, or as it was before its removal.
    pub hash: String,
    /// Until when it is kept, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// The stream's name for an event that is an alarm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
}

impl Entry {
    /// The moment in the key. It is the writer's; see [`moment`].
    #[must_use]
    pub fn moment(&self) -> Timestamp {
        moment(&self.sk)
    }
}

/// What a segment says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The form of the text.
    pub format: u32,
    /// The lane.
    pub lane: u8,
    /// The place in the lane, from 1.
    pub seq: u64,
    /// The hash of the segment before; empty for the first.
    pub prev: String,
    /// When it was sealed, RFC 3339. Never before the segment before.
    pub sealed_at: String,
    /// Whether the stream had lost these records, so that they were sealed after a look at the table.
    pub late: bool,
    /// Entries of the lane so far, these included.
    pub total: u64,
    /// What happened, in the order of the stream.
    pub entries: Vec<Entry>,
}

/// A segment as it is stored: the text, what it says, and its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// What the text says.
    pub body: Body,
    /// The text, as it is hashed.
    pub text: String,
    /// Its hash, SHA-256 in base64url.
    pub hash: String,
}

impl Segment {
    /// The segment that comes behind `last` in a lane.
    #[must_use]
    pub fn after(
        last: Option<&Self>,
        lane: u8,
        now: Timestamp,
        is_late: bool,
        entries: Vec<Entry>,
    ) -> Self {
        let now = now.to_string();
        let (seq, prev, total, before) = match last {
            Some(Self { body, hash, .. }) => {
                (body.seq, hash.clone(), body.total, body.sealed_at.as_str())
            }
            None => (0, String::new(), 0, ""),
        };
        let body = Body {
            format: FORMAT,
            lane,
            seq: seq + 1,
            prev,
            // Clocks of different machines differ; the look back for repetitions needs an order.
            sealed_at: before.max(now.as_str()).to_owned(),
            late: is_late,
            total: total + u64::try_from(entries.len()).unwrap_or(u64::MAX),
            entries,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        Self {
            hash: hash(&text),
            body,
            text,
        }
    }

    /// From a stored text; `None` if it is of another form. The hash is the text's, whatever was stored beside it.
    #[must_use]
    pub fn parse(text: String) -> Option<Self> {
        let body: Body = serde_json::from_str(&text)
            .ok()
            .filter(|body: &Body| body.format == FORMAT)?;
        Some(Self {
            hash: hash(&text),
            body,
            text,
        })
    }
}

/// The hash of a segment's text.
#[must_use]
pub fn hash(text: &str) -> String {
    digest::fingerprint(format!("{LABEL}{text}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u32) -> Entry {
        let sk = format!("2026-01-31T08:00:00.000Z#{number}");
        let hash = "x".repeat(43);
        Entry {
            kind: Kind::Added,
            pk: "USER#1".to_owned(),
            sk,
            hash,
            ttl: Some(1_800_000_000),
            event: None,
        }
    }

    #[test]
    fn a_chain_grows_by_hash_and_number_and_never_back_in_time() {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let first = Segment::after(None, 2, now, false, vec![entry(1), entry(2)]);
        let second = Segment::after(
            Some(&first),
            2,
            Timestamp::from_millis(1),
            true,
            vec![entry(3)],
        );
        assert_eq!(
            (first.body.seq, first.body.prev.as_str(), first.body.total),
            (1, "", 2)
        );
        assert_eq!(
            (second.body.seq, &second.body.prev, second.body.total),
            (2, &first.hash, 3)
        );
        assert_eq!(second.body.sealed_at, first.body.sealed_at);
        assert_eq!(Segment::parse(second.text.clone()), Some(second));
    }

    #[test]
    fn a_full_segment_stays_far_below_the_size_of_an_item() {
        let full = |number| Entry {
            pk: format!("USER#{}", uuid::Uuid::nil()),
            sk: format!("2026-01-31T08:00:00.000Z#{}{number}", uuid::Uuid::nil()),
            event: Some("e".repeat(32)),
            ..entry(0)
        };
        let entries = (0..u32::try_from(MOST_ENTRIES).expect("small"))
            .map(full)
            .collect();
        let segment = Segment::after(None, 0, Timestamp::EPOCH, false, entries);
        assert!(segment.text.len() < 200_000, "{}", segment.text.len());
    }

    #[test]
    fn a_key_tells_its_moment() {
        assert_eq!(entry(1).moment().to_string(), "2026-01-31T08:00:00.000Z");
        assert_eq!(moment("2026-01-31T08:00:00.000Z"), entry(1).moment());
        assert_eq!(moment("x#1"), Timestamp::EPOCH);
    }

    #[test]
    fn any_change_of_the_text_changes_the_hash() {
        let segment = Segment::after(None, 0, Timestamp::EPOCH, false, vec![entry(1)]);
        let changed = segment.text.replace("USER#1", "USER#2");
        assert_ne!(
            Segment::parse(changed).expect("of the form").hash,
            segment.hash
        );
        assert_eq!(Segment::parse("{}".to_owned()), None);
    }

    #[test]
    fn a_partition_has_one_lane_and_partitions_are_spread() {
        let lanes: std::collections::BTreeSet<_> = (0..100)
            .map(|number| lane_of(&format!("USER#{number}")))
            .collect();
        assert_eq!(lanes.len(), usize::from(LANES));
        assert_eq!(lane_of("USER#1"), lane_of("USER#1"));
    }
}
