//! What things are called on the AWS side of a local run.

/// What the names of the template's resources depend on.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// What the names of tables begin with.
    pub table_prefix: &'a str,
    /// What the names of secrets begin with.
    pub secret_prefix: &'a str,
    /// The plain address of the sender of all mail.
    pub sender: &'a str,
}

/// The bucket of the audit trail's archive.
pub const BUCKET: &str = "dashtam-local-audit";
/// What the key that signs the audit trail is called.
pub const KEY_ALIAS: &str = "alias/dashtam-local-audit";
