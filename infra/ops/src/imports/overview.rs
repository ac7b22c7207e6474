//! What a file would make of its people, for the run without `--yes`.

use std::collections::BTreeMap;

use shared::accounts::import::Newcomer;
use shared::domain::PasswordScheme;
use shared::passwords::foreign_hash::ForeignHash;

/// Counts over the lines that can be imported.
#[derive(Debug, Default)]
pub(super) struct Overview {
    accounts: u64,
    faulty: u64,
    verified: u64,
    disabled: u64,
    schemes: BTreeMap<String, u64>,
}

impl Overview {
    /// Counts a line.
    pub(super) fn count(&mut self, found: &Result<Newcomer, String>) {
        let Ok(newcomer) = found else {
            self.faulty += 1;
            return;
        };
        self.accounts += 1;
        self.verified += u64::from(newcomer.email_verified);
        self.disabled += u64::from(!newcomer.is_active);
        if let Some(hash) = newcomer.password.as_ref().map(ForeignHash::as_str) {
            *self
                .schemes
                .entry(PasswordScheme::of(hash).as_str().to_owned())
                .or_default() += 1;
        }
    }

    /// What would be done, and what is worth a second look before it is.
    pub(super) fn text(&self) -> String {
        let Self {
            accounts,
            faulty,
            verified,
            disabled,
            schemes,
        } = self;
        let with_password: u64 = schemes.values().sum();
        let kinds: Vec<_> = schemes
            .iter()
            .map(|(scheme, count)| format!("{count} {scheme}"))
            .collect();
        let kinds = if kinds.is_empty() {
            String::new()
        } else {
            format!(" ({})", kinds.join("; "))
        };
        let mut text = format!(
            "import {accounts} accounts; {faulty} lines cannot be imported. \
             Passwords: {with_password} come along{kinds}, {} accounts have none and need a reset. \
             Addresses: {verified} are verified, {} are not. Disabled: {disabled}",
            accounts - with_password,
            accounts - verified
        );
        for (is_odd, remark) in [
            (with_password == 0, "no line has a password"),
            (
                *verified == 0,
                "no address is verified: every owner has to verify it before the first login",
            ),
        ] {
            if *accounts > 0 && is_odd {
                text.extend([". Look again: ", remark]);
            }
        }
        text
    }
}
