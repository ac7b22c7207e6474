//! The order of the modules: no file imports, however indirectly, a file that imports it, and the modules of `shared` import
//! only from floors below their own.

use crate::guard_project::{code, files, read};
use crate::imports::Imports;

/// The modules of `shared`, from the ground up. Modules on one floor do not know each other.
const FLOORS: [&[&str]; 16] = [
    &["ground", "routes"],
    &["domain"],
    &["config"],
    &["telemetry", "tokens"],
    &["aws", "request"],
    &["audit_event"],
    &["store"],
    &["work"],
    &["keys", "limits", "passwords"],
    &["breach", "sign_in"],
    &["audit"],
    &["accounts"],
    &["http"],
    &["description"],
    &["mail"],
    &["runtime"],
];

/// The rooms below `http` that describe requests, and so know methods, headers and statuses.
const REQUESTS: [&str; 5] = ["config", "domain", "request", "routes", "telemetry"];

/// The crates with more than a file or two.
const CRATES: [&str; 8] = [
    "shared/src",
    "verify/src",
    "infra/aws/src",
    "infra/local/src",
    "infra/ops/src",
    "infra/bench/src",
    "infra/migrations/src",
    "infra/runtime/src",
];

fn floor(file: &str) -> Option<usize> {
    let module = file
        .split('/')
        .next()
        .unwrap_or_default()
        .trim_end_matches(".rs");
    FLOORS.iter().position(|modules| modules.contains(&module))
}

/// The first import that does not lead down, in words.
fn broken(imports: &Imports) -> Option<String> {
    let module = |file: &str| {
        file.split('/')
            .next()
            .unwrap_or_default()
            .trim_end_matches(".rs")
            .to_owned()
    };
    // `lib.rs` is the tour, and re-exports the clock.
    imports
        .pairs()
        .filter(|(from, to)| ![*from, *to].contains(&"lib.rs") && module(from) != module(to))
        .find_map(|(from, to)| {
            let floors = floor(from).zip(floor(to));
            match floors {
                Some((from_floor, to_floor)) if to_floor < from_floor => None,
                Some(_) => Some(format!(
                    "{from} imports {to}, which is not on a lower floor"
                )),
                None => Some(format!("{from} or {to} is on no floor")),
            }
        })
}

fn texts(files: &[(&str, &str)]) -> Imports {
    Imports::of_texts(
        files
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned())),
    )
}

#[test]
fn modules_import_only_from_floors_below() {
    assert_eq!(broken(&Imports::of("shared/src")), None);
}

/// What a file says about HTTP, if it is one of a room that must not.
fn http_in(file: &str, text: &str) -> Option<&'static str> {
    let room = file
        .split('/')
        .next()
        .unwrap_or_default()
        .trim_end_matches(".rs");
    if floor(file) >= floor("http") || REQUESTS.contains(&room) {
        return None;
    }
    let text = code(text);
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let says = |name: &&str| {
        let mut places = text.match_indices(*name);
        places.any(|(at, _)| !text[..at].ends_with(is_word))
    };
    ["http::", "axum", "Problem", "StatusCode", "HeaderValue"]
        .into_iter()
        .find(says)
}

#[test]
fn services_know_no_http() {
    let folder = "shared/src/";
    for name in files("shared/src", ".rs") {
        let file = &name[folder.len()..];
        if file != "lib.rs" {
            assert_eq!(http_in(file, &read(&name)), None, "{name}");
        }
    }
    for text in [
        "use http::HeaderMap;",
        "use axum::Router;",
        "fn f() -> Result<(), Problem> {",
    ] {
        assert!(http_in("limits.rs", text).is_some(), "{text}");
        assert_eq!(http_in("http/app.rs", text), None, "{text}");
    }
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    for folder in CRATES {
        assert_eq!(Imports::of(folder).circle(), None, "{folder}");
    }
}

/// The first of our own names in a text.
fn own_name(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let names = ["dashtam", "shared::", "shared.workspace", "template.yaml"];
    names.into_iter().find(|name| text.contains(name))
}

#[test]
fn the_aws_side_knows_no_name_of_ours() {
    let mut files = files("infra/aws/src", ".rs");
    files.push("infra/aws/Cargo.toml".to_owned());
    assert!(files.len() > 20, "{files:?}");
    for file in files {
        assert_eq!(own_name(&read(&file)), None, "{file}");
    }
    assert_eq!(
        own_name("use shared::clock::Clock;"),
        Some("shared::"),
        "one is found"
    );
}

#[test]
fn an_import_that_leads_up_is_named() {
    let up = [
        ("store/mod.rs", ""),
        ("tokens/mod.rs", "use super::store::{self, Store};"),
    ];
    let named = broken(&texts(&up)).expect("it is found");
    assert!(
        named.starts_with("tokens/mod.rs imports store/mod.rs"),
        "{named}"
    );
    let unknown = [("cellar.rs", "use crate::store;"), ("store/mod.rs", "")];
    assert!(broken(&texts(&unknown)).is_some_and(|named| named.contains("no floor")));
}

#[test]
fn a_circle_through_re_exports_and_paths_in_code_is_found() {
    let circle = texts(&[
        (
            "a/mod.rs",
            "mod left;\nmod right;\npub use left::{Left, other};\npub use right::Right;",
        ),
        ("a/left.rs", "use super::Right;"),
        ("a/right.rs", "fn f() -> crate::a::Left {}"),
    ]);
    assert_eq!(
        circle.circle(),
        Some(vec!["a/left.rs".to_owned(), "a/right.rs".to_owned()])
    );
    let tree = texts(&[
        (
            "a/mod.rs",
            "mod left;\npub use left::Left;\npub struct Shared;",
        ),
        (
            "a/left.rs",
            "use super::Shared;\n#[cfg(test)]\nmod tests {\n    use crate::b;\n}",
        ),
        ("b.rs", "use crate::a::Left;"),
    ]);
    assert_eq!(tree.circle(), None);
}
