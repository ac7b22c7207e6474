//! The catalogue of errors: what stands behind `/errors/<code>`, the `type` of a problem document (RFC 9457 section
//! 3.1.1), for people and for programs. All of it is the table of codes.

use std::borrow::Cow;
use std::fmt::Write as _;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;

use super::problem::{Code, FieldError, HeaderFact, Problem, Retry};
use crate::domain::FieldCode;

/// The path and the request id of the example.
const EXAMPLE_INSTANCE: &str = "/api/v1/auth/me";
const EXAMPLE_ID: &str = "5f0a1c9e-7d2b-4c3a-9e8f-6b1d2c3a4e5f";

/// What an error code means and what to do about it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ErrorExplanation")]
pub struct ErrorEntry {
    /// The `type` of a problem document with this code.
    r#type: String,
    /// The code.
    code: &'static str,
    /// The kind of problem in a few words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What an answer says, unless it knows more.
    detail: &'static str,
    /// When it is answered.
    meaning: &'static str,
    /// What a client does about it.
    remedy: &'static str,
    /// Whether it helps to send the request again.
    retry: &'static str,
    /// The headers that it carries besides those of every answer.
    headers: &'static [HeaderFact],
    /// A problem document with this code.
    #[schemars(schema_with = "problem_reference")]
    problem: serde_json::Value,
}

impl ErrorEntry {
    /// The entry of `code`.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let facts = code.facts();
        Self {
            r#type: format!("/errors/{}", facts.name),
            code: facts.name,
            title: facts.title,
            status: facts.status.as_u16(),
            detail: facts.detail,
            meaning: facts.meaning,
            remedy: facts.remedy,
            retry: facts.retry.words(),
            headers: facts.headers,
            problem: serde_json::from_slice(&example(code).document(EXAMPLE_INSTANCE, EXAMPLE_ID))
                .unwrap_or_default(),
        }
    }
}

impl Retry {
    /// Whether it helps to send the request again.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Never => "No. The same request gets the same answer.",
            Self::Fixed => "Once that is done. As it is, the request gets the same answer.",
            Self::Later => "Yes, after as many seconds as `Retry-After` says.",
        }
    }
}

/// What stands in the page's `<main>`; links are relative, so that they lead on under a stage, too.
#[must_use]
pub fn error_article(code: Code) -> String {
    let facts = code.facts();
    let mut html = format!(
        "<h1>{} {}</h1>\n<p>Problem documents with <code>\"code\":\"{}\"</code> say this.</p>\n",
        facts.status.as_u16(),
        facts.title,
        facts.name
    );
    let mut section = |title: &str, text: &str| {
        // Writing to a string cannot fail.
        let _ = write!(html, "<h2>{title}</h2>\n<p>{}</p>\n", marked(text));
    };
    section("What it means", facts.meaning);
    section("What to do", facts.remedy);
    section("Does it help to send it again?", facts.retry.words());
    html.push_str("<h2>Headers</h2>\n");
    if facts.headers.is_empty() {
        html.push_str("<p>None but those of every answer.</p>\n");
    } else {
        html.push_str("<dl>\n");
        for HeaderFact { name, when } in facts.headers {
            let _ = writeln!(
                html,
                "<dt><code>{name}</code></dt><dd>{}</dd>",
                marked(when)
            );
        }
        html.push_str("</dl>\n");
    }
    let document = escaped(&example(code).pretty(EXAMPLE_INSTANCE, EXAMPLE_ID));
    let _ = write!(
        html,
        "<h2>Example</h2>\n<pre tabindex=\"0\">{document}</pre>\n"
    );
    html.push_str("<nav aria-label=\"All codes\">\n<h2>All codes</h2>\n<ul>\n");
    for other in Code::ALL {
        let (status, name) = (other.status().as_u16(), other.name());
        let here = if other == code {
            " aria-current=\"page\""
        } else {
            ""
        };
        let _ = writeln!(
            html,
            "<li>{status} <a href=\"{name}\"{here}>{name}</a></li>"
        );
    }
    html.push_str("</ul>\n</nav>");
    html
}

fn example(code: Code) -> Problem {
    let problem = Problem::new(code);
    if code != Code::ValidationFailed {
        return problem;
    }
    let error = FieldError {
        pointer: "/name".to_owned(),
        code: FieldCode::Required,
        detail: Cow::Borrowed("Must be given."),
    };
    Problem {
        errors: vec![error],
        ..problem
    }
}

/// The table's words as HTML; what stands in backticks is code.
fn marked(text: &str) -> String {
    let mut html = String::new();
    for (index, part) in escaped(text).split('`').enumerate() {
        if index % 2 == 1 {
            let _ = write!(html, "<code>{part}</code>");
        } else {
            html.push_str(part);
        }
    }
    html
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// A problem document.
fn problem_reference(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "$ref": "#/components/schemas/Problem" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_table_are_text_and_not_markup() {
        assert_eq!(
            marked("a < b, `<c>` & d"),
            "a &lt; b, <code>&lt;c&gt;</code> &amp; d"
        );
    }

    #[test]
    fn no_code_leaves_a_question_open() {
        for code in Code::ALL {
            let facts = code.facts();
            for text in [
                facts.detail,
                facts.meaning,
                facts.remedy,
                facts.retry.words(),
            ] {
                assert!(
                    text.ends_with('.') && text.split('`').count() % 2 == 1,
                    "{}: {text}",
                    facts.name
                );
            }
        }
    }
}
