//! The description of the interface (`OpenAPI` 3.1), made of the route table, of what the readers of requests ask for, and of the
//! types of the answers.
//!
//! Each function says in its `operation()` what only it knows; no function's `main` calls that, so the linker leaves all this out
//! of what is deployed. The function `service-static` serves the finished document, which a test keeps up to date; another test
//! holds every answer of the whole test-suite to it.

mod document;
mod example;
mod naming;
mod plain;
mod refusals;
mod types;

use http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::http::problem::{Code, Identifier};
use crate::http::{FromFields, Shape};
use crate::routes::Route;

pub use document::document;
pub use types::Message;

/// What an endpoint takes and answers.
pub struct Operation {
    route: &'static Route,
    summary: &'static str,
    description: &'static str,
    body: Option<RequestBody>,
    query: Shape,
    path: Option<PathParameter>,
    answer: Option<Answer>,
    refusals: &'static [Code],
    samples: Vec<(&'static str, &'static str)>,
}

struct RequestBody {
    shape: Shape,
    required: bool,
}

struct PathParameter {
    name: &'static str,
    meaning: &'static str,
    schema: Value,
}

struct Answer {
    status: StatusCode,
    meaning: &'static str,
    content: Vec<Content>,
}

enum Content {
    Json(fn(&mut SchemaGenerator) -> Schema),
    Html,
}

impl Operation {
    /// The endpoint of `route`, in a few words.
    #[must_use]
    pub const fn of(route: &'static Route, summary: &'static str) -> Self {
        let query = Shape {
            members: Vec::new(),
            rules: Vec::new(),
        };
        let samples = Vec::new();
        Self {
            route,
            summary,
            description: "",
            body: None,
            query,
            path: None,
            answer: None,
            refusals: &[],
            samples,
        }
    }

    /// What it does, in one or two sentences.
    #[must_use]
    pub const fn explained(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// An example of the member `name` of the body, where the member's type has none that fits.
    #[must_use]
    pub fn sample(mut self, name: &'static str, value: &'static str) -> Self {
        self.samples.push((name, value));
        self
    }

    /// It takes a body.
    #[must_use]
    pub fn body<T: FromFields<Rules: Default>>(self) -> Self {
        Self {
            body: Some(RequestBody {
                shape: T::shape(),
                required: true,
            }),
            ..self
        }
    }

    /// It takes a body that may be missing.
    #[must_use]
    pub fn optional_body<T: FromFields<Rules: Default>>(self) -> Self {
        Self {
            body: Some(RequestBody {
                shape: T::shape(),
                required: false,
            }),
            ..self
        }
    }

    /// It takes parameters in the query.
    #[must_use]
    pub fn query<T: FromFields<Rules: Default>>(self) -> Self {
        Self {
            query: T::shape(),
            ..self
        }
    }

    /// The path holds an identifier.
    #[must_use]
    pub fn path<T: Identifier>(self) -> Self {
        let schema = json!({
            "type": "string", "format": "uuid", "examples": ["3f6c1f0e-7a54-4b0e-9c58-0d4a5f1f7a11"],
        });
        Self {
            path: Some(PathParameter {
                name: "id",
                meaning: T::MEANING,
                schema,
            }),
            ..self
        }
    }

    /// The path holds one of a few words.
    #[must_use]
    pub fn path_word(self, name: &'static str, meaning: &'static str, words: &[&str]) -> Self {
        let schema = json!({ "type": "string", "enum": words });
        Self {
            path: Some(PathParameter {
                name,
                meaning,
                schema,
            }),
            ..self
        }
    }

    /// What it answers when it has done its work. Said twice, the client chooses by `Accept`.
    #[must_use]
    pub fn answers<T: JsonSchema>(self, status: StatusCode, meaning: &'static str) -> Self {
        self.content(
            status,
            meaning,
            Content::Json(SchemaGenerator::subschema_for::<T>),
        )
    }

    /// It answers a page.
    #[must_use]
    pub fn shows_page(self, meaning: &'static str) -> Self {
        self.content(StatusCode::OK, meaning, Content::Html)
    }

    fn content(mut self, status: StatusCode, meaning: &'static str, content: Content) -> Self {
        let answer = self.answer.get_or_insert(Answer {
            status,
            meaning,
            content: Vec::new(),
        });
        answer.content.push(content);
        self
    }

    /// What it refuses with, besides what follows from the route and the request.
    #[must_use]
    pub const fn refuses(mut self, codes: &'static [Code]) -> Self {
        self.refusals = codes;
        self
    }

    /// The endpoint's facts.
    #[must_use]
    pub const fn route(&self) -> &'static Route {
        self.route
    }
}
