//! Whose tables and secrets: the local run's, by the file that it writes at each start, or a deployment's, by the
//! environment of this process.
//!
//! The two never mix. Against the local run nothing is taken from the environment, so credentials of a real account that
//! lie around there are never used; against a deployment nothing has a default that could mean another stack's tables.

use std::path::{Path, PathBuf};

use dashtam_local::data_directory::DataDirectory;
use shared::config::{PREFIX, Settings};

use crate::failure::Failure;
use crate::options::Common;

/// What the local run writes into its data directory.
const FILE: &str = "lambda.env";
/// What a deployment's settings cannot do without.
const WANTED: [&str; 6] = [
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "DASHTAM_TABLE_PREFIX",
    "DASHTAM_SECRET_PREFIX",
    "DASHTAM_ISSUER",
];

/// The settings to work with.
///
/// # Errors
/// They are missing or unreadable.
pub fn settings(common: &Common, process: &Settings) -> Result<Settings, Failure> {
    if common.aws {
        deployment(process)
    } else {
        from_file(common)
    }
}

/// The settings to check, and what a deployment lacks of its own. Nothing is called, so it takes no credentials.
///
/// # Errors
/// The file of settings is unreadable.
pub fn settings_to_check(
    common: &Common,
    process: &Settings,
) -> Result<(Settings, Vec<String>), Failure> {
    if !common.aws {
        return Ok((from_file(common)?, Vec::new()));
    }
    let own = missing(process)
        .into_iter()
        .filter(|name| name.starts_with(PREFIX));
    let faults = own
        .map(|name| format!("{name} is missing; without it the local run's would be meant"))
        .collect();
    Ok((process.clone(), faults))
}

fn from_file(common: &Common) -> Result<Settings, Failure> {
    let file = common
        .env_file
        .clone()
        .unwrap_or_else(|| common.data_dir.join(FILE));
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    // An explicit file anywhere else is taken as it is: it may name a deployment's settings.
    if (common.env_file.is_none() && file.exists()) || DataDirectory::is_one(folder) {
        belongs_to_a_running_service(folder)?;
    }
    let text = std::fs::read_to_string(&file).map_err(|error| no_file(&file, &error))?;
    parse(&text).map_err(|line| {
        Failure::usage(
            format!("Line {line} of {} is no NAME=value.", file.display()),
            "Start `cargo run` again to have it written anew, or name another file with --env-file.",
        )
    })
}

/// Refuses the settings of a data directory on which nothing runs. The ports in a copied directory are those of the running
/// original, so a command on the copy would change the original.
fn belongs_to_a_running_service(folder: &Path) -> Result<(), Failure> {
    let what = match DataDirectory::is_in_use(folder) {
        Ok(true) => return Ok(()),
        Ok(false) => {
            format!(
                "No local run uses {}, so the ports in its {FILE} may be those of another one.",
                folder.display()
            )
        }
        Err(error) => format!(
            "It is not known whether a local run uses {}: {error}.",
            folder.display()
        ),
    };
    let start = format!(
        "Start one on it first: `cargo run -- --port 0 --data-dir {}`.",
        folder.display()
    );
    Err(Failure::usage(what, start))
}

fn no_file(file: &Path, error: &std::io::Error) -> Failure {
    let file: PathBuf = file.to_owned();
    Failure::usage(
        format!("{} cannot be read: {error}.", file.display()),
        "Start the local run with `cargo run` in the same folder, name its --data-dir (a run --in-memory has none), or use --aws for a deployment.",
    )
}

fn deployment(process: &Settings) -> Result<Settings, Failure> {
    let missing = missing(process);
    if missing.is_empty() {
        return Ok(process.clone());
    }
    Err(Failure::usage(
        format!(
            "--aws wants these in the environment: {}.",
            missing.join(", ")
        ),
        "`eval \"$(aws configure export-credentials --format env)\"` gives the credentials; the DASHTAM_* settings are those of the stack's functions. See docs/operations.md.",
    ))
}

fn missing(process: &Settings) -> Vec<&'static str> {
    WANTED
        .into_iter()
        .filter(|name| process.get(name).is_none())
        .collect()
}

/// `NAME=value` lines; the number of the line that is none.
fn parse(text: &str) -> Result<Settings, usize> {
    let mut settings = Settings::default();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(number + 1)?;
        settings = settings.with(name, value);
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_settings_is_read_and_its_comments_are_not() {
        let settings =
            parse("# AWS_REGION=elsewhere\nAWS_REGION=us-east-1\n\nDASHTAM_X=a=b c\n").unwrap();
        assert_eq!(settings.get("AWS_REGION"), Some("us-east-1"));
        assert_eq!(settings.get("DASHTAM_X"), Some("a=b c"));
        assert_eq!(parse("AWS_REGION=x\nnonsense").unwrap_err(), 2);
    }

    #[test]
    fn a_deployment_names_everything_that_is_missing() {
        let process = Settings::default()
            .with("AWS_REGION", "eu-west-1")
            .with("AWS_SECRET_ACCESS_KEY", "M4rk3d");
        let failure = deployment(&process).unwrap_err();
        assert!(
            failure.what.contains("DASHTAM_TABLE_PREFIX") && !failure.what.contains("AWS_REGION"),
            "{failure:?}"
        );
        assert!(!format!("{failure:?}").contains("M4rk3d"));
    }
}
