//! `ops migrate create`: the file of a new migration, and its place in the list.

use std::path::Path;

use serde_json::json;
use shared::domain::Timestamp;

use crate::console::Answer;
use crate::failure::Failure;
use crate::options::MigrateTable;

/// What a new migration begins with; it is compiled with the tests of the others.
const TEMPLATE: &str = include_str!("../../../migrations/src/steps/template.rs");
/// What declares the template in the list.
const TEMPLATE_MODULE: &str = "#[cfg(test)]\nmod template;";
/// The longest name.
const LONGEST: usize = 50;

/// Writes the file into `dir` and registers it in the `mod.rs` beside it.
///
/// # Errors
/// The name is unusable, or `dir` is not where migrations are.
pub fn create(
    name: &str,
    table: MigrateTable,
    dir: &Path,
    now: Timestamp,
) -> Result<Answer, Failure> {
    let is_name = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && name.len() <= LONGEST;
    if !is_name {
        let what = format!("`{}` is no name of a migration.", name.escape_debug());
        return Err(Failure::usage(
            what,
            "Take small letters, digits and underscores, 50 at most: email_owner.",
        ));
    }
    let id = format!("{}_{name}", stamp(now));
    let list = dir.join("mod.rs");
    let unusable = |error: std::io::Error| {
        let what = format!("{} cannot be used: {error}.", dir.display());
        Failure::usage(
            what,
            "Run this in a checkout of the sources, or name the folder with --dir.",
        )
    };
    let registered = std::fs::read_to_string(&list).map_err(unusable)?;
    let registered = register(&registered, &format!("m{id}")).ok_or_else(|| {
        let what = format!(
            "{} has no list of migrations in the form that is known.",
            list.display()
        );
        Failure::refused(
            what,
            "Add the migration by hand; docs/migrations.md says how.",
        )
    })?;
    let file = dir.join(format!("m{id}.rs"));
    std::fs::write(&file, written(&id, name, table)).map_err(unusable)?;
    std::fs::write(&list, registered).map_err(unusable)?;
    let text = format!(
        "{} is written and registered.\nFill in what it does, then `cargo fmt` and `cargo test`; docs/migrations.md says what to watch.",
        file.display()
    );
    Ok(Answer {
        document: json!({ "id": id, "file": file.display().to_string() }),
        text,
    })
}

/// `20261125_083000`.
fn stamp(now: Timestamp) -> String {
    let digits: String = now
        .to_string()
        .chars()
        .filter(char::is_ascii_digit)
        .take(14)
        .collect();
    let (day, time) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    format!("{day}_{time}")
}

fn written(id: &str, name: &str, table: MigrateTable) -> String {
    let table = match table {
        MigrateTable::Users => "Table::Users",
        MigrateTable::Tokens => "Table::Tokens",
        MigrateTable::Security => "Table::Security",
    };
    let text = TEMPLATE
        .replace("00000000_000000_name", id)
        .replace("Table::Users", table);
    text.replace("DESCRIPTION", &name.replace('_', " "))
}

/// The list with one more at its end; `None` if it is not of the known form.
fn register(list: &str, module: &str) -> Option<String> {
    let (head, rest) = list.split_once("= &[")?;
    let (entries, tail) = rest.split_once("];")?;
    // The modules before this one are those of the migrations, in order; there may be none yet.
    let (before, after) = head.split_at_checked(head.find(TEMPLATE_MODULE)?)?;
    let entries = entries
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    let own = format!("{module}::MIGRATION");
    let entries: Vec<_> = entries.chain([own.as_str()]).collect();
    Some(format!(
        "{before}mod {module};\n{after}= &[\n    {},\n];{tail}",
        entries.join(",\n    ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_one_is_declared_and_listed_last() {
        let none =
            "//! Doc.\n\n#[cfg(test)]\nmod template;\n\npub const ALL: &[Migration] = &[];\n\nrest";
        let one = register(none, "m20250101_000000_a").unwrap();
        assert_eq!(
            one,
            "//! Doc.\n\nmod m20250101_000000_a;\n#[cfg(test)]\nmod template;\n\npub const ALL: &[Migration] = &[\n    m20250101_000000_a::MIGRATION,\n];\n\nrest"
        );
        let formatted = one.replace(
            "&[\n    m20250101_000000_a::MIGRATION,\n]",
            "&[m20250101_000000_a::MIGRATION]",
        );
        for list in [one, formatted] {
            let two = register(&list, "m20250102_000000_b").unwrap();
            assert_eq!(
                two,
                "//! Doc.\n\nmod m20250101_000000_a;\nmod m20250102_000000_b;\n#[cfg(test)]\nmod template;\n\npub const ALL: &[Migration] = &[\n    m20250101_000000_a::MIGRATION,\n    m20250102_000000_b::MIGRATION,\n];\n\nrest"
            );
        }
        assert_eq!(register("nothing of the kind", "m2"), None);
    }

    #[test]
    fn the_file_has_its_own_name_and_table() {
        let text = written(
            "20261125_083000_last_seen",
            "last_seen",
            MigrateTable::Tokens,
        );
        assert!(
            text.starts_with("//! last seen.") && text.contains("\"20261125_083000_last_seen\""),
            "{text}"
        );
        assert!(
            text.contains("table: Table::Tokens") && !text.contains("DESCRIPTION"),
            "{text}"
        );
        assert_eq!(
            stamp(Timestamp::from_millis(1_700_000_000_000)),
            "20231114_221320"
        );
    }
}
