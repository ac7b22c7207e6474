//! Mail addresses as SES takes them, and the identities that may send.
//!
//! The domain is in its A-label form. A display name may be anything without control characters, so no
//! address can end a header line. On one point this server takes more than SES, which has no SMTPUTF8 and
//! refuses other letters than ASCII before the `@`: whoever tries the service locally should see the mail of
//! every address that it accepts. `docs/deploying.md` says what happens when it is deployed.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::Value;

use super::identity;
use crate::protocol::ApiError;

/// A checked address, split at its `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address<'a> {
    local: &'a str,
    domain: &'a str,
}

impl<'a> Address<'a> {
    /// Parses `local@domain` or `Display Name <local@domain>`.
    pub(super) fn parse(text: &'a str) -> Result<Self, ApiError> {
        if text.chars().any(char::is_control) {
            return Err(illegal("it contains control characters"));
        }
        let text = text.trim();
        let address = match text.strip_suffix('>') {
            Some(text) => match text.rsplit_once('<') {
                Some((_, address)) => address,
                None => return Err(illegal("'>' without '<'")),
            },
            None => text,
        };
        let Some((local, domain)) = address.rsplit_once('@') else {
            return Err(illegal("missing final '@domain'"));
        };
        if local.len() > 64 || !local.split('.').all(is_atom) {
            return Err(illegal(
                "the part before the '@' is not a plain ASCII dot-atom",
            ));
        }
        if domain.len() > 255 || !domain.split('.').all(is_label) {
            return Err(illegal("the domain is not a host name in ASCII form"));
        }
        Ok(Self { local, domain })
    }
}

/// The addresses and domains that were verified for sending.
///
/// As in SES: a domain covers its subdomains and every address in them; an address covers itself and
/// its `+` variants; domains compare without case, the part before the `@` with it.
#[derive(Debug, Clone, Default)]
pub struct Identities {
    addresses: BTreeSet<(String, String)>,
    domains: BTreeSet<String>,
}

impl Identities {
    /// Each item is an address (with an `@`) or a domain.
    pub fn verified<T: AsRef<str>>(identities: impl IntoIterator<Item = T>) -> Self {
        let mut all = Self::default();
        for identity in identities {
            match identity.as_ref().rsplit_once('@') {
                Some((local, domain)) => {
                    all.addresses
                        .insert((local.to_owned(), domain.to_ascii_lowercase()));
                }
                None => {
                    all.domains.insert(identity.as_ref().to_ascii_lowercase());
                }
            }
        }
        all
    }

    /// What is known of an address or a domain; only under the very name that was verified, as in SES.
    pub(super) fn describe(&self, identity: &str) -> Result<Value, ApiError> {
        let unknown = || {
            let message = format!("Email identity {identity} does not exist.");
            ApiError::with_status(StatusCode::NOT_FOUND, "NotFoundException", message)
        };
        if let Some((local, domain)) = identity.rsplit_once('@') {
            let address = (local.to_owned(), domain.to_ascii_lowercase());
            return self
                .addresses
                .get(&address)
                .map(|_| identity::document(true))
                .ok_or_else(unknown);
        }
        if self.domains.contains(&identity.to_ascii_lowercase()) {
            Ok(identity::document(false))
        } else {
            Err(unknown())
        }
    }

    /// Refuses recipients that are not verified, as the sandbox does.
    pub(super) fn check_recipients(&self, recipients: &[String]) -> Result<(), ApiError> {
        recipients
            .iter()
            .try_for_each(|recipient| self.check(Address::parse(recipient)?))
    }

    /// Refuses an address that may not send.
    pub(super) fn check(&self, sender: Address<'_>) -> Result<(), ApiError> {
        let domain = sender.domain.to_ascii_lowercase();
        let suffixes = || {
            let after_dots = domain
                .match_indices('.')
                .filter_map(|(dot, _)| domain.get(dot + 1..));
            std::iter::once(domain.as_str()).chain(after_dots)
        };
        let base = sender
            .local
            .split_once('+')
            .map_or(sender.local, |(base, _)| base);
        let is_verified = suffixes().any(|suffix| self.domains.contains(suffix))
            || [sender.local, base]
                .into_iter()
                .any(|local| self.addresses.contains(&(local.to_owned(), domain.clone())));
        if is_verified {
            return Ok(());
        }
        Err(ApiError::new(
            "MessageRejected",
            format!(
                "Email address is not verified. The following identities failed the check in \
                 region US-EAST-1: {}@{}",
                sender.local, sender.domain
            ),
        ))
    }
}

/// An atom (RFC 5322 section 3.2.3, with the letters of RFC 6531 section 3.3).
fn is_atom(part: &str) -> bool {
    let is_atext = |byte: u8| {
        byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte) || !byte.is_ascii()
    };
    !part.is_empty() && part.bytes().all(is_atext)
}

fn is_label(part: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (1..=63).contains(&part.len()) && part.bytes().all(is_inner)
}

fn illegal(reason: &str) -> ApiError {
    ApiError::new("BadRequestException", format!("Illegal address: {reason}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(identities: &Identities, sender: &str) -> Result<(), &'static str> {
        identities
            .check(Address::parse(sender).unwrap())
            .map_err(|refusal| refusal.code())
    }

    #[test]
    fn plain_addresses_and_display_names_are_taken() {
        for text in [
            "a@example.com",
            "Ann <a.b+c@xn--e1aybc.example>",
            "Ä, B <a@b.example>",
            "<a@b>",
            "ä@example.com",
        ] {
            assert!(Address::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_ses_does_not_take_is_refused() {
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "a",
            "@example.com",
            "a@",
            "a@b..example",
            "a..b@example.com",
            "a b@example.com",
            "a@ä.example",
            "a@example.com\r\nBcc: b@example.com",
            "Ann\n <a@example.com>",
            "a@example.com, b@example.com",
            "a@example.com>",
            &long,
        ] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_domain_covers_its_subdomains_and_nothing_that_only_ends_like_it() {
        let identities = Identities::verified(["Example.com"]);
        assert_eq!(check(&identities, "a@EXAMPLE.com"), Ok(()));
        assert_eq!(check(&identities, "a@mail.example.com"), Ok(()));
        assert_eq!(
            check(&identities, "a@badexample.com"),
            Err("MessageRejected")
        );
        assert_eq!(check(&identities, "a@com"), Err("MessageRejected"));
    }

    #[test]
    fn an_address_covers_itself_and_its_plus_variants() {
        let identities = Identities::verified(["no-reply@example.com"]);
        assert_eq!(check(&identities, "Service <no-reply@Example.com>"), Ok(()));
        assert_eq!(check(&identities, "no-reply+a@example.com"), Ok(()));
        assert_eq!(
            check(&identities, "No-Reply@example.com"),
            Err("MessageRejected")
        );
        assert_eq!(
            check(&identities, "no-reply@mail.example.com"),
            Err("MessageRejected")
        );
    }
}
