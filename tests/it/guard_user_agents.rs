//! The parts that a text must hold for a pattern of `user_agents.json` to match it are those that follow from the pattern.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::Value;

use crate::guard_project::{path, read};

const FILE: &str = "shared/src/domain/user_agents.json";

/// One character is in nearly every text.
const SHORTEST: usize = 2;

/// Of each group, a text that matches holds at least one part.
type Group = BTreeSet<String>;

fn groups(pattern: &Hir) -> Vec<Group> {
    match pattern.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => fixed(pattern).into_iter().map(|text| Group::from([text])).collect(),
        HirKind::Capture(capture) => groups(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => groups(&repetition.sub),
        HirKind::Concat(parts) => joined(parts),
        HirKind::Alternation(choices) => {
            let best = |choice| groups(choice).into_iter().max_by_key(selectivity);
            let best: Option<Vec<_>> = choices.iter().map(best).collect();
            best.map_or_else(Vec::new, |all| vec![all.into_iter().flatten().collect()])
        }
        HirKind::Repetition(_) | HirKind::Empty | HirKind::Look(_) => Vec::new(),
    }
}

/// The groups of parts that stand side by side; what is the same in every text becomes one.
fn joined(parts: &[Hir]) -> Vec<Group> {
    let mut found = Vec::new();
    for run in parts.chunk_by(|one, next| fixed(one).is_some() && fixed(next).is_some()) {
        match run.iter().map(fixed).collect::<Option<String>>() {
            Some(text) => found.push(Group::from([text])),
            None => found.extend(run.iter().flat_map(groups)),
        }
    }
    found
}

/// What a part is in every text, in small letters: a text, or one letter in either case.
fn fixed(part: &Hir) -> Option<String> {
    match part.kind() {
        HirKind::Literal(literal) => {
            Some(String::from_utf8(literal.0.to_vec()).expect("patterns of text").to_ascii_lowercase())
        }
        HirKind::Class(Class::Unicode(class)) => {
            let mut letters = class.iter().flat_map(|range| range.start()..=range.end());
            let first = letters.next()?.to_ascii_lowercase();
            letters.all(|other| other.to_ascii_lowercase() == first).then(|| first.to_string())
        }
        _ => None,
    }
}

/// A group of longer parts, then of fewer, lets fewer texts pass.
fn selectivity(group: &Group) -> (usize, usize) {
    (group.iter().map(String::len).min().unwrap_or(0), usize::MAX - group.len())
}

/// What a pattern needs, the most selective first. A part that JSON would escape is left out: the file is read in place.
fn needs(pattern: &str) -> Vec<Group> {
    let pattern = regex_syntax::parse(pattern).expect("a pattern");
    let kept = |group: &Group| group.iter().all(|part| part.len() >= SHORTEST && !part.contains(['"', '\\']));
    let mut needs: Vec<_> = groups(&pattern).into_iter().filter(kept).collect();
    needs.sort_by(|one, other| (selectivity(other), one).cmp(&(selectivity(one), other)));
    needs.dedup();
    needs
}

/// The list under `name`, a pattern a line.
fn lines(file: &Value, name: &str) -> String {
    let line = |entry: &Value| {
        let pattern = entry["regex"].as_str().expect("a pattern");
        let mut line = format!("    {{\"regex\": {}", entry["regex"]);
        for key in ["family_replacement", "os_replacement"] {
            if let Some(replacement) = entry.get(key) {
                write!(line, ", \"{key}\": {replacement}").expect("a text");
            }
        }
        write!(line, ", \"needs\": {}}}", serde_json::to_string(&needs(pattern)).expect("texts")).expect("a text");
        line
    };
    let entries = file[name].as_array().expect("patterns");
    format!("  \"{name}\": [\n{}\n  ]", entries.iter().map(line).collect::<Vec<_>>().join(",\n"))
}

#[test]
fn what_a_pattern_needs_follows_from_it() {
    let written = read(FILE);
    let file: Value = serde_json::from_str(&written).expect("the table");
    let heads = ["source", "licence"].map(|key| format!("  \"{key}\": {},\n", file[key]));
    let lists = ["user_agent_parsers", "os_parsers"].map(|name| lines(&file, name));
    let expected = format!("{{\n{}{}\n}}\n", heads.concat(), lists.join(",\n"));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path(FILE), &expected).expect("the table is written");
        return;
    }
    assert!(
        written == expected,
        "{FILE} is outdated; write it anew: UPDATE_DOCS=1 cargo test -p bundle-tests user_agents"
    );
}

#[test]
fn a_text_that_matches_holds_a_part_of_each_group() {
    let parts = |pattern: &str| -> Vec<Vec<String>> {
        needs(pattern).into_iter().map(|group| group.into_iter().collect()).collect()
    };
    assert_eq!(parts(r"(Firefox)/(\d+)"), [["firefox"]]);
    assert_eq!(parts("Mobile.+(?:Chrome|Version)/x"), [vec!["mobile"], vec!["chrome", "version"], vec!["/x"]]);
    assert_eq!(parts("my[Bb][Oo]T[a-z]"), [["mybot"]]);
    assert_eq!(parts("(?:abcd|efgh)?(?:Some|)(?:Other)*"), Vec::<Vec<String>>::new());
    assert_eq!(parts("(?:Once)+(?:Chrome|[a-z])"), [["once"]]);
}
