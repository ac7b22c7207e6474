//! `docs/crypto-inventory.md` names every reader of every secret: the routes that read it, and the functions without a route
//! that the template lets read it.

use std::collections::{BTreeMap, BTreeSet};

use shared::routes::{self, Secret};

use crate::guard_project::{assert_same, functions, read};
use crate::guard_rights::{logical_id, resources_of, rights, template};

const PAGE: &str = "docs/crypto-inventory.md";

/// A row of the page: what it begins with, the secret's logical id in the template, and what the route table calls it.
const KEYS: [(&str, &str, Option<Secret>); 4] = [
    (
        "signing ring (private halves)",
        "SigningRing",
        Some(Secret::SigningRing),
    ),
    ("data ring", "DataRing", None),
    ("mail key", "MailKey", Some(Secret::MailKey)),
    ("cursor key", "CursorKey", Some(Secret::CursorKey)),
];

/// The functions that a row says read the key.
fn told(row: &str) -> BTreeSet<String> {
    let page = read(PAGE);
    let line = page
        .lines()
        .find(|line| line.starts_with(&format!("| {row} |")));
    assert!(line.is_some(), "{PAGE} has no row for the {row}");
    let cell = line
        .unwrap_or_default()
        .split('|')
        .nth(4)
        .expect("who reads it");
    let known = functions();
    cell.split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| known.contains_key(*name))
        .map(str::to_owned)
        .collect()
}

/// The functions that may read it.
fn readers(id: &str, secret: Option<Secret>) -> BTreeSet<String> {
    let template = resources_of(&template(), "AWS::Serverless::Function");
    let of_routes: BTreeMap<_, _> = routes::ALL
        .iter()
        .map(|route| (route.program(), route.secrets))
        .collect();
    let reads = |function: &&String| {
        if let Some(secrets) = of_routes.get(function.as_str()) {
            return secret.is_some_and(|secret| secrets.contains(&secret));
        }
        let own = logical_id(function);
        let rights = template
            .get(&own)
            .map(|function| rights(&own, function))
            .unwrap_or_default();
        rights.contains(&(id.to_owned(), "secretsmanager:GetSecretValue".to_owned()))
    };
    functions().keys().filter(reads).cloned().collect()
}

#[test]
fn the_page_of_keys_names_every_reader_of_each() {
    for (row, id, secret) in KEYS {
        let who = format!("the readers of the {row}");
        assert_same((&who, &readers(id, secret)), (PAGE, &told(row)));
    }
}

#[test]
fn the_page_of_keys_has_a_row_for_each_secret() {
    let secrets = resources_of(&template(), "AWS::SecretsManager::Secret");
    let listed: BTreeSet<_> = KEYS.iter().map(|(_, id, _)| (*id).to_owned()).collect();
    assert_same(
        ("template.yaml", &secrets.into_keys().collect()),
        ("the keys of this guard", &listed),
    );
}
