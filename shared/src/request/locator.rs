//! Where a client is: as the trusted edge says, else as the `GeoIP` file knows, else unknown.

use std::net::IpAddr;
use std::sync::Arc;

use crate::config::NetworkConfig;
use crate::domain::{GeoIp, GeoIpError, Place, Timestamp};
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

/// The database that the settings name, if any, and what the operator should know about it: one of more than a year names many
/// wrong places.
pub fn database(
    config: &NetworkConfig,
    now: Timestamp,
) -> Result<(Option<GeoIp>, Option<String>), GeoIpError> {
    let database = config.geoip_file.as_deref().map(GeoIp::open).transpose()?;
    let days = database
        .as_ref()
        .and_then(|database| database.outdated_days(now));
    let warning = |days| {
        format!(
            "DASHTAM_GEOIP_FILE is more than a year old ({days} days): replace it with a newer one"
        )
    };
    Ok((database, days.map(warning)))
}
