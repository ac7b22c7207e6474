//! What other services export, read line by line.
//!
//! A fault says which rule a line breaks and never what stands in it: there are password hashes in these files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared::domain::{DisplayName, EmailAddress, Timestamp, UserId};
use shared::foreign_hash::ForeignHash;
use shared::newcomer::Newcomer;

use crate::options::Source;

/// Longer lines are no account.
const LONGEST: usize = 65_536;

/// A line with what it says.
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: u64,
    pub(super) found: Result<Newcomer, String>,
}

/// The lines of a file. Empty ones are passed over.
pub(super) fn lines(source: Source, file: File) -> Box<dyn Iterator<Item = Line>> {
    match source {
        Source::Cognito => csv_lines(file),
        Source::Auth0 => json_lines(file, |line| json::<Auth0>(line)?.newcomer()),
        Source::Dashtam => json_lines(file, |line| json::<Dashtam>(line)?.newcomer()),
        Source::Jsonl => json_lines(file, |line| json::<Plain>(line)?.newcomer()),
    }
}

fn json_lines(file: File, read: fn(&str) -> Result<Newcomer, String>) -> Box<dyn Iterator<Item = Line>> {
    let mut lines = BufReader::new(file);
    let mut number = 0;
    let mut is_readable = true;
    let told = std::iter::from_fn(move || {
        if !is_readable {
            return None;
        }
        number += 1;
        let found = match next_line(&mut lines) {
            Ok(None) => return None,
            Ok(Some(Ok(line))) if line.trim().is_empty() => return Some(None),
            Ok(Some(line)) => line.and_then(|line| read(line.trim_start_matches('\u{feff}'))),
            Err(error) => {
                // It would be the same error for ever.
                is_readable = false;
                Err(format!("the file cannot be read on: {error}"))
            }
        };
        Some(Some(Line { number, found }))
    });
    Box::new(told.flatten())
}

/// The next line without its end, or what is wrong with it; `None` at the end of the file. Of a line that is too long no more
/// is kept than shows that it is.
fn next_line(lines: &mut impl BufRead) -> io::Result<Option<Result<String, String>>> {
    let mut kept = Vec::new();
    let limit = LONGEST as u64 + 1;
    if lines.by_ref().take(limit).read_until(b'\n', &mut kept)? == 0 {
        return Ok(None);
    }
    if kept.pop_if(|last| *last == b'\n').is_some() {
        kept.pop_if(|last| *last == b'\r');
    } else if kept.len() > LONGEST {
        lines.skip_until(b'\n')?;
        return Ok(Some(Err(format!("it has more than {LONGEST} bytes"))));
    }
    Ok(Some(String::from_utf8(kept).map_err(|_| "it is not UTF-8".to_owned())))
}

/// serde's own words quote what they do not understand, so they are not passed on.
fn json<T: DeserializeOwned>(line: &str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| {
        let column = error.column();
        if error.is_data() {
            format!("a member is missing, unknown, or of another kind, before column {column}")
        } else {
            format!("it is no JSON object: see column {column}")
        }
    })
}

/// What all sources come to.
#[derive(Default)]
struct Parts {
    id: Option<String>,
    email: Option<String>,
    email_verified: bool,
    name: Option<String>,
    password_hash: Option<String>,
    is_disabled: bool,
    created_at: Option<String>,
}

impl Parts {
    fn newcomer(self) -> Result<Newcomer, String> {
        let email = self.email.filter(|email| !email.is_empty()).ok_or("it has no mail address")?;
        let email = EmailAddress::parse(&email).map_err(|error| format!("the mail address: {error}"))?;
        let id = self.id.map(|id| id.parse::<UserId>().map_err(|_| "the id is no UUID")).transpose()?;
        let local = email.address().split('@').next().unwrap_or_default().to_owned();
        let name = self.name.filter(|name| !name.trim().is_empty()).unwrap_or(local);
        let name = DisplayName::parse(&name).map_err(|error| format!("the name: {error}"))?;
        let password = self.password_hash.filter(|hash| !hash.is_empty());
        let password =
            password.map(|hash| ForeignHash::parse(&hash)).transpose().map_err(|error| error.to_string())?.flatten();
        let created_at = self.created_at.map(|at| moment(&at)).transpose()?;
        let email_verified = self.email_verified;
        Ok(Newcomer { id, email, email_verified, name, password, is_active: !self.is_disabled, created_at })
    }
}

/// RFC 3339, or the same without an offset, which then is UTC.
fn moment(text: &str) -> Result<Timestamp, String> {
    let parsed = text.parse().or_else(|_| format!("{}Z", text.replacen(' ', "T", 1)).parse());
    parsed.map_err(|_| "created_at is no moment of RFC 3339".to_owned())
}

/// The format of our own, in which nothing unknown stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    email: String,
    id: Option<String>,
    #[serde(default)]
    email_verified: bool,
    name: Option<String>,
    password_hash: Option<String>,
    #[serde(default = "yes")]
    is_active: bool,
    created_at: Option<String>,
}

const fn yes() -> bool {
    true
}

impl Plain {
    fn newcomer(self) -> Result<Newcomer, String> {
        let Self { email, id, email_verified, name, password_hash, is_active, created_at } = self;
        let email = Some(email);
        Parts { id, email, email_verified, name, password_hash, is_disabled: !is_active, created_at }.newcomer()
    }
}

/// A row of the platform's users table; it has more columns than are taken.
#[derive(Deserialize)]
struct Dashtam {
    id: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    name: Option<String>,
    #[serde(alias = "hashed_password")]
    password_hash: Option<String>,
    #[serde(default = "yes")]
    is_active: bool,
    created_at: Option<String>,
    /// Rows of people who have left stay in some tables.
    deleted_at: Option<String>,
}

impl Dashtam {
    fn newcomer(self) -> Result<Newcomer, String> {
        if self.deleted_at.is_some() {
            return Err("the platform has deleted this account (deleted_at)".to_owned());
        }
        let Self { id, email, email_verified, name, password_hash, is_active, created_at, .. } = self;
        Parts { id, email, email_verified, name, password_hash, is_disabled: !is_active, created_at }.newcomer()
    }
}

/// A line of Auth0's user export, of its password export, or of its import schema.
#[derive(Deserialize)]
struct Auth0 {
    #[serde(alias = "Email")]
    email: Option<String>,
    #[serde(default, alias = "Email Verified")]
    email_verified: bool,
    #[serde(alias = "Name")]
    name: Option<String>,
    #[serde(rename = "passwordHash", alias = "password_hash")]
    password_hash: Option<String>,
    custom_password_hash: Option<CustomHash>,
    #[serde(default)]
    blocked: bool,
    #[serde(alias = "Created At")]
    created_at: Option<String>,
}

#[derive(Deserialize)]
struct CustomHash {
    hash: Value,
}

impl Auth0 {
    fn newcomer(self) -> Result<Newcomer, String> {
        let custom = self.custom_password_hash.map(|custom| match custom.hash.get("value") {
            Some(Value::String(hash)) => Ok(hash.clone()),
            _ => Err("custom_password_hash has no hash.value".to_owned()),
        });
        let Self { email, email_verified, name, blocked, created_at, .. } = self;
        let password_hash = self.password_hash.or(custom.transpose()?);
        Parts { id: None, email, email_verified, name, password_hash, is_disabled: blocked, created_at }.newcomer()
    }
}

/// A user pool's columns, of which a few are taken.
#[derive(Deserialize)]
struct Cognito {
    email: Option<String>,
    email_verified: Option<String>,
    name: Option<String>,
    given_name: Option<String>,
    family_name: Option<String>,
}

impl Cognito {
    fn newcomer(self) -> Result<Newcomer, String> {
        let full = [self.given_name, self.family_name].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let name = self.name.filter(|name| !name.is_empty()).or(Some(full));
        let email_verified = self.email_verified.is_some_and(|text| text.eq_ignore_ascii_case("true"));
        Parts { email: self.email, email_verified, name, ..Parts::default() }.newcomer()
    }
}

fn csv_lines(file: File) -> Box<dyn Iterator<Item = Line>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(BufReader::new(file));
    let headers = reader.headers().cloned();
    let told = reader.into_records().map(move |record| {
        let position = |at: Option<&csv::Position>| at.map_or(1, csv::Position::line);
        let Ok(headers) = &headers else {
            return Line { number: 1, found: Err("the first line holds no names of columns".to_owned()) };
        };
        match record {
            Ok(record) => {
                let number = position(record.position());
                let row = record.deserialize::<Cognito>(Some(headers)).map_err(|_| "a column is missing".to_owned());
                Line { number, found: row.and_then(Cognito::newcomer) }
            }
            Err(error) => {
                let number = position(error.position());
                Line {
                    number,
                    found: Err("it has more or fewer columns than the first line, or is not UTF-8".to_owned()),
                }
            }
        }
    });
    Box::new(told)
}
