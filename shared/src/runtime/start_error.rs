//! Why a process does not start, or a scheduled job ends.

use dashtam_verify::SettingsError;

use crate::audit::seals::SealError;
use crate::config::ConfigError;
use crate::domain::GeoIpError;
use crate::keys::KeysError;
use crate::passwords::HashError;
use crate::store::StoreError;

/// Why a process does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings are wrong; all faults are listed.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The keys are not available.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The parameters of the password hash are impossible.
    #[error(
        "DASHTAM_ARGON2_MEMORY_KIB and DASHTAM_ARGON2_ITERATIONS are no parameters that Argon2id knows"
    )]
    Hash(#[from] HashError),
    /// The `GeoIP` file cannot be used.
    #[error("DASHTAM_GEOIP_FILE cannot be used")]
    GeoIp(#[from] GeoIpError),
    /// The audit log cannot be sealed now.
    #[error(transparent)]
    Seals(#[from] SealError),
    /// A scheduled job could not reach the tables.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Tokens cannot be checked with these settings.
    #[error(
        "DASHTAM_ISSUER, DASHTAM_AUDIENCE or DASHTAM_AUTHORIZER_STALENESS_SECONDS cannot be used"
    )]
    Verifier(#[from] SettingsError),
}
