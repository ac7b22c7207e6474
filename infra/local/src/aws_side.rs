//! The AWS side of a local run: what [`local_aws`] is made from.
//!
//! It is told everything that has a name of ours: the template's tables, secrets and policies, the bucket and the key of the
//! audit trail, and the service's clock and randomness.

use std::sync::Arc;

use local_aws::Parts;
use local_aws::iam::Rights;
use shared::clock::Clock;
use shared::ground::entropy::Entropy;

use crate::names::{BUCKET, KEY_ALIAS, Names};
use crate::template::Template;

/// What [`local_aws::LocalAws`] is made from by the template, in memory.
#[must_use]
pub fn parts<'a>(
    template: &'a Template,
    names: Names<'a>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    rights: Rights,
) -> Parts<'a> {
    Parts {
        directory: None,
        last: None,
        tables: &template.tables,
        table_prefix: names.table_prefix,
        secrets: &template.secrets,
        secret_prefix: names.secret_prefix,
        bucket: BUCKET,
        key_alias: KEY_ALIAS,
        sender: names.sender,
        clock: self::clock(clock),
        entropy: self::entropy(entropy),
        rights,
    }
}

/// The service's clock.
pub fn clock(clock: Arc<dyn Clock>) -> local_aws::Clock {
    local_aws::Clock::new(move || {
        jiff::Timestamp::from_millisecond(clock.now().as_millis()).unwrap_or(jiff::Timestamp::MAX)
    })
}

/// The service's randomness.
pub fn entropy(entropy: Arc<dyn Entropy>) -> local_aws::Entropy {
    local_aws::Entropy::new(move |buffer| entropy.fill(buffer))
}
