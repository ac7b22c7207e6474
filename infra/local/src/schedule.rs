//! The jobs that the template has run on a schedule, beside those of the keys.

use std::time::Duration;

use shared::ground::error_chain;
use shared::runtime::environment::StartError;
use shared::runtime::lambda::Job;
use tokio::time::MissedTickBehavior;

/// A job and how often it is run.
pub struct Scheduled {
    /// The function.
    pub name: &'static str,
    /// How often.
    pub every: Duration,
    /// What is run.
    pub job: Job,
}

impl Scheduled {
    /// Runs the job now and then as often as it says, until `shutdown` resolves. A failure is logged and the next run
    /// comes as ever.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut tick = tokio::time::interval(self.every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                _ = tick.tick() => self.once().await,
            }
        }
    }

    async fn once(&self) {
        let done: Result<(), StartError> = (self.job)().await;
        if let Err(error) = done {
            tracing::warn!(
                job = self.name,
                error = error_chain(&error),
                "a job failed and is run again at its time"
            );
        }
    }
}
