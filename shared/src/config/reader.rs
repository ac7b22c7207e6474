//! Turns settings into typed values and remembers every fault and every variable it was asked for.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{PREFIX, Settings};

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
        Self { settings, faults: Vec::new(), variables: Vec::new() }
    }

    /// One of `first` and `rest`; `first` is the default.
    pub fn choice<T: Copy>(&mut self, name: &str, first: (&str, T), rest: &[(&str, T)], meaning: &str) -> T {
        let choices = || std::iter::once(&first).chain(rest);
        let words = choices().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        let Some(text) = self.raw(name, &words, first.0, meaning) else {
            return first.1;
        };
        if let Some((_, value)) = choices().find(|(word, _)| *word == text) {
            return *value;
        }
        self.fault(name, &format!("must be one of {words}"));
        first.1
    }

    /// A whole number in `range`.
    pub fn integer(&mut self, name: &str, range: RangeInclusive<u64>, default: u64, meaning: &str) -> u64 {
        let values = format!("whole number, {} to {}", range.start(), range.end());
        let Some(text) = self.raw(name, &values, &default.to_string(), meaning) else {
            return default;
        };
        match text.parse() {
            Ok(value) if range.contains(&value) => value,
            _ => {
                self.fault(name, &format!("must be a {values}"));
                default
            }
        }
    }

    /// A number of seconds in `range`.
    pub fn seconds(&mut self, name: &str, range: RangeInclusive<u64>, default: u64, meaning: &str) -> Duration {
        Duration::from_secs(self.integer(name, range, default, meaning))
    }

    /// A text; anything goes.
    pub fn text(&mut self, name: &str, default: &str, meaning: &str) -> String {
        self.raw(name, "text", default, meaning).unwrap_or_else(|| default.to_owned())
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
        let text = self.raw(name, values, default, meaning).or_else(|| non_empty(default))?;
        let value = parse(&text);
        if value.is_none() {
            self.fault(name, &format!("must be {values}"));
        }
        value
    }

    /// A comma-separated list in which every entry is one that `parse` understands.
    pub fn list<T>(&mut self, name: &str, values: &str, meaning: &str, parse: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let values = format!("comma-separated list of {values}");
        let each = |text: &str| text.split(',').map(str::trim).filter(|e| !e.is_empty()).map(&parse).collect();
        self.parsed(name, &values, "", meaning, each).unwrap_or_default()
    }

    /// Records that `name` is wrong. The value is not repeated: it may be a secret.
    pub fn fault(&mut self, name: &str, what: &str) {
        self.faults.push(format!("{PREFIX}{name} {what}"));
    }

    /// All faults so far.
    #[must_use]
    pub fn into_faults(self) -> Vec<String> {
        self.faults
    }

    /// All variables asked for.
    #[must_use]
    pub fn into_variables(self) -> Vec<Variable> {
        self.variables
    }

    fn raw(&mut self, name: &str, values: &str, default: &str, meaning: &str) -> Option<String> {
        let name = format!("{PREFIX}{name}");
        let value = self.settings.get(&name).map(str::to_owned);
        self.variables.push(Variable {
            name,
            values: values.to_owned(),
            default: default.to_owned(),
            meaning: meaning.to_owned(),
        });
        value
    }
}

fn non_empty(text: &str) -> Option<String> {
    if text.is_empty() { None } else { Some(text.to_owned()) }
}
