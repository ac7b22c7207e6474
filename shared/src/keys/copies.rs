//! The copies of the security record, made equal again.
//!
//! One copy is read at random by each request, and a rotation changes all of them or none. So a copy that is missing, or was
//! put back from a backup, refuses a part of all requests or takes what a rotation has outdated, and no rotation is possible
//! any more. `keys-init` repairs that, and `ops keys repair` at once.

use super::KeysError;
use crate::audit_event::{Cause, Entry};
use crate::store::{RACE_TRIES, Store};
use crate::tokens::SecurityRecord;

/// Writes every copy again that is missing or behind, from the others; how many these were. A version is never lowered.
/// `entry` makes the record of it.
///
/// # Errors
/// [`KeysError`]; running it again goes on where it stopped.
pub async fn repair(store: &Store, entry: Entry) -> Result<usize, KeysError> {
    let entry = entry.reason(Cause::SecurityCopies);
    for attempt in 0..RACE_TRIES {
        store.before_try(attempt).await;
        let read = store.security_copies().await?;
        // Without any copy the first start makes the record.
        let Some(newest) = SecurityRecord::newest(read.iter().flatten()) else {
            return Ok(0);
        };
        let wrong = read
            .iter()
            .filter(|copy| copy.as_ref() != Some(&newest))
            .count();
        let repaired = wrong == 0
            || store
                .restore_security(&read, &newest, &entry.clone().text("copies", wrong))
                .await?;
        if repaired {
            return Ok(wrong);
        }
    }
    Err(KeysError::Overtaken)
}
