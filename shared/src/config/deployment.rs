//! Where the service runs, and what its tables, secrets and log lines are like there.

use super::Reader;

/// Where the service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// On a laptop, against the local AWS side.
    Local,
    /// Deployed for developers.
    Dev,
    /// Deployed for rehearsals.
    Staging,
    /// Deployed for users.
    Prod,
}

impl Stage {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Prod => "prod",
        }
    }
}

/// The least level of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// What failed.
    Error,
    /// What may fail next.
    Warn,
    /// Each request.
    Info,
    /// Each step.
    Debug,
}

/// The longest prefix of names: the rest of a table's name fits behind it into the 255 characters of `DynamoDB`.
const LONGEST_PREFIX: usize = 200;

/// `DASHTAM_STAGE`.
pub(super) fn stage(reader: &mut Reader<'_>) -> Stage {
    let named = |stage: Stage| (stage.name(), stage);
    let deployed = [Stage::Dev, Stage::Staging, Stage::Prod].map(named);
    reader.choice(
        "STAGE",
        named(Stage::Local),
        &deployed,
        "where the service runs",
    )
}

/// `DASHTAM_LOG`. Entry points start to log by the same variable before there is a configuration, so that what is wrong
/// with it can be logged.
pub(super) fn log_level(reader: &mut Reader<'_>) -> LogLevel {
    let others = [
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("debug", LogLevel::Debug),
    ];
    reader.choice(
        "LOG",
        ("info", LogLevel::Info),
        &others,
        "least level of the log lines; `cargo run` begins at `warn`",
    )
}

/// `DASHTAM_TABLE_PREFIX`.
pub(super) fn table_prefix(reader: &mut Reader<'_>) -> String {
    let values = "up to 200 letters, digits, `.`, `_` and `-`";
    let prefix = reader.parsed(
        "TABLE_PREFIX",
        values,
        "dashtam-local-",
        "what the names of the tables begin with",
        |text| prefix(text, "._-"),
    );
    prefix.unwrap_or_default()
}

/// `DASHTAM_SECRET_PREFIX`.
pub(super) fn secret_prefix(reader: &mut Reader<'_>) -> String {
    let values = "up to 200 letters, digits and `/_+=.@-`";
    let prefix = reader.parsed(
        "SECRET_PREFIX",
        values,
        "dashtam-local/",
        "what the names of the secrets begin with",
        |text| prefix(text, "/_+=.@-"),
    );
    prefix.unwrap_or_default()
}

/// The characters that AWS takes in such names.
fn prefix(text: &str, marks: &str) -> Option<String> {
    let fits = text.len() <= LONGEST_PREFIX
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || marks.contains(c));
    fits.then(|| text.to_owned())
}
