//! The names of the document: tags, and schemas without a type.
//!
//! Generators make modules and classes of them, so none may be a name that a language has already.

use serde_json::{Value, json};

use crate::routes::Route;

/// The first word of a function's name, the tag of its operations, and what they have in common.
const TAGS: [(&str, &str, &str); 6] = [
    (
        "auth",
        "Accounts",
        "Registering, signing in, and what people do with their own account.",
    ),
    (
        "sessions",
        "Sessions",
        "The devices that an account is signed in on.",
    ),
    (
        "admin",
        "Administration",
        "Breach response, accounts and the audit log, for admins.",
    ),
    (
        "well",
        "Metadata",
        "What other services need to verify access tokens.",
    ),
    ("service", "Service", "Health, and this description."),
    (
        "pages",
        "Pages",
        "Pages that email links and error types lead to. Opening one changes nothing.",
    ),
];

/// All tags with their descriptions.
pub(super) fn tags() -> Value {
    TAGS.iter()
        .map(|(_, name, description)| json!({ "name": name, "description": description }))
        .collect()
}

/// The tag of a route's operation; a group without one fails a test.
pub(super) fn tag_of(route: &Route) -> &'static str {
    let group = route.function.split('-').next();
    TAGS.iter()
        .find(|(first, _, _)| Some(*first) == group)
        .map_or("", |(_, name, _)| *name)
}

/// The name of a schema that belongs to one route: `AuthLoginInput` for the function `auth-login`. Generators derive names from
/// operations, too, so `kind` must be none of the words that they append.
pub(super) fn schema(route: &Route, kind: &str) -> String {
    format!("{}{kind}", pascal(route.function))
}

/// A reference to the schema `name`.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// `rate_limited` and `rate-limited` are `RateLimited`.
pub(super) fn pascal(name: &str) -> String {
    let words = name.split(['-', '_']);
    words.fold(String::new(), |mut all, word| {
        let mut letters = word.chars();
        all.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        all.push_str(letters.as_str());
        all
    })
}
