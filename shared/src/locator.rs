//! Where a client is: as the trusted edge says, else as the `GeoIP` file knows, else unknown.

use std::net::IpAddr;
use std::sync::Arc;

use crate::domain::{GeoIp, Place};
use crate::request::RequestMeta;

/// Finds places.
#[derive(Clone, Default)]
pub struct Locator(Option<Arc<GeoIp>>);

impl Locator {
    /// A locator with a database, if there is one.
    #[must_use]
    pub fn new(database: Option<GeoIp>) -> Self {
        Self(database.map(Arc::new))
    }

    /// Where the client of a request is.
    #[must_use]
    pub fn place(&self, meta: &RequestMeta) -> Option<Place> {
        meta.place.clone().or_else(|| self.place_of(meta.client))
    }

    /// Where an address is, as the file knows.
    #[must_use]
    pub fn place_of(&self, address: IpAddr) -> Option<Place> {
        self.0.as_ref()?.lookup(address)
    }
}
