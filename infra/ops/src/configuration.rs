//! `ops config check`: every fault of the settings at once, and what is in force. Nothing is asked of AWS.

use serde_json::json;
use shared::config::{Config, ConfigError, Settings, Variable};
use shared::ground::error_chain;
use shared::request::locator;
use shared::runtime::environment::Environment;

use crate::console::{Answer, Console, table};
use crate::failure::{Exit, Failure};
use crate::options::Common;
use crate::target;

/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// Prints the settings in force and all their faults.
///
/// # Errors
/// The settings could not be read at all.
pub fn check(
    common: &Common,
    process: &Settings,
    console: &mut Console<'_>,
) -> Result<Exit, Failure> {
    let (settings, mut faults) = target::settings_to_check(common, process)?;
    faults.extend(faults_of(&settings, common.aws));
    let warnings = if faults.is_empty() && !common.aws {
        warnings_of(&settings)
    } else {
        Vec::new()
    };
    console.answer(&answer(&settings, &faults, &warnings));
    Ok(if faults.is_empty() {
        Exit::Done
    } else {
        Exit::Usage
    })
}

/// What the service would refuse to start with. The `GeoIP` file of a deployment lies in its functions and not here.
fn faults_of(settings: &Settings, is_deployment: bool) -> Vec<String> {
    let environment = match Environment::new(settings) {
        Ok(environment) => environment,
        Err(ConfigError(faults)) => return faults,
    };
    let parts = [
        environment.hasher().err(),
        environment.verifier().err(),
        if is_deployment {
            None
        } else {
            environment.locator().err()
        },
    ];
    parts
        .iter()
        .flatten()
        .map(|error| error_chain(error))
        .collect()
}

/// What a start warns of.
fn warnings_of(settings: &Settings) -> Vec<String> {
    let Ok(environment) = Environment::new(settings) else {
        return Vec::new();
    };
    let read = locator::database(&environment.config().network, environment.store().now());
    read.ok()
        .and_then(|(_, warning)| warning)
        .into_iter()
        .collect()
}

fn answer(settings: &Settings, faults: &[String], warnings: &[String]) -> Answer {
    let rows: Vec<_> = Config::variables()
        .into_iter()
        .map(|variable| Row::new(settings, variable))
        .collect();
    let cells: Vec<_> = rows.iter().map(Row::cells).collect();
    let changed = rows.iter().filter(|row| !row.is_default).count();
    let verdict = match faults.len() {
        0 => format!(
            "No faults. {changed} of {} settings differ from their defaults (*).",
            rows.len()
        ),
        count => format!(
            "{count} faults; with them nothing starts:\n{}",
            faults
                .iter()
                .map(|fault| format!("  {fault}"))
                .collect::<Vec<_>>()
                .join("\n")
        ),
    };
    let warned = warnings.iter().fold(String::new(), |text, warning| {
        text + "\nWarning: " + warning + "."
    });
    Answer {
        document: json!({
            "ok": faults.is_empty(),
            "faults": faults,
            "warnings": warnings,
            "settings": rows.iter().map(Row::document).collect::<Vec<_>>(),
        }),
        text: format!(
            "{}\n\n{verdict}{warned}",
            table(&["", "setting", "value", "default"], &cells)
        ),
    }
}

/// One setting as it is in force.
struct Row {
    variable: Variable,
    value: String,
    is_default: bool,
}

impl Row {
    fn new(settings: &Settings, variable: Variable) -> Self {
        let given = settings
            .get(&variable.name)
            .filter(|value| *value != variable.default);
        let value = match given {
            Some(_) if variable.is_secret => HIDDEN.to_owned(),
            // What stands in a terminal must not steer it.
            Some(value) => value.escape_debug().to_string(),
            None => variable.default.clone(),
        };
        Self {
            is_default: given.is_none(),
            variable,
            value,
        }
    }

    fn cells(&self) -> Vec<String> {
        let or_dash = |text: &str| {
            if text.is_empty() {
                "-".to_owned()
            } else {
                text.to_owned()
            }
        };
        let (mark, default) = if self.is_default {
            ("", String::new())
        } else {
            ("*", or_dash(&self.variable.default))
        };
        vec![
            mark.to_owned(),
            self.variable.name.clone(),
            or_dash(&self.value),
            default,
        ]
    }

    fn document(&self) -> serde_json::Value {
        json!({
            "name": self.variable.name,
            "value": self.value,
            "default": self.variable.default,
            "is_default": self.is_default,
            "is_secret": self.variable.is_secret,
        })
    }
}
