//! The sweeper: removes the sessions that a rotation has killed, and those of an account that is gone.
//!
//! They are dead already, whatever happens here: every use compares versions. Sweeping keeps lists short and data few.

use std::sync::Arc;

use crate::store::Store;
use crate::work::consumer::{self, Failure, Handler, row_of};

/// Sweeps sessions.
#[derive(Clone)]
pub struct Sweeper {
    store: Store,
}

impl Sweeper {
    /// A sweeper of `store`.
    #[must_use]
    pub const fn new(store: Store) -> Self {
        Self { store }
    }

    /// The sweeper as a queue's consumer.
    #[must_use]
    pub fn handler(self) -> Handler {
        Arc::new(move |body| {
            let sweeper = self.clone();
            Box::pin(async move { sweeper.sweep(&body).await })
        })
    }

    /// Removes the dead sessions of the user whom the message's row names. Repeating it does nothing more.
    ///
    /// # Errors
    /// [`Failure`] if the message comes again.
    pub async fn sweep(&self, body: &str) -> Result<(), Failure> {
        let failed = |error| Failure::because("sessions could not be swept", error);
        let Some(row) = self.store.outbox_row(row_of(body)?).await.map_err(failed)? else {
            return Ok(());
        };
        consumer::begin(&row, self.store.now());
        let Some(user_id) = row.user_id.filter(|_| row.sweep.is_some()) else {
            return Ok(());
        };
        let user = self.store.user(user_id).await.map_err(failed)?;
        let now = self.store.now();
        for session in self.store.sessions(user_id).await.map_err(failed)? {
            // Of an account that is gone no session counts, and none can begin any more.
            if !user
                .as_ref()
                .is_some_and(|user| user.level().accepts(session.user_ver, now))
            {
                self.store
                    .remove_dead_session(&session)
                    .await
                    .map_err(failed)?;
            }
        }
        Ok(())
    }
}
