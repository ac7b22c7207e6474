//! Turns settings into typed values and remembers every fault and every variable it was asked for.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{PREFIX, Settings};

/// From this likeness of two names on (Jaro and Winkler's, 0 to 1) one is taken for the other, mistyped.
const LIKENESS: f64 = 0.85;

/// One documented setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its full name.
    pub name: String,
    /// Its type and range in words.
    pub values: String,
    /// Its default; empty means none.
    pub default: String,
    /// What it does.
    pub meaning: String,
    /// Whether its value is nobody's to read.
    pub is_secret: bool,
}

/// Reads settings.
pub struct Reader<'a> {
    settings: &'a Settings,
    faults: Vec<String>,
    variables: Vec<Variable>,
}

impl<'a> Reader<'a> {
    /// A reader of `settings`.
    #[must_use]
    pub const fn new(settings: &'a Settings) -> Self {
        Self {
            settings,
            faults: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// One of `first` and `rest`; `first` is the default.
    pub fn choice<T: Copy>(
        &mut self,
        name: &str,
        first: (&str, T),
        rest: &[(&str, T)],
        meaning: &str,
    ) -> T {
        let choices = || std::iter::once(&first).chain(rest);
        let words = choices()
            .map(|(word, _)| format!("`{word}`"))
            .collect::<Vec<_>>()
            .join(", ");
        let Some(text) = self.raw(name, &words, first.0, meaning, false) else {
            return first.1;
        };
        if let Some((_, value)) = choices().find(|(word, _)| *word == text) {
            return *value;
        }
        self.fault(name, &format!("must be one of {words}"));
        first.1
    }

    /// A whole number in `range`.
    pub fn integer(
        &mut self,
        name: &str,
        range: RangeInclusive<u64>,
        default: u64,
        meaning: &str,
    ) -> u64 {
        let values = format!("a whole number, {} to {}", range.start(), range.end());
        let Some(text) = self.raw(name, &values, &default.to_string(), meaning, false) else {
            return default;
        };
        match text.parse() {
            Ok(value) if range.contains(&value) => value,
            _ => {
                self.fault(name, &format!("must be {values}"));
                default
            }
        }
    }

    /// A number of seconds in `range`.
    pub fn seconds(
        &mut self,
        name: &str,
        range: RangeInclusive<u64>,
        default: u64,
        meaning: &str,
    ) -> Duration {
        Duration::from_secs(self.integer(name, range, default, meaning))
    }

    /// A text; anything goes.
    pub fn text(&mut self, name: &str, default: &str, meaning: &str) -> String {
        self.raw(name, "text", default, meaning, false)
            .unwrap_or_else(|| default.to_owned())
    }

    /// A value that `parse` understands; `None` if it is missing or wrong. `values` says what is allowed.
    pub fn parsed<T>(
        &mut self,
        name: &str,
        values: &str,
        default: &str,
        meaning: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self
            .raw(name, values, default, meaning, false)
            .or_else(|| non_empty(default))?;
        self.understood(name, values, parse(&text))
    }

    /// A comma-separated list in which every entry is one that `parse` understands.
    pub fn list<T>(
        &mut self,
        name: &str,
        values: &str,
        meaning: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        self.entries(name, values, meaning, false, parse)
    }

    /// A list as [`Reader::list`] has it, of values that are never shown.
    pub fn secrets<T>(
        &mut self,
        name: &str,
        values: &str,
        meaning: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        self.entries(name, values, meaning, true, parse)
    }

    fn entries<T>(
        &mut self,
        name: &str,
        values: &str,
        meaning: &str,
        is_secret: bool,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let values = format!("a comma-separated list of {values}");
        let Some(text) = self.raw(name, &values, "", meaning, is_secret) else {
            return Vec::new();
        };
        let each = text
            .split(',')
            .map(str::trim)
            .filter(|entry| !entry.is_empty())
            .map(&parse)
            .collect();
        self.understood(name, &values, each).unwrap_or_default()
    }

    fn understood<T>(&mut self, name: &str, values: &str, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.fault(name, &format!("must be {values}"));
        }
        value
    }

    /// Records that `name` is wrong. The value is not repeated: it may be a secret.
    pub fn fault(&mut self, name: &str, what: &str) {
        self.faults.push(format!("{PREFIX}{name} {what}"));
    }

    /// Whether there is a fault of `name` already.
    pub(super) fn is_faulty(&self, name: &str) -> bool {
        let beginning = format!("{PREFIX}{name} ");
        self.faults
            .iter()
            .any(|fault| fault.starts_with(&beginning))
    }

    /// The value of `name` that is in force, in words; `None` for a secret.
    pub(super) fn shown(&self, name: &str) -> Option<String> {
        let full = format!("{PREFIX}{name}");
        let variable = self
            .variables
            .iter()
            .find(|variable| variable.name == full && !variable.is_secret)?;
        let value = self.settings.get(&full).unwrap_or(&variable.default);
        Some(format!("{full} is {}", value.escape_debug()))
    }

    /// All variables asked for, and all faults: those of values first, then names that nothing has asked for.
    #[must_use]
    pub fn finish(mut self) -> (Vec<Variable>, Vec<String>) {
        let given = self
            .settings
            .beginning_with(PREFIX)
            .filter(|(_, value)| !value.is_empty());
        let unknown = given
            .map(|(name, _)| name)
            .filter(|name| self.variables.iter().all(|known| known.name != *name));
        let faults: Vec<_> = unknown
            .map(|name| unknown_name(name, &self.variables))
            .collect();
        self.faults.extend(faults);
        (self.variables, self.faults)
    }

    fn raw(
        &mut self,
        name: &str,
        values: &str,
        default: &str,
        meaning: &str,
        is_secret: bool,
    ) -> Option<String> {
        let full = format!("{PREFIX}{name}");
        let value = self.settings.get(&full).map(str::to_owned);
        self.variables.push(Variable {
            name: full,
            values: values.to_owned(),
            default: default.to_owned(),
            meaning: meaning.to_owned(),
            is_secret,
        });
        if value
            .as_deref()
            .is_some_and(|value| value.contains(char::REPLACEMENT_CHARACTER))
        {
            self.fault(name, "is no valid UTF-8");
        }
        value
    }
}

/// A name that nothing reads is most often a known one that was mistyped, and what it was to change stays as it was.
fn unknown_name(name: &str, known: &[Variable]) -> String {
    let own = |name: &str| name.trim_start_matches(PREFIX).to_owned();
    let likeness = |variable: &Variable| strsim::jaro_winkler(&own(name), &own(&variable.name));
    let nearest = known
        .iter()
        .map(|variable| (likeness(variable), variable))
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    match nearest {
        Some((likeness, variable)) if likeness >= LIKENESS => {
            format!("{name} is no setting; {} is one", variable.name)
        }
        _ => format!("{name} is no setting; docs/configuration.md lists all"),
    }
}

fn non_empty(text: &str) -> Option<String> {
    if text.is_empty() {
        None
    } else {
        Some(text.to_owned())
    }
}
