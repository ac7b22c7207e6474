//! The lists of endpoints are one list: `routes/`, the composition, the folders of functions, `template.yaml`, `events/`
//! and the README. A failure names what is missing where.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bundle_tests::TestApp;
use dashtam_local::template::{ANY, Template};
use http::Method;
use shared::routes;

use crate::guard_project::{assert_same, folders, functions, read};

/// Functions without a route.
const WITHOUT_ROUTE: [&str; 11] = [
    "access-authorizer",
    "audit-checkpoint",
    "audit-reconciler",
    "audit-sealer",
    "keys-init",
    "keys-rotate-data",
    "keys-rotate-signing",
    "outbox-digests",
    "outbox-mailer",
    "outbox-sweeper",
    "service-fallback",
];

type Address = (String, String, String);

fn address(function: &str, method: &str, path: &str) -> Address {
    (function.to_owned(), method.to_owned(), path.to_owned())
}

/// What `routes/` says: function, method, path.
fn of_routes() -> BTreeSet<Address> {
    routes::ALL
        .iter()
        .map(|route| address(route.function, route.method.as_str(), route.path))
        .collect()
}

/// Every function there must be.
fn all_functions() -> BTreeSet<String> {
    let with_route = routes::ALL.iter().map(|route| route.program());
    with_route.chain(WITHOUT_ROUTE).map(str::to_owned).collect()
}

/// Every endpoint, and every function that has none.
fn all_names() -> BTreeSet<String> {
    let endpoints = routes::ALL.iter().map(|route| route.function);
    endpoints.chain(WITHOUT_ROUTE).map(str::to_owned).collect()
}

/// The cells in backticks of the README's tables that name a function first.
fn readme_rows() -> Vec<Vec<String>> {
    let readme = read("README.md");
    let rows = readme.lines().filter(|line| line.starts_with("| `"));
    let cells = |line: &str| -> Vec<String> {
        let cells = line.trim_matches('|').split('|').map(str::trim);
        cells
            .map_while(|cell| cell.strip_prefix('`')?.strip_suffix('`').map(str::to_owned))
            .collect()
    };
    let known = all_names();
    let looks_like_one = |name: &str| {
        name.contains('-') && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
    };
    rows.map(cells)
        .filter(|row| {
            row.first()
                .is_some_and(|name| known.contains(name) || looks_like_one(name))
        })
        .collect()
}

#[tokio::test]
async fn every_route_is_composed_and_in_the_same_order() {
    let app = TestApp::start().await;
    let endpoints = dashtam_local::endpoints::all(&app.environment)
        .await
        .expect("endpoints");
    let composed: Vec<_> = endpoints
        .iter()
        .map(|endpoint| endpoint.route().function)
        .collect();
    let listed: Vec<_> = routes::ALL.iter().map(|route| route.function).collect();
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    assert_same(
        ("routes/", &set(&listed)),
        ("infra/local/src/endpoints.rs", &set(&composed)),
    );
    assert_eq!(
        composed, listed,
        "infra/local/src/endpoints.rs has another order than routes/"
    );
}

#[test]
fn every_function_has_its_folder_and_every_folder_its_function() {
    let crates = functions();
    assert_same(
        ("routes/", &all_functions()),
        ("functions/", &crates.keys().cloned().collect()),
    );
    for (name, folder) in crates {
        let words: Vec<_> = folder.split('/').skip(1).collect();
        assert_eq!(
            name,
            words.join("-"),
            "the crate in {folder} must be named after its folders"
        );
    }
}

#[test]
fn every_function_is_deployed_and_nothing_else() {
    let template = Template::embedded().expect("a template");
    assert_same(
        ("routes/", &all_functions()),
        ("template.yaml", &template.functions.into_iter().collect()),
    );
}

#[test]
fn every_route_is_deployed_and_the_fallback_stands_beside_it() {
    let mut expected = BTreeSet::new();
    for route in routes::ALL {
        expected.insert(address(route.program(), route.method.as_str(), route.path));
        if route.method == Method::GET {
            expected.insert(address(route.program(), "HEAD", route.path));
        }
        expected.insert(address("service-fallback", ANY, route.path));
    }
    expected.insert(address("service-fallback", ANY, "/"));
    expected.insert(address("service-fallback", ANY, "/{proxy+}"));
    let template = Template::embedded().expect("a template");
    let deployed = template
        .routes
        .into_iter()
        .map(|route| (route.function, route.method, route.path))
        .collect();
    assert_same(("routes/", &expected), ("template.yaml", &deployed));
}

#[test]
fn every_endpoint_and_every_other_function_has_its_events() {
    assert_same(
        ("routes/", &all_names()),
        (
            "events/",
            &folders("events")
                .into_iter()
                .filter(|name| !name.starts_with("__"))
                .collect(),
        ),
    );
}

#[test]
fn the_readme_lists_every_endpoint_and_no_other() {
    let rows = readme_rows();
    let endpoints = rows.iter().filter_map(|row| match row.as_slice() {
        [function, method, path] => Some(address(function, method, path)),
        _ => None,
    });
    assert_same(
        ("routes/", &of_routes()),
        ("the README's table of endpoints", &endpoints.collect()),
    );
    let others = rows
        .iter()
        .filter(|row| row.len() == 1)
        .map(|row| row[0].clone());
    let without_route = WITHOUT_ROUTE
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    assert_same(
        ("the functions without a route", &without_route),
        ("the README's second table", &others.collect()),
    );
}

/// The table by which `cargo lambda watch` serves the routes. It answers 404 in its own words for what the table does not
/// name, so every other method and path goes to the fallback, as at the gateway.
fn watch_table() -> String {
    const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    let mut paths: Vec<&str> = Vec::new();
    for route in routes::ALL {
        if !paths.contains(&route.path) {
            paths.push(route.path);
        }
    }
    let mut table = String::new();
    for path in paths {
        let function = |method: &&str| {
            let method = Method::from_bytes(method.as_bytes()).expect("a method");
            let route = routes::ALL
                .iter()
                .find(|route| route.path == path && route.answers(&method));
            route.map_or("service-fallback", |route| route.program())
        };
        let entry = |method: &&str| {
            format!(
                "{{ method = \"{method}\", function = \"{}\" }}",
                function(method)
            )
        };
        let entries: Vec<_> = METHODS.iter().map(entry).collect();
        let _ = writeln!(table, "{path:?} = [\n    {},\n]", entries.join(",\n    "));
    }
    table + "\"/\" = \"service-fallback\"\n\"/{*path}\" = \"service-fallback\"\n"
}

#[test]
fn cargo_lambda_watch_serves_every_method_of_every_path() {
    const BEGIN: &str = "[workspace.metadata.lambda.watch.router]\n";
    let manifest = read("Cargo.toml");
    let (head, rest) = manifest.split_once(BEGIN).expect("the table");
    let (table, tail) = rest.split_once("\n[").expect("what comes behind it");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let written = format!("{head}{BEGIN}{}\n[{tail}", watch_table());
        std::fs::write(bundle_tests::project::path("Cargo.toml"), written)
            .expect("the manifest is written");
        return;
    }
    assert!(
        table == watch_table(),
        "the table of routes in Cargo.toml is outdated; write it again: UPDATE_DOCS=1 cargo test -p bundle-tests guard_routes"
    );
}
