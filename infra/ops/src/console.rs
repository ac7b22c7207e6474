//! What is printed: an answer as text for people or as one JSON document, and progress on standard error.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::failure::{Exit, Failure};

/// An answer in both forms.
#[derive(Debug)]
pub struct Answer {
    /// For programs.
    pub document: Value,
    /// For people.
    pub text: String,
}

/// The two streams of the process.
///
/// The first failure to write an answer is kept for [`Self::finish`]: an export of which a full disk took half must not end
/// with success. Failures to write to standard error are ignored, since they cannot be reported anywhere.
pub struct Console<'a> {
    json: bool,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    unwritten: Option<io::Error>,
}

impl<'a> Console<'a> {
    /// Streams to which answers go as text, or as one JSON document.
    pub fn new(json: bool, out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self {
            json,
            out,
            err,
            unwritten: None,
        }
    }

    /// Whether answers are JSON.
    #[must_use]
    pub const fn is_json(&self) -> bool {
        self.json
    }

    /// Prints the answer.
    pub fn answer(&mut self, answer: &Answer) {
        let text = if self.json {
            plain_json(&format!("{:#}", answer.document))
        } else {
            answer.text.clone()
        };
        self.write(&format!("{}\n", text.trim_end()));
    }

    /// Prints a piece of an answer that comes bit by bit.
    pub fn piece(&mut self, text: &str) {
        let text = if self.json {
            plain_json(text)
        } else {
            text.to_owned()
        };
        self.write(&text);
    }

    /// Whether everything could be written so far. Work that goes on until it is interrupted ends when it is not.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.unwritten.is_none()
    }

    /// Ends the output: the exit code, which is not that of success if a part of the answer is missing.
    #[must_use]
    pub fn finish(mut self, exit: Exit) -> Exit {
        self.write("");
        match self.unwritten.take() {
            Some(error) => {
                self.fail(&unwritten(&error));
                if exit == Exit::Done {
                    Exit::Refused
                } else {
                    exit
                }
            }
            None => exit,
        }
    }

    /// Writes and flushes: an error of a buffered stream would otherwise appear after the exit code is decided.
    fn write(&mut self, text: &str) {
        if self.unwritten.is_none() {
            self.unwritten = self
                .out
                .write_all(text.as_bytes())
                .and_then(|()| self.out.flush())
                .err();
        }
    }

    /// Says what long work is at.
    pub fn progress(&mut self, text: &str) {
        let _cannot_be_reported = writeln!(self.err, "{text}");
    }

    /// Prints why the command was not carried out.
    pub fn fail(&mut self, failure: &Failure) {
        let Failure {
            code, what, remedy, ..
        } = failure;
        let _cannot_be_reported = writeln!(self.err, "ops: {what}\n     {remedy}");
        if self.json {
            let document =
                json!({ "error": { "code": code, "message": what, "what_to_do": remedy } });
            self.write(&format!("{document:#}\n"));
        }
    }
}

fn unwritten(error: &io::Error) -> Failure {
    Failure::refused(
        format!("Standard output could not be written: {error}. What was printed is incomplete."),
        "The command itself was carried out. Give its output room, or a reader that stays, and look at the result again.",
    )
}

/// Whether a character would do something to a terminal, or hides.
fn is_strange(c: char) -> bool {
    let hidden = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    c.is_control() || hidden || matches!(c, '\u{61c}' | '\u{e0000}'..='\u{e007f}')
}

/// A text from somewhere else as part of a line: line breaks, terminal codes and marks of direction are spelled out.
#[must_use]
pub fn plain(text: &str) -> String {
    let shown = |c: char| {
        if is_strange(c) {
            c.escape_unicode().to_string()
        } else {
            c.to_string()
        }
    };
    text.chars().map(shown).collect()
}

/// JSON in which strange characters, which can only stand in texts, are escaped (RFC 8259 section 7).
#[must_use]
pub fn plain_json(json: &str) -> String {
    let mut units = [0; 2];
    json.chars()
        .fold(String::with_capacity(json.len()), |mut all, c| {
            if is_strange(c) && c != '\n' {
                all.extend(
                    c.encode_utf16(&mut units)
                        .iter()
                        .map(|unit| format!("\\u{unit:04x}")),
                );
            } else {
                all.push(c);
            }
            all
        })
}

/// Columns as wide as their widest cell.
#[must_use]
pub fn table(titles: &[&str], rows: &[Vec<String>]) -> String {
    let titles: Vec<String> = titles.iter().map(ToString::to_string).collect();
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|row| row.iter().map(|cell| plain(cell)).collect())
        .collect();
    let all: Vec<&Vec<String>> = std::iter::once(&titles).chain(&rows).collect();
    let width = |column: usize| {
        all.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<_> = (0..titles.len())
        .map(|column| width(column).unwrap_or_default())
        .collect();
    let line = |row: &&Vec<String>| {
        let cells: Vec<_> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    all.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Names and values below each other.
#[must_use]
pub fn facts(facts: &[(&str, String)]) -> String {
    let width = facts
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or_default();
    facts
        .iter()
        .map(|(name, value)| format!("{name:<width$}  {}", plain(value)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A text that is missing.
#[must_use]
pub fn or_dash(text: Option<impl ToString>) -> String {
    text.map_or_else(|| "-".to_owned(), |text| text.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [vec!["a".to_owned(), "long".to_owned(), "x".to_owned()]];
        assert_eq!(
            table(&["name", "b", "c"], &rows),
            "name  b     c\na     long  x"
        );
    }

    #[test]
    fn what_a_client_sent_stays_on_its_line_and_moves_no_terminal() {
        let strange = "a\r\nb\u{1b}[2Jc\u{2028}d\u{202e}e\u{9b}f\"g";
        let row = [vec![strange.to_owned()]];
        for text in [table(&["x"], &row), facts(&[("x", strange.to_owned())])] {
            assert!(
                text.chars().filter(|c| *c != '\n').all(|c| !is_strange(c)),
                "{text}"
            );
            assert!(
                text.lines().count() <= 2 && text.contains("b\\u{1b}[2Jc\\u{2028}d"),
                "{text}"
            );
        }
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let answer = Answer {
            document: json!({ "x": strange, "y": "\u{e0041}" }),
            text: String::new(),
        };
        Console::new(true, &mut out, &mut err).answer(&answer);
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.chars().filter(|c| *c != '\n').all(|c| !is_strange(c)),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            answer.document
        );
    }

    #[test]
    fn a_failure_is_one_document_and_its_text_is_elsewhere() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        Console::new(true, &mut out, &mut err).fail(&Failure::usage("wrong", "fix it"));
        let document: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(document["error"]["what_to_do"], "fix it");
        assert!(String::from_utf8(err).unwrap().contains("wrong"));
    }
}
