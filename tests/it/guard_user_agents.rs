//! What `user_agents.json` says about each pattern follows from the pattern: the parts that a text must hold for it to match,
//! and the names that it can give where it also takes text of the sender's choosing.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::Value;

use crate::guard_project::{path, read};

const FILE: &str = "shared/src/domain/user_agents.json";

/// One character is in nearly every text.
const SHORTEST: usize = 2;
/// A class of more characters than this (`\d`, `[a-z]`) is text of the sender's choosing.
const MAX_CLASS: u8 = 4;
/// No pattern lists more names than this.
const MAX_NAMES: usize = 2_000;

/// Of each group, a text that matches holds at least one part.
type Group = BTreeSet<String>;

fn groups(pattern: &Hir) -> Vec<Group> {
    match pattern.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => fixed(pattern)
            .into_iter()
            .map(|text| Group::from([text]))
            .collect(),
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
        HirKind::Literal(literal) => Some(
            String::from_utf8(literal.0.to_vec())
                .expect("patterns of text")
                .to_ascii_lowercase(),
        ),
        HirKind::Class(Class::Unicode(class)) => {
            let mut letters = class.iter().flat_map(|range| range.start()..=range.end());
            let first = letters.next()?.to_ascii_lowercase();
            letters
                .all(|other| other.to_ascii_lowercase() == first)
                .then(|| first.to_string())
        }
        _ => None,
    }
}

/// A group of longer parts, then of fewer, lets fewer texts pass.
fn selectivity(group: &Group) -> (usize, usize) {
    (
        group.iter().map(String::len).min().unwrap_or(0),
        usize::MAX - group.len(),
    )
}

/// What a pattern needs, the most selective first. A part that JSON would escape is left out: the file is read in place.
fn needs(pattern: &str) -> Vec<Group> {
    let pattern = regex_syntax::parse(pattern).expect("a pattern");
    let kept = |group: &Group| {
        group
            .iter()
            .all(|part| part.len() >= SHORTEST && !part.contains(['"', '\\']))
    };
    let mut needs: Vec<_> = groups(&pattern).into_iter().filter(kept).collect();
    needs.sort_by(|one, other| (selectivity(other), one).cmp(&(selectivity(one), other)));
    needs.dedup();
    needs
}

/// The texts that a part of a pattern can match.
#[derive(Clone)]
struct Texts {
    listed: BTreeSet<String>,
    /// Whether there are no others.
    is_complete: bool,
}

impl Texts {
    fn one(text: &str) -> Self {
        Self {
            listed: BTreeSet::from([text.to_owned()]),
            is_complete: true,
        }
    }

    const fn unknown() -> Self {
        Self {
            listed: BTreeSet::new(),
            is_complete: false,
        }
    }

    fn or(mut self, other: Self) -> Self {
        self.listed.extend(other.listed);
        Self {
            is_complete: self.is_complete && other.is_complete,
            ..self
        }
    }

    fn then(&self, next: &Self) -> Self {
        let pairs = self
            .listed
            .iter()
            .flat_map(|one| next.listed.iter().map(move |other| format!("{one}{other}")));
        let listed = pairs.collect::<BTreeSet<_>>();
        assert!(listed.len() <= MAX_NAMES, "a pattern with too many names");
        Self {
            listed,
            is_complete: self.is_complete && next.is_complete,
        }
    }
}

fn texts(pattern: &Hir) -> Texts {
    match pattern.kind() {
        HirKind::Literal(literal) => {
            Texts::one(std::str::from_utf8(&literal.0).expect("patterns of text"))
        }
        HirKind::Class(Class::Unicode(class)) => {
            let letters: Vec<_> = class
                .iter()
                .flat_map(|range| range.start()..=range.end())
                .take(usize::from(MAX_CLASS) + 1)
                .collect();
            if letters.len() > usize::from(MAX_CLASS) {
                return Texts::unknown();
            }
            Texts {
                listed: letters.iter().map(char::to_string).collect(),
                is_complete: true,
            }
        }
        HirKind::Class(Class::Bytes(_)) => Texts::unknown(),
        HirKind::Capture(capture) => texts(&capture.sub),
        HirKind::Repetition(repetition) => {
            let (mut all, mut longest) = (Texts::unknown(), Texts::one(""));
            // A repetition without an end goes on after what is listed.
            all.is_complete = repetition.max.is_some();
            let last = repetition
                .max
                .unwrap_or(repetition.min)
                .min(u32::from(MAX_CLASS));
            all.is_complete &= repetition.max.is_some_and(|max| max <= last);
            for count in 0..=last {
                if count >= repetition.min {
                    all = all.or(longest.clone());
                }
                longest = longest.then(&texts(&repetition.sub));
            }
            all
        }
        HirKind::Concat(parts) => parts
            .iter()
            .fold(Texts::one(""), |before, part| before.then(&texts(part))),
        HirKind::Alternation(choices) => {
            let none = Texts {
                listed: BTreeSet::new(),
                is_complete: true,
            };
            choices.iter().map(texts).fold(none, Texts::or)
        }
        HirKind::Empty | HirKind::Look(_) => Texts::one(""),
    }
}

/// The capture group with this number.
fn group(pattern: &Hir, index: u32) -> Option<&Hir> {
    match pattern.kind() {
        HirKind::Capture(capture) if capture.index == index => Some(&capture.sub),
        HirKind::Capture(capture) => group(&capture.sub, index),
        HirKind::Repetition(repetition) => group(&repetition.sub, index),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().find_map(|part| group(part, index))
        }
        HirKind::Literal(_) | HirKind::Class(_) | HirKind::Empty | HirKind::Look(_) => None,
    }
}

/// The names that a pattern can give, if it can also give text of the sender's choosing; `None` if it cannot.
fn names(pattern: &str, replacement: Option<&str>) -> Option<BTreeSet<String>> {
    let pattern = regex_syntax::parse(pattern).expect("a pattern");
    let template = replacement.unwrap_or("$1");
    let mut parts = template.split('$');
    let mut name = Texts::one(parts.next().expect("one part at least"));
    for part in parts {
        let (index, rest) = part.split_at_checked(1).expect("the number of a group");
        // A group that takes no part in the match gives nothing.
        let taken =
            group(&pattern, index.parse().expect("a number")).map_or_else(|| Texts::one(""), texts);
        name = name.then(&taken).then(&Texts::one(rest));
    }
    let listed = name
        .listed
        .iter()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .collect();
    (!name.is_complete).then_some(listed)
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
        let replacement = ["family_replacement", "os_replacement"]
            .iter()
            .find_map(|key| entry.get(key)?.as_str());
        if let Some(names) = names(pattern, replacement) {
            write!(
                line,
                ", \"names\": {}",
                serde_json::to_string(&names).expect("texts")
            )
            .expect("a text");
        }
        write!(
            line,
            ", \"needs\": {}}}",
            serde_json::to_string(&needs(pattern)).expect("texts")
        )
        .expect("a text");
        line
    };
    let entries = file[name].as_array().expect("patterns");
    format!(
        "  \"{name}\": [\n{}\n  ]",
        entries.iter().map(line).collect::<Vec<_>>().join(",\n")
    )
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
        needs(pattern)
            .into_iter()
            .map(|group| group.into_iter().collect())
            .collect()
    };
    assert_eq!(parts(r"(Firefox)/(\d+)"), [["firefox"]]);
    assert_eq!(
        parts("Mobile.+(?:Chrome|Version)/x"),
        [vec!["mobile"], vec!["chrome", "version"], vec!["/x"]]
    );
    assert_eq!(parts("my[Bb][Oo]T[a-z]"), [["mybot"]]);
    assert_eq!(
        parts("(?:abcd|efgh)?(?:Some|)(?:Other)*"),
        Vec::<Vec<String>>::new()
    );
    assert_eq!(parts("(?:Once)+(?:Chrome|[a-z])"), [["once"]]);
}

#[test]
fn text_of_the_senders_choosing_is_no_name_of_a_pattern() {
    let names = |pattern: &str, replacement| -> Option<Vec<String>> {
        Some(names(pattern, replacement)?.into_iter().collect())
    };
    assert_eq!(names(r"(Firefox|[Cc]hrome)/(\d+)", None), None);
    assert_eq!(names(r"([^/]+)/\d+ CFNetwork", Some("Mail")), None);
    assert_eq!(names(r"([^/]+)/\d+ CFNetwork", None), Some(vec![]));
    assert_eq!(
        names(r"((?:[a-z]{1,30}-|)Googlebot|Yandex\w{1,30})/", None),
        Some(vec!["Googlebot".to_owned()])
    );
    assert_eq!(names(r"(Windows|Linux) (\d+)", Some("$1 $2")), Some(vec![]));
    assert_eq!(names("(?:No(Group)|)x", Some("$1 for ArcGIS")), None);
}
