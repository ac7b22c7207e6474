//! How the store fails. `Display` never repeats the source; the log walks the chain.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};

/// A failed operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store did not answer, answered too late, or is throttled. The operation may be tried again.
    #[error("the store is unavailable for {operation}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// What the client said.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// Others kept changing the same items. The operation may be tried again.
    #[error("too much contention in {operation}")]
    Contended {
        /// What was tried.
        operation: &'static str,
    },
    /// The store refused the request itself: a fault of this service or of its rights.
    #[error("the store refused {operation}")]
    Refused {
        /// What was tried.
        operation: &'static str,
        /// What the client said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An item has a shape that only a newer release knows. It is left alone; that release reads it.
    #[error(
        "an item read by {operation} is of schema version {found}, and this release reads up to {known}: deploy the newer release again"
    )]
    Newer {
        /// What was tried.
        operation: &'static str,
        /// The version of the item.
        found: u32,
        /// The newest version that this code reads.
        known: u32,
    },
    /// An item is not of the shape that this code writes.
    #[error("an item read by {operation} is corrupt")]
    Corrupt {
        /// What was tried.
        operation: &'static str,
        /// What did not fit.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
}

impl StoreError {
    /// Sorts a client's error into what may be retried and what may not.
    pub(super) fn from_sdk<E>(operation: &'static str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        if is_retryable(&error) {
            return Self::Unavailable {
                operation,
                source: Some(Box::new(error)),
            };
        }
        Self::Refused {
            operation,
            source: Box::new(error),
        }
    }

    /// An item that could not be read.
    pub(super) fn corrupt(
        operation: &'static str,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self::Corrupt {
            operation,
            source: Some(Box::new(source)),
        }
    }
}

fn is_retryable<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    const TEMPORARY: [&str; 8] = [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "LimitExceededException",
        "InternalServerError",
        "TransactionInProgressException",
        "TransactionConflictException",
        "ServiceUnavailable",
    ];
    match error {
        SdkError::ServiceError(context) => {
            let code = context.err().code().unwrap_or_default();
            TEMPORARY.contains(&code) || context.raw().status().is_server_error()
        }
        SdkError::ConstructionFailure(_) => false,
        _ => true,
    }
}
