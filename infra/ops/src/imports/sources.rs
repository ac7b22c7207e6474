//! What other services export, read line by line.
//!
//! A fault says which rule a line breaks and never what stands in it: there are password hashes in these files.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};

use serde::de::DeserializeOwned;
use shared::accounts::import::Newcomer;

use super::systems::{Auth0, Cognito, Dashtam, Keycloak, Plain, Supabase};
use crate::options::Source;

/// Longer lines are no account.
const LONGEST: usize = 65_536;

/// A line with what it says.
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: u64,
    pub(super) found: Result<Newcomer, String>,
    /// As it is in the file, with its line end; empty for one that could not be read.
    pub(super) raw: Vec<u8>,
}

/// The lines of a file. Empty ones are passed over.
pub(super) fn lines(source: Source, file: File) -> Box<dyn Iterator<Item = Line>> {
    match source {
        Source::Cognito => csv_lines(file),
        Source::Auth0 => json_lines(file, |line| json::<Auth0>(line)?.newcomer()),
        Source::Dashtam => json_lines(file, |line| json::<Dashtam>(line)?.newcomer()),
        Source::Supabase => json_lines(file, |line| json::<Supabase>(line)?.newcomer()),
        Source::Keycloak => json_lines(file, |line| json::<Keycloak>(line)?.newcomer()),
        Source::Jsonl => json_lines(file, |line| json::<Plain>(line)?.newcomer()),
    }
}

fn json_lines(
    file: File,
    read: fn(&str) -> Result<Newcomer, String>,
) -> Box<dyn Iterator<Item = Line>> {
    let mut lines = BufReader::new(file);
    let mut number = 0;
    let mut is_readable = true;
    let told = std::iter::from_fn(move || {
        if !is_readable {
            return None;
        }
        number += 1;
        let mut raw = Vec::new();
        let found = match next_line(&mut lines, &mut raw) {
            Ok(None) => return None,
            Ok(Some(Ok(line))) if line.trim().is_empty() => return Some(None),
            Ok(Some(line)) => line.and_then(|line| read(line.trim_start_matches('\u{feff}'))),
            Err(error) => {
                // It would be the same error for ever.
                is_readable = false;
                Err(format!("the file cannot be read on: {error}"))
            }
        };
        Some(Some(Line { number, found, raw }))
    });
    Box::new(told.flatten())
}

/// The next line without its end, or what is wrong with it; `None` at the end of the file. `raw` gets the line as it is; of one
/// that is too long no more is kept than shows that it is.
fn next_line(
    lines: &mut impl BufRead,
    raw: &mut Vec<u8>,
) -> io::Result<Option<Result<String, String>>> {
    let limit = LONGEST as u64 + 1;
    if lines.by_ref().take(limit).read_until(b'\n', raw)? == 0 {
        return Ok(None);
    }
    let mut kept = raw.as_slice();
    if let [line @ .., b'\n'] = kept {
        kept = line.strip_suffix(b"\r").unwrap_or(line);
    } else if kept.len() > LONGEST {
        lines.skip_until(b'\n')?;
        raw.clear();
        return Ok(Some(Err(format!(
            "it has more than {LONGEST} bytes, too many to be kept"
        ))));
    } else {
        raw.push(b'\n');
        kept = raw.get(..raw.len() - 1).unwrap_or_default();
    }
    Ok(Some(
        String::from_utf8(kept.to_vec()).map_err(|_| "it is not UTF-8".to_owned()),
    ))
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

fn csv_lines(file: File) -> Box<dyn Iterator<Item = Line>> {
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(BufReader::new(file));
    let headers = reader.headers().cloned();
    let told = reader.into_byte_records().map(move |record| {
        let position = |at: Option<&csv::Position>| at.map_or(1, csv::Position::line);
        let Ok(headers) = &headers else {
            let found = Err("the first line holds no names of columns".to_owned());
            return Line {
                number: 1,
                found,
                raw: Vec::new(),
            };
        };
        match record {
            Ok(record) => {
                let number = position(record.position());
                let raw = csv_line(&record);
                let text = csv::StringRecord::from_byte_record(record)
                    .ok()
                    .filter(|text| text.len() == headers.len());
                let found = match text {
                    Some(text) => text
                        .deserialize::<Cognito>(Some(headers))
                        .map_err(|_| "a column is missing".to_owned()),
                    None => Err(
                        "it has more or fewer columns than the first line, or is not UTF-8"
                            .to_owned(),
                    ),
                };
                Line {
                    number,
                    found: found.and_then(Cognito::newcomer),
                    raw,
                }
            }
            Err(error) => {
                let found = Err("it cannot be read".to_owned());
                Line {
                    number: position(error.position()),
                    found,
                    raw: Vec::new(),
                }
            }
        }
    });
    Box::new(told)
}

fn csv_line(record: &csv::ByteRecord) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_byte_record(record);
    writer.into_inner().unwrap_or_default()
}

/// What a file of this source begins with, before its first line: the names of columns.
pub(super) fn head(source: Source, file: File) -> Vec<u8> {
    if source != Source::Cognito {
        return Vec::new();
    }
    csv::Reader::from_reader(BufReader::new(file))
        .byte_headers()
        .map(csv_line)
        .unwrap_or_default()
}
