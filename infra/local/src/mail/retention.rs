//! Removes captured mail whose address has no account any more.
//!
//! Deployed, mail leaves the service; here it stays, and with it the address of an account that was erased. The last mail of
//! an account says that it was erased, so messages to an address without an account are kept for a day to be read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use local_aws::address::bare_address;
use local_aws::mailbox::{Mailbox, Message};
use shared::domain::{EmailAddress, Timestamp};
use shared::store::{Store, StoreError};
use thiserror::Error;
use tokio::time::MissedTickBehavior;

/// How long a message to an address without an account is kept.
pub const ORPHAN_TTL: Duration = Duration::from_secs(86_400);
/// How often it is looked for such messages.
const INTERVAL: Duration = Duration::from_secs(3_600);

/// Why nothing, or not everything, was removed.
#[derive(Debug, Error)]
pub enum RetentionError {
    /// It is not known which addresses have an account.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file cannot be written.
    #[error("the mail file cannot be written: {0}")]
    File(#[from] std::io::Error),
}

/// Removes such messages at every tick, until `shutdown` resolves.
pub async fn run(mailbox: Mailbox, store: Store, shutdown: impl Future<Output = ()>) {
    let mut shutdown = std::pin::pin!(shutdown);
    let mut tick = tokio::time::interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            _ = tick.tick() => {
                if let Err(error) = remove_orphans(&mailbox, &store).await {
                    tracing::warn!(%error, "mail to erased addresses is kept until the next try");
                }
            }
        }
    }
}

/// Removes the messages that are older than [`ORPHAN_TTL`] and went to no address that has an account, and says how many.
pub async fn remove_orphans(mailbox: &Mailbox, store: &Store) -> Result<usize, RetentionError> {
    let newest = store.now().minus(ORPHAN_TTL);
    let is_old = |message: &Message| received_at(message).is_none_or(|received| received <= newest);
    let messages = mailbox.messages(None);
    let recipients: BTreeSet<_> = messages
        .iter()
        .filter(|message| is_old(message))
        .flat_map(|message| &message.to)
        .cloned()
        .collect();
    let mut owned = BTreeMap::new();
    for recipient in recipients {
        // What is no address here was never an account's.
        let is_owned = match EmailAddress::parse(bare_address(&recipient)) {
            Ok(email) => store.address(&email).await?.is_some(),
            Err(_) => false,
        };
        owned.insert(recipient, is_owned);
    }
    let is_orphan = |message: &Message| {
        !message
            .to
            .iter()
            .any(|to| owned.get(to).copied().unwrap_or_default())
    };
    Ok(mailbox.remove(|message| is_old(message) && is_orphan(message))?)
}

fn received_at(message: &Message) -> Option<Timestamp> {
    message
        .received_at
        .parse::<jiff::Timestamp>()
        .ok()
        .map(|time| Timestamp::from_millis(time.as_millisecond()))
}
