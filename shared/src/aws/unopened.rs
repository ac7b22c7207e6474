//! Where the clients of this process will call and have not called yet.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::endpoint::EndpointFuture;
use futures::FutureExt as _;

/// The addresses that clients of this process are made for and have not called yet.
#[derive(Clone, Default)]
pub(crate) struct Unopened(Arc<Mutex<BTreeSet<String>>>);

impl Unopened {
    /// Notes where a client that was just made will call; the address is its own resolver's answer.
    pub(crate) fn note(&self, endpoint: EndpointFuture<'_>) -> Option<String> {
        let url = address(endpoint)?;
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(url.clone());
        Some(url)
    }

    /// Forgets an address that has been called.
    pub(crate) fn forget(&self, url: Option<&str>) {
        if let Some(url) = url {
            self.0
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(url);
        }
    }

    /// All of them, which from now on count as called.
    pub(crate) fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A resolver's answer.
pub(crate) fn address(endpoint: EndpointFuture<'_>) -> Option<String> {
    // They compute; none of them waits.
    Some(endpoint.now_or_never()?.ok()?.url().to_owned())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint as _};

    use super::*;

    #[test]
    fn an_address_that_has_been_called_is_not_opened_again() {
        let unopened = Unopened::default();
        let note = |region: &str| {
            let place = Params::builder()
                .region(region.to_owned())
                .build()
                .expect("a place");
            unopened.note(DefaultResolver::new().resolve_endpoint(&place))
        };
        let (called, kept) = (note("eu-central-1"), note("eu-west-1"));
        unopened.forget(called.as_deref());
        assert!(called.is_some() && called != kept);
        assert_eq!(unopened.take(), kept.into_iter().collect());
        assert!(unopened.take().is_empty());
    }
}
