//! What the documentation says is so: the settings, the links, the two commands.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use dashtam_local::cloudformation;
use serde_json::Value;
use shared::config::{Config, Relation, Variable};

use crate::guard_project::{entries, files, path, read};

/// The generated page.
const PAGE: &str = "docs/configuration.md";

/// The page's sections and the variable that each begins with, without `DASHTAM_`, in the order of `Config::variables`.
const SECTIONS: [(&str, &str); 7] = [
    ("Where it runs", "STAGE"),
    ("Mail and its links", "APP_BASE_URL"),
    ("Tokens and sessions", "ISSUER"),
    ("Passwords and accounts", "PASSWORD_PROFILE"),
    ("Network", "TRUSTED_EDGE"),
    ("Audit trail", "AUDIT_RETENTION_DAYS"),
    ("Metrics and traces", "METRICS"),
];

/// The last section: all limits, whichever comes first.
const LIMITS: &str = "RATE_LIMIT_";

/// The page as the code has it.
fn page() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Every setting is an environment variable. An empty value counts as none. A process reads them once, when it starts;\n\
         with a wrong value, or a name that begins with `DASHTAM_` and is not listed here, it does not start and lists every\n\
         fault. `ops config check` lists them beforehand ([operations.md](operations.md)). A deployment sets some of them from the parameters of\n\
         `template.yaml`, `cargo run` takes all of them from its environment and, where that is silent, from `.env` or the file that\n\
         `--env-file` names: lines of `NAME=value`, quoted where a value needs it. A start says which names came from the file.\n\n\
         A test writes this page from `shared/src/config`: `UPDATE_DOCS=1 cargo test -p bundle-tests guard_docs`.\n",
    );
    let mut sections = SECTIONS.into_iter().peekable();
    let mut in_limits = false;
    for variable in Config::variables() {
        let name = variable.name.trim_start_matches("DASHTAM_").to_owned();
        if let Some((title, _)) = sections.next_if(|(_, first)| *first == name) {
            begin(&mut page, title);
        } else if name.starts_with(LIMITS) && !in_limits {
            in_limits = true;
            begin(&mut page, "Limits");
        }
        row(&mut page, &variable);
    }
    assert_eq!(
        sections.next(),
        None,
        "this section begins with a variable that there is not, or not in this place"
    );
    relations(&mut page);
    page
}

/// The pairs of settings that limit each other.
fn relations(page: &mut String) {
    page.push_str(
        "\n## Settings that limit each other\n\n\
         Each value is valid by itself; together they must make sense. A pair that is refused keeps every process from\n\
         starting, and the fault has both names; `ops config check` says the same. For the others the row says what the service does.\n\n\
         | Setting | What holds | Otherwise |\n|---|---|---|\n",
    );
    for relation in &Relation::ALL {
        let otherwise = if relation.is_refused() {
            "refused at start"
        } else {
            "handled while the service runs"
        };
        let _ = writeln!(
            page,
            "| `DASHTAM_{}` | {} | {otherwise} |",
            relation.first,
            relation.rule()
        );
    }
}

fn begin(page: &mut String, title: &str) {
    let _ = write!(
        page,
        "\n## {title}\n\n| Name | Values | Default | Meaning |\n|---|---|---|---|\n"
    );
}

fn row(page: &mut String, variable: &Variable) {
    let cell = |text: &str| text.replace('|', "\\|");
    let default = if variable.default.is_empty() {
        "none".to_owned()
    } else {
        format!("`{}`", cell(&variable.default))
    };
    let _ = writeln!(
        page,
        "| `{}` | {} | {default} | {} |",
        variable.name,
        cell(&variable.values),
        cell(&variable.meaning)
    );
}

fn known_variables() -> BTreeSet<String> {
    Config::variables()
        .into_iter()
        .map(|variable| variable.name)
        .collect()
}

/// The variables that the template gives to functions.
fn deployed_variables(template: &Value) -> BTreeSet<String> {
    let functions = template["Resources"]
        .as_object()
        .expect("resources")
        .values()
        .map(|resource| &resource["Properties"]);
    let places = functions.chain([&template["Globals"]["Function"]]);
    let variables = places.filter_map(|place| place["Environment"]["Variables"].as_object());
    variables
        .flat_map(|variables| variables.keys().cloned())
        .collect()
}

/// Every page of prose.
fn pages() -> Vec<String> {
    let is_page = |name: &String| {
        path(name)
            .extension()
            .is_some_and(|extension| extension == "md")
    };
    entries(".")
        .into_iter()
        .filter(is_page)
        .chain(files("docs", ".md"))
        .collect()
}

/// The targets of a page's links that are files of the project.
fn relative_links(text: &str) -> Vec<String> {
    let mut in_code = false;
    let prose = text.lines().filter(|line| {
        in_code ^= line.trim_start().starts_with("```");
        !in_code
    });
    let targets = prose.flat_map(|line| {
        line.split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
    });
    let files = targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
    files
        .map(|target| target.split('#').next().unwrap_or_default().to_owned())
        .filter(|target| !target.is_empty())
        .collect()
}

#[test]
fn the_page_of_settings_is_what_the_code_reads() {
    let expected = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(PAGE), &expected).expect("the page is written");
    }
    let written = std::fs::read_to_string(path(PAGE)).unwrap_or_default();
    assert!(
        written == expected,
        "{PAGE} is outdated; write it anew: UPDATE_DOCS=1 cargo test -p bundle-tests guard_docs"
    );
}

#[test]
fn every_setting_of_the_template_is_one_that_the_code_reads() {
    let template = cloudformation::parse(&read("template.yaml")).expect("a template");
    let (known, deployed) = (known_variables(), deployed_variables(&template));
    assert!(
        deployed.contains("DASHTAM_STAGE"),
        "the guard does not find the template's variables"
    );
    let unknown: Vec<_> = deployed.difference(&known).collect();
    assert!(
        unknown.is_empty(),
        "template.yaml sets what nothing reads: {unknown:?}"
    );
}

#[test]
fn every_setting_that_a_page_names_is_one_that_the_code_reads() {
    let known = known_variables();
    for page in pages() {
        let text = read(&page);
        for rest in text.split("DASHTAM_").skip(1) {
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || *c == '_')
                .collect();
            // A family is named by its beginning: `DASHTAM_*`, `DASHTAM_RATE_LIMIT_<RULE>`.
            let is_beginning = name.is_empty() || name.ends_with('_');
            let named = format!("DASHTAM_{name}");
            let exists = if is_beginning {
                known.iter().any(|known| known.starts_with(&named))
            } else {
                known.contains(&named)
            };
            assert!(exists, "{page} names {named}");
        }
    }
}

#[test]
fn every_relative_link_leads_to_a_file() {
    let mut dead = Vec::new();
    for page in pages() {
        let folder = page.rsplit_once('/').map_or(".", |(folder, _)| folder);
        let links = relative_links(&read(&page)).into_iter();
        dead.extend(
            links
                .filter(|target| !path(&format!("{folder}/{target}")).exists())
                .map(|target| format!("{page}: {target}")),
        );
    }
    assert!(dead.is_empty(), "dead links: {dead:#?}");
}

#[test]
fn the_readme_begins_with_the_two_commands() {
    let readme = read("README.md");
    for command in ["cargo run", "cargo test --workspace"] {
        let stands = readme
            .lines()
            .take(30)
            .any(|line| line.split('#').next().unwrap_or_default().trim() == command);
        assert!(stands, "the README's first screen lacks `{command}`");
    }
}

#[test]
fn the_readme_waits_for_mail_at_the_local_run_and_gives_up() {
    let readme = read("README.md");
    let mailed = readme
        .split("\nmailed() {")
        .nth(1)
        .and_then(|rest| rest.split("\n}").next())
        .expect("a function");
    // `URL` is that of the separate processes, which have no mail.
    assert!(
        mailed.contains("\"$LOCAL/_local/mail") && !mailed.contains("$URL"),
        "{mailed}"
    );
    assert!(
        mailed.contains("return 1"),
        "it loops for ever without mail: {mailed}"
    );
}

#[test]
fn the_readme_installs_one_version_of_cargo_lambda_into_an_environment_of_its_own() {
    let readme = read("README.md");
    assert!(readme.contains("python3 -m venv ~/.cargo-lambda"));
    for line in readme
        .lines()
        .filter(|line| line.contains("install cargo-lambda"))
    {
        assert!(line.contains("cargo-lambda=="), "{line}");
    }
    let watch = readme
        .lines()
        .find(|line| line.starts_with("cargo lambda watch"))
        .expect("a command");
    assert!(
        watch.contains("--env-file .dashtam/lambda.env") && watch.contains("--disable-cors"),
        "{watch}"
    );
}

/// Every placeholder of an event is explained where the page says how to invoke one.
#[test]
fn the_page_of_separate_processes_explains_every_placeholder_of_the_events() {
    let page = read("docs/separate-processes.md");
    let mut unknown = BTreeSet::new();
    for name in files("events", "json") {
        for placeholder in read(&name)
            .split("{{")
            .skip(1)
            .filter_map(|rest| rest.split("}}").next().map(str::to_owned))
        {
            if !page.contains(&format!("{{{{{placeholder}}}}}")) {
                unknown.insert(placeholder);
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// The files in which each test stands, by its name.
fn tests() -> BTreeMap<String, BTreeSet<String>> {
    let mut tests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in ["tests", "shared", "verify", "infra", "functions"]
        .iter()
        .flat_map(|folder| files(folder, ".rs"))
    {
        let mut is_test = false;
        for line in read(&file).lines().map(str::trim) {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            let name = line
                .trim_start_matches("async ")
                .strip_prefix("fn ")
                .and_then(|rest| rest.split('(').next());
            if let Some(name) = name.filter(|_| std::mem::take(&mut is_test)) {
                tests
                    .entry(name.to_owned())
                    .or_default()
                    .insert(file.clone());
            }
        }
    }
    tests
}

/// What the last cell of a row names and is not there: scripts, and tests in the files that are named before them, as in
/// "`file.rs`: `test`", or after them, as in "`test` in `file.rs`".
fn missing(cell: &str, tests: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let (mut missing, mut waiting, mut named) = (Vec::new(), Vec::new(), 0);
    let mut file: Option<String> = None;
    let pieces: Vec<_> = cell.split('`').collect();
    for (before, quoted) in pieces
        .iter()
        .step_by(2)
        .zip(pieces.iter().skip(1).step_by(2))
    {
        let is_file = quoted.contains('/') || path(quoted).exists() || quoted.contains(".rs");
        let is_name = quoted.matches('_').count() > 1
            && quoted
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '_');
        named += usize::from(is_file || is_name);
        if is_file && before.ends_with(" in ") {
            let elsewhere = |name: &&String| {
                !tests
                    .get(*name)
                    .is_some_and(|files| files.iter().any(|f| f.ends_with(quoted)))
            };
            missing.extend(waiting.drain(..).filter(|name| elsewhere(&name)));
        } else if is_file {
            file = Some((*quoted).to_owned());
            if !path(quoted).exists() && !path(&format!("shared/src/{quoted}")).exists() {
                missing.push((*quoted).to_owned());
            }
        } else if let Some(file) = file.as_ref().filter(|_| is_name) {
            if !tests.get(*quoted).is_some_and(|files| files.contains(file)) {
                missing.push(format!("{file}: {quoted}"));
            }
        } else if is_name {
            waiting.push((*quoted).to_owned());
        }
    }
    // A test without a file is a unit test in the file of the construction.
    let is_beside = |name: &String| {
        tests
            .get(name)
            .is_some_and(|files| files.iter().any(|file| file.contains("src/")))
    };
    missing.extend(waiting.into_iter().filter(|name| !is_beside(name)));
    if named == 0 {
        missing.push("no test".to_owned());
    }
    missing
}

/// A test that is renamed or removed takes its row along.
#[test]
fn every_test_that_the_threat_model_names_is_in_the_file_that_it_names() {
    let (page, tests) = (read("docs/threat-model.md"), tests());
    let (mut wrong, mut is_table, mut rows) = (Vec::new(), false, 0);
    for line in page.lines() {
        if !line.starts_with('|') {
            is_table = false;
        } else if line.ends_with("| Shown by |") {
            is_table = true;
        } else if is_table && !line.starts_with("|--") {
            let cells: Vec<_> = line.trim_end_matches(" |").split(" | ").collect();
            let faults = missing(cells.last().copied().unwrap_or_default(), &tests);
            wrong.extend(
                faults
                    .into_iter()
                    .map(|fault| format!("{}: {fault}", cells[0])),
            );
            rows += 1;
        }
    }
    assert!(rows > 200, "the tables were not found");
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An interactive zsh takes `#` for a word, so a command with a comment behind it gets the comment as arguments.
#[test]
fn no_shell_block_holds_a_comment() {
    let mut found = Vec::new();
    for page in pages() {
        let mut is_shell = false;
        for line in read(&page).lines() {
            if let Some(kind) = line.trim_start().strip_prefix("```") {
                is_shell = ["sh", "bash", "shell", "console"].contains(&kind.trim());
            } else if is_shell && line.split_whitespace().any(|word| word.starts_with('#')) {
                found.push(format!("{page}: {line}"));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}
