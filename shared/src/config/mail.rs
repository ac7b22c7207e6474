//! Mail and what it links to.

use std::time::Duration;

use super::Reader;
use super::tokens::own_url;
use crate::domain::EmailAddress;

/// Settings of mail.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// `DASHTAM_APP_BASE_URL`: where the pages that mail links to are served.
    pub app_base_url: String,
    /// `DASHTAM_MAIL_FROM`: the sender.
    pub from: String,
    /// `DASHTAM_VERIFICATION_TTL_SECONDS`.
    pub verification_ttl: Duration,
    /// `DASHTAM_RESET_TTL_SECONDS`.
    pub reset_ttl: Duration,
    /// `DASHTAM_REGISTRATION_TTL_SECONDS`: an address that is not verified within it is free again.
    pub registration_ttl: Duration,
    /// `DASHTAM_INVITATION_TTL_SECONDS`.
    pub invitation_ttl: Duration,
    /// `DASHTAM_NOTICE_TTL_SECONDS`: life of a "this wasn't me" link, and how long a changed address can be taken back.
    pub notice_ttl: Duration,
}

impl MailConfig {
    /// The path of the base address: where a gateway serves the API below a prefix. Empty without one.
    #[must_use]
    pub fn base_path(&self) -> &str {
        let (_, rest) = self.app_base_url.split_once("://").unwrap_or_default();
        rest.find('/')
            .and_then(|start| rest.get(start..))
            .unwrap_or_default()
            .trim_end_matches('/')
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let base = own_url(
            reader,
            "APP_BASE_URL",
            "where the pages that mail links to are served; https where the stage is prod",
        );
        let from = reader.parsed(
            "MAIL_FROM",
            "one email address, also as `Name <name@example.com>`",
            "Dashtam <no-reply@dashtam.example>",
            "the sender of every mail",
            sender,
        );
        Self {
            app_base_url: base,
            from: from.unwrap_or_default(),
            verification_ttl: reader.seconds(
                "VERIFICATION_TTL_SECONDS",
                60..=604_800,
                86_400,
                "life of a verification link from the sending of the mail",
            ),
            reset_ttl: reader.seconds(
                "RESET_TTL_SECONDS",
                60..=86_400,
                900,
                "life of a reset link from the sending of the mail",
            ),
            registration_ttl: reader.seconds(
                "REGISTRATION_TTL_SECONDS",
                3_600..=2_419_200,
                604_800,
                "how long a registration waits for its address to be verified; then the address is free again",
            ),
            invitation_ttl: reader.seconds(
                "INVITATION_TTL_SECONDS",
                3_600..=2_419_200,
                604_800,
                "life of an invitation",
            ),
            notice_ttl: reader.seconds(
                "NOTICE_TTL_SECONDS",
                // A notice may wait an hour for a digest, and its link must work when it arrives.
                7_200..=2_419_200,
                604_800,
                "life of a \"this wasn't me\" link from what it tells of, and how long a changed address can be taken back",
            ),
        }
    }
}

/// A mailbox (RFC 5322 section 3.4) of the plain kind. A control character in its name could end the header's line.
fn sender(text: &str) -> Option<String> {
    let address = text.strip_suffix('>').map_or(Some(text), |text| {
        text.rsplit_once('<').map(|(_, address)| address)
    })?;
    let is_plain = !text.chars().any(char::is_control) && EmailAddress::parse(address).is_ok();
    is_plain.then(|| text.to_owned())
}
