//! What runs behind the endpoints: the consumers of streams, and the jobs with a schedule.

use std::time::Duration;

use local_aws::LocalAws;
use local_aws::dynamodb::{Checkpoint, TableStream};
use shared::config::Config;
use shared::runtime::environment::Environment;
use shared::work::consumer::Failure;

use super::error::StackError;
use crate::consumers::{self, Consumers, DEAD_LETTER_FILE, Handlers};
use crate::data_directory::DataDirectory;
use crate::schedule::Scheduled;
use crate::sealing::{self, Sealing};

/// The queues behind the outbox.
pub(super) async fn consumers(
    environment: &Environment,
    aws: &LocalAws,
    config: &Config,
    directory: Option<&DataDirectory>,
) -> Result<Consumers<Failure>, StackError> {
    let file = |name| directory.map(|directory| directory.file(name));
    let checkpoint = Checkpoint::open(file(consumers::CHECKPOINT_FILE))?;
    let table = format!("{}outbox", config.table_prefix);
    let stream = TableStream::open(aws.database.clone(), &table, checkpoint.saved())?;
    let mailer = outbox_mailer::consumer(&environment.with_access_key("outbox-mailer")).await?;
    let sweeper = outbox_sweeper::consumer(&environment.with_access_key("outbox-sweeper")).await?;
    Ok(Consumers::new(
        stream,
        checkpoint,
        file(DEAD_LETTER_FILE),
        Handlers { mailer, sweeper },
    ))
}

/// The sealer behind the audit trail.
pub(super) async fn sealing(
    environment: &Environment,
    aws: &LocalAws,
    config: &Config,
    directory: Option<&DataDirectory>,
) -> Result<Sealing, StackError> {
    let checkpoint =
        Checkpoint::open(directory.map(|directory| directory.file(sealing::CHECKPOINT_FILE)))?;
    let table = format!("{}audit", config.table_prefix);
    let stream = TableStream::open(aws.database.clone(), &table, checkpoint.saved())?;
    Ok(Sealing::new(
        stream,
        checkpoint,
        audit_sealer::consumer(&environment.with_access_key("audit-sealer")).await?,
    ))
}

/// The jobs with the template's schedules.
pub(super) async fn scheduled(environment: &Environment) -> Result<[Scheduled; 3], StackError> {
    let (minute, day) = (Duration::from_secs(60), Duration::from_secs(86_400));
    let role = |name| environment.with_access_key(name);
    let reconciler = audit_reconciler::job(&role("audit-reconciler")).await?;
    let checkpoint = audit_checkpoint::job(&role("audit-checkpoint")).await?;
    let digests = outbox_digests::job(&role("outbox-digests")).await?;
    Ok([
        Scheduled {
            name: "audit-reconciler",
            every: day,
            job: reconciler,
        },
        Scheduled {
            name: "audit-checkpoint",
            every: minute,
            job: checkpoint,
        },
        Scheduled {
            name: "outbox-digests",
            every: 5 * minute,
            job: digests,
        },
    ])
}
