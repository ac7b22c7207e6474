//! Which file of a crate imports which: read from the text of its `use` declarations and paths.
//!
//! A name that a module only re-exports counts for the file that defines it, so that a circle through a `mod.rs` is seen.
#![expect(clippy::indexing_slicing, reason = "positions that were just found")]

use std::collections::{BTreeMap, BTreeSet};

use crate::guard_project::{files, read};

/// A module's path below its crate, such as `["store", "users"]`; empty for `lib.rs`.
type Module = Vec<String>;

/// The imports of one crate, file by file. Tests are left out.
pub struct Imports(BTreeMap<String, BTreeSet<String>>);

impl Imports {
    /// Reads the crate whose sources are in `folder`.
    pub fn of(folder: &str) -> Self {
        let sources = files(folder, ".rs")
            .into_iter()
            .filter(|name| !is_test(name));
        Self::of_texts(sources.map(|name| (name[folder.len() + 1..].to_owned(), read(&name))))
    }

    /// The same of texts, by the name of their file below the crate's sources.
    pub fn of_texts(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let texts: BTreeMap<_, _> = texts
            .into_iter()
            .map(|(name, text)| (name, without_tests(&text)))
            .collect();
        let modules: BTreeMap<Module, &String> =
            texts.keys().map(|name| (module_of(name), name)).collect();
        let exports: BTreeMap<Module, Vec<Module>> = texts
            .iter()
            .map(|(name, text)| {
                let module = module_of(name);
                let exported = uses(text).into_iter().filter(|(is_public, _)| *is_public);
                let absolute = exported.filter_map(|(_, path)| absolute(&module, &path, &modules));
                (module.clone(), absolute.collect())
            })
            .collect();
        let imports = texts.iter().map(|(name, text)| {
            let module = module_of(name);
            let declared = uses(text)
                .into_iter()
                .filter(|(is_public, _)| !is_public)
                .map(|(_, path)| path);
            let targets = declared.chain(inline_paths(text)).filter_map(|path| {
                let path = absolute(&module, &path, &modules)?;
                file_of(&path, &modules, &exports).cloned()
            });
            // A module and what is declared inside it are one thing in Rust: the inner one sees even what is private.
            let is_within = |target: &String| {
                let other = module_of(target);
                other.starts_with(&module) || (module.starts_with(&other) && !other.is_empty())
            };
            (
                name.clone(),
                targets.filter(|target| !is_within(target)).collect(),
            )
        });
        Self(imports.collect())
    }

    /// Each import, as the two files.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|(from, targets)| targets.iter().map(move |to| (from.as_str(), to.as_str())))
    }

    /// Files that import each other in a circle, if there are any: the first circle found.
    pub fn circle(&self) -> Option<Vec<String>> {
        let mut left = self.0.clone();
        // A file that imports nothing that is left cannot be in a circle.
        while let Some(free) = left
            .iter()
            .find(|(_, targets)| !targets.iter().any(|to| left.contains_key(to)))
            .map(|(name, _)| name.clone())
        {
            left.remove(&free);
        }
        let mut path = vec![left.keys().next()?.clone()];
        loop {
            let next = left
                .get(path.last()?)?
                .iter()
                .find(|to| left.contains_key(*to))?
                .clone();
            if let Some(begin) = path.iter().position(|name| *name == next) {
                return Some(path.split_off(begin));
            }
            path.push(next);
        }
    }
}

fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs")
        || name.ends_with("_tests.rs")
        || name.contains("/tests/")
        || name.ends_with("/main.rs")
}

/// The text without comments and without its last part, the tests.
fn without_tests(text: &str) -> String {
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..tests]
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

fn module_of(name: &str) -> Module {
    let mut parts: Module = name
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if parts
        .last()
        .is_some_and(|last| last == "mod" || (last == "lib" && parts.len() == 1))
    {
        parts.pop();
    }
    parts
}

/// The paths of all `use` declarations, and whether they re-export.
fn uses(text: &str) -> Vec<(bool, Vec<String>)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("use ") {
        let before = text[..at].rsplit('\n').next().unwrap_or_default().trim();
        if !(before.is_empty() || before.starts_with("pub")) {
            continue;
        }
        let tree = text[at + 4..].split(';').next().unwrap_or_default();
        let mut paths = Vec::new();
        expand(&[], tree, &mut paths);
        found.extend(
            paths
                .into_iter()
                .map(|path| (before.starts_with("pub"), path)),
        );
    }
    found
}

/// Writes out a tree such as `a::{b, c::{self, d}}`.
fn expand(prefix: &[String], tree: &str, paths: &mut Vec<Vec<String>>) {
    let (head, list) = tree
        .split_once('{')
        .map_or((tree, None), |(head, list)| (head, list.rsplit_once('}')));
    let head = head.split(" as ").next().unwrap_or_default();
    let segments = head
        .split("::")
        .map(str::trim)
        .filter(|segment| !segment.is_empty() && *segment != "self" || prefix.is_empty());
    let path: Vec<String> = prefix
        .iter()
        .cloned()
        .chain(segments.filter(|s| !s.is_empty()).map(str::to_owned))
        .collect();
    let Some((list, _)) = list else {
        paths.push(path);
        return;
    };
    let (mut depth, mut begin) = (0_i32, 0);
    for (at, c) in list.char_indices().chain([(list.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !list[begin..at].trim().is_empty() {
                    expand(&path, &list[begin..at], paths);
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
}

/// Paths that begin with `crate::` or `super::` outside of `use` declarations.
fn inline_paths(text: &str) -> Vec<Vec<String>> {
    let starts = ["crate::", "super::"]
        .into_iter()
        .flat_map(|start| text.match_indices(start).map(|(at, _)| at));
    let whole =
        |at: &usize| !text[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':');
    let read = |at: usize| {
        let path = text[at..]
            .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
            .next()
            .unwrap_or_default();
        path.split("::")
            .filter(|segment| !segment.is_empty())
            .map(str::to_owned)
            .collect()
    };
    starts.filter(whole).map(read).collect()
}

/// A path from the crate's root; `None` if it leads into another crate.
fn absolute(
    module: &[String],
    path: &[String],
    modules: &BTreeMap<Module, &String>,
) -> Option<Module> {
    let first = path.first()?;
    if first == "crate" {
        return Some(path[1..].to_vec());
    }
    let ups = path
        .iter()
        .take_while(|segment| *segment == "super")
        .count();
    if ups > 0 || first == "self" {
        let rest = &path[ups.max(1)..];
        return Some([&module[..module.len().checked_sub(ups)?], rest].concat());
    }
    let child = [module, &path[..1]].concat();
    modules
        .contains_key(&child)
        .then(|| [module, path].concat())
}

/// The file that defines what a path names.
fn file_of<'a>(
    path: &[String],
    modules: &BTreeMap<Module, &'a String>,
    exports: &BTreeMap<Module, Vec<Module>>,
) -> Option<&'a String> {
    let length = (0..=path.len())
        .rev()
        .find(|length| modules.contains_key(&path[..*length]))?;
    let module = &path[..length];
    if let Some(name) = path.get(length) {
        let exported = exports
            .get(module)?
            .iter()
            .find(|export| export.last() == Some(name) && export[..] != *path);
        if let Some(export) = exported {
            return file_of(export, modules, exports);
        }
    }
    modules.get(module).copied()
}
