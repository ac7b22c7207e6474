//! Passwords, lockout and who may register.

use std::time::Duration;

use super::Reader;
use crate::domain::{EmailAddress, PasswordProfile};

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Anyone.
    Open,
    /// Only invited users.
    Closed,
}

/// Cost of Argon2id (RFC 9106 section 3.1) with one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2Config {
    /// `DASHTAM_ARGON2_MEMORY_KIB`.
    pub memory_kib: u32,
    /// `DASHTAM_ARGON2_ITERATIONS`.
    pub iterations: u32,
}

impl Argon2Config {
    /// The least cost that is deployed: the weakest of OWASP's equivalent choices, 7 MiB five times,
    /// and nothing that does less work than it.
    const LEAST_MEMORY_KIB: u64 = 7_168;
    const LEAST_WORK: u64 = 35_840;

    /// Whether it is enough for a deployed stage.
    #[must_use]
    pub fn is_strong(&self) -> bool {
        Self::is_deployable(
            u64::from(self.memory_kib),
            u64::from(self.memory_kib) * u64::from(self.iterations),
        )
    }

    /// Whether so much memory, in KiB, and so much work, in KiB-passes, are enough for passwords that matter.
    #[must_use]
    pub const fn is_deployable(memory_kib: u64, work: u64) -> bool {
        memory_kib >= Self::LEAST_MEMORY_KIB && work >= Self::LEAST_WORK
    }
}

/// When guessing is stopped.
#[derive(Debug, Clone, Copy)]
pub struct Lockout {
    /// `DASHTAM_LOCKOUT_THRESHOLD`: consecutive failures that lock.
    pub threshold: u64,
    /// `DASHTAM_LOCKOUT_SECONDS`.
    pub duration: Duration,
}

/// Settings of passwords and accounts.
#[derive(Debug, Clone)]
pub struct PasswordConfig {
    /// `DASHTAM_PASSWORD_PROFILE`.
    pub profile: PasswordProfile,
    /// The cost of new hashes.
    pub argon2: Argon2Config,
    /// When guessing is stopped.
    pub lockout: Lockout,
    /// `DASHTAM_REGISTRATION`.
    pub registration: Registration,
    /// `DASHTAM_ADMIN_EMAILS`.
    pub admin_emails: Vec<EmailAddress>,
}

impl PasswordConfig {
    /// Whether the owner of this address becomes an admin by verifying it. Who verifies it also sets the password, so no
    /// stranger's password ever opens an admin's account.
    #[must_use]
    pub fn makes_admin(&self, email: &EmailAddress) -> bool {
        self.admin_emails.contains(email)
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        let profiles = [
            ("nist", PasswordProfile::Nist),
            ("pci", PasswordProfile::Pci),
        ];
        Self {
            profile: reader.choice(
                "PASSWORD_PROFILE",
                ("roadmap", PasswordProfile::Roadmap),
                &profiles,
                "the rules for new passwords",
            ),
            argon2: argon2(reader),
            lockout: Lockout {
                threshold: reader.integer(
                    "LOCKOUT_THRESHOLD",
                    1..=100,
                    10,
                    "consecutive wrong passwords that lock an address",
                ),
                duration: reader.seconds(
                    "LOCKOUT_SECONDS",
                    1..=86_400,
                    3_600,
                    "how long a lock holds",
                ),
            },
            registration: reader.choice(
                "REGISTRATION",
                ("open", Registration::Open),
                &[("closed", Registration::Closed)],
                "whether anyone may register, or only invited users",
            ),
            admin_emails: reader.list(
                "ADMIN_EMAILS",
                "email addresses",
                "these users are admins once their address is verified",
                |text| EmailAddress::parse(text).ok(),
            ),
        }
    }
}

fn argon2(reader: &mut Reader<'_>) -> Argon2Config {
    let memory = reader.integer(
        "ARGON2_MEMORY_KIB",
        8..=1_048_576,
        19_456,
        "memory of one password hash; at least 7168 where it is deployed",
    );
    let iterations = reader.integer(
        "ARGON2_ITERATIONS",
        1..=100,
        2,
        "passes of one password hash; memory times passes at least 35840 where it is deployed",
    );
    Argon2Config {
        memory_kib: u32::try_from(memory).unwrap_or(u32::MAX),
        iterations: u32::try_from(iterations).unwrap_or(u32::MAX),
    }
}
