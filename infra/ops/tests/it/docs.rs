//! Every command of the operator's pages is one that there is: a runbook that is mistyped is found in an emergency.

use std::path::Path;

use clap::Parser as _;
use clap::error::ErrorKind::{DisplayHelpOnMissingArgumentOrSubcommand, MissingRequiredArgument};
use ops::options::Options;

/// The pages: the command's own and every runbook.
fn pages() -> Vec<(String, String)> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let entries = std::fs::read_dir(docs.join("runbooks"))
        .expect("runbooks")
        .map(|entry| entry.expect("an entry").path());
    let page = |path: &Path| {
        (
            path.display().to_string(),
            std::fs::read_to_string(path).expect("a page"),
        )
    };
    entries
        .chain([docs.join("operations.md")])
        .map(|path| page(&path))
        .collect()
}

/// A command as a page has it.
struct Written {
    text: String,
    /// Whether it stands in the running text, where a command may be named without its options.
    is_named: bool,
}

/// The commands of a page: lines and quoted words that begin with `ops`.
fn commands(text: &str) -> Vec<Written> {
    let joined = text.replace("\\\n", " ");
    let command = |text: &str, is_named| {
        text.trim_start().strip_prefix("ops ").map(|text| Written {
            text: text.to_owned(),
            is_named,
        })
    };
    let lines = joined.lines().filter_map(|line| command(line, false));
    let quoted = joined
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| !code.contains('\n'));
    lines
        .chain(quoted.filter_map(|code| command(code, true)))
        .collect()
}

/// The words of a command, as a shell splits them; ends at a comment, a pipe or a redirection.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in command.chars() {
        match c {
            '"' => quoted = !quoted,
            '#' | '|' | '>' | '<' if !quoted && word.is_empty() => break,
            c if c.is_whitespace() && !quoted => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            }
            c => word.push(c),
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

#[test]
fn every_command_of_the_pages_is_one_that_there_is() {
    let mut count = 0;
    for (page, text) in pages() {
        for Written { text, is_named } in commands(&text) {
            let read =
                Options::try_parse_from(std::iter::once("ops".to_owned()).chain(words(&text)));
            let Err(error) = read else {
                count += 1;
                continue;
            };
            let is_short = matches!(
                error.kind(),
                MissingRequiredArgument | DisplayHelpOnMissingArgumentOrSubcommand
            );
            assert!(is_named && is_short, "{page}: ops {text}\n{error}");
        }
    }
    assert!(count > 50, "the test finds {count} commands only");
}
