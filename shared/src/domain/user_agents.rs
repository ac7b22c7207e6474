//! The table of `uap-core` that finds a browser and a system in a `User-Agent`, each pattern compiled when a text first could
//! match it.
//!
//! Every name is from a closed list. Some patterns copy their name from the text (`^(.{0,200})/\d+ CFNetwork` names any app of
//! Apple's systems), so a sender could put a sentence into a mail of ours. Such a pattern has `names`: what it gives is a name
//! only if it is one of them.
//!
//! A pattern that begins with a name matches only at the start of a word: without that, `MyViewer/1.2.3` would be "Viewer".
//!
//! To compile all of them takes 60 ms and 11 MiB, and a usual text gets as far as one to six: those of which it holds the parts
//! that every text they match must hold. These parts (`needs`) are stored after the pattern in `user_agents.json`, in lower case:
//! a text must hold one of each group. A test derives `needs` and `names` from the pattern and can write them.

use std::borrow::Cow;
use std::sync::{LazyLock, OnceLock};

use memchr::memmem::Finder;
use serde::Deserialize;
use ua_parser::{os, user_agent};

/// What must come before the name that a pattern begins with. A hyphen joins words to one name: `our-android/1.2.3`.
const WORD_START: &str = "(?:^|[^A-Za-z0-9-])";

/// The table; `None` if the file were broken, which a test rules out.
pub(super) static TABLE: LazyLock<Option<Table>> = LazyLock::new(Table::read);

/// The patterns for browsers and for systems, in the order in which they are tried.
pub(super) struct Table {
    browsers: Vec<Pattern<user_agent::Extractor<'static>>>,
    systems: Vec<Pattern<os::Extractor<'static>>>,
}

impl Table {
    fn read() -> Option<Self> {
        let file: File<'static> = serde_json::from_str(include_str!("user_agents.json")).ok()?;
        let browsers = file
            .user_agent_parsers
            .into_iter()
            .map(|source| Pattern::new(source, true))
            .collect();
        // A system may be named after a hyphen: `TestApp-tvOS/1.0`.
        let systems = file
            .os_parsers
            .into_iter()
            .map(|source| Pattern::new(source, false))
            .collect();
        Some(Self { browsers, systems })
    }

    /// The browser or program in a text, as `uap-core` calls it; `None` also if only the sender calls it so.
    pub(super) fn browser(&self, text: &str) -> Option<String> {
        first(&self.browsers, text)
    }

    /// The operating system in a text, as `uap-core` calls it.
    pub(super) fn system(&self, text: &str) -> Option<String> {
        first(&self.systems, text)
    }
}

fn first<E: Extract>(patterns: &[Pattern<E>], text: &str) -> Option<String> {
    let small = text.to_ascii_lowercase();
    let mut could = patterns
        .iter()
        .filter(|pattern| pattern.could_match(&small));
    let (pattern, name) =
        could.find_map(|pattern| Some((pattern, pattern.compiled()?.name(text)?)))?;
    pattern.lists(&name).then_some(name)
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    user_agent_parsers: Vec<Source<'a>>,
    #[serde(borrow)]
    os_parsers: Vec<Source<'a>>,
}

#[derive(Deserialize)]
struct Source<'a> {
    regex: Cow<'a, str>,
    #[serde(alias = "family_replacement", alias = "os_replacement")]
    replacement: Option<&'a str>,
    #[serde(borrow)]
    names: Option<Vec<Cow<'a, str>>>,
    #[serde(borrow, default)]
    needs: Vec<Vec<&'a str>>,
}

struct Pattern<E> {
    regex: Cow<'static, str>,
    replacement: Option<&'static str>,
    /// The names that it may give; `None` for one that can give no other names.
    names: Option<Vec<Cow<'static, str>>>,
    needs: Vec<Vec<Finder<'static>>>,
    starts_word: bool,
    /// `None` inside if the pattern were broken, which a test rules out.
    compiled: OnceLock<Option<E>>,
}

impl<E: Extract> Pattern<E> {
    fn new(source: Source<'static>, starts_word: bool) -> Self {
        let finders = |group: Vec<&'static str>| group.into_iter().map(Finder::new).collect();
        let needs = source.needs.into_iter().map(finders).collect();
        let Source {
            regex,
            replacement,
            names,
            ..
        } = source;
        let first = regex.strip_prefix('(').unwrap_or(&regex).bytes().next();
        let starts_word = starts_word && first.is_some_and(|byte| byte.is_ascii_alphanumeric());
        Self {
            regex,
            replacement,
            names,
            needs,
            starts_word,
            compiled: OnceLock::new(),
        }
    }

    fn lists(&self, name: &str) -> bool {
        self.names
            .as_ref()
            .is_none_or(|names| names.iter().any(|listed| listed == name))
    }

    fn regex(&self) -> Cow<'static, str> {
        if self.starts_word {
            format!("{WORD_START}(?:{})", self.regex).into()
        } else {
            self.regex.clone()
        }
    }

    fn could_match(&self, small: &str) -> bool {
        let held = |group: &Vec<Finder<'_>>| {
            group
                .iter()
                .any(|part| part.find(small.as_bytes()).is_some())
        };
        self.needs.iter().all(held)
    }

    fn compiled(&self) -> Option<&E> {
        self.compiled
            .get_or_init(|| E::compile(self.regex(), self.replacement))
            .as_ref()
    }
}

/// One pattern of `ua-parser`, which has a type for each of its lists.
trait Extract: Sized {
    fn compile(regex: Cow<'static, str>, replacement: Option<&'static str>) -> Option<Self>;
    fn name(&self, text: &str) -> Option<String>;
}

impl Extract for user_agent::Extractor<'static> {
    fn compile(regex: Cow<'static, str>, replacement: Option<&'static str>) -> Option<Self> {
        let family_replacement = replacement.map(Cow::Borrowed);
        let parser = user_agent::Parser {
            regex,
            family_replacement,
            ..Default::default()
        };
        user_agent::Builder::new().push(parser).ok()?.build().ok()
    }

    fn name(&self, text: &str) -> Option<String> {
        Some(self.extract(text)?.family.into_owned())
    }
}

impl Extract for os::Extractor<'static> {
    fn compile(regex: Cow<'static, str>, replacement: Option<&'static str>) -> Option<Self> {
        let os_replacement = replacement.map(Cow::Borrowed);
        let parser = os::Parser {
            regex,
            os_replacement,
            ..Default::default()
        };
        os::Builder::new().push(parser).ok()?.build().ok()
    }

    fn name(&self, text: &str) -> Option<String> {
        Some(self.extract(text)?.os.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::string::string_regex;

    use super::*;

    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 \
                          Safari/537.36";

    /// The table as `ua-parser` builds it from all patterns at once.
    struct Whole {
        browsers: user_agent::Extractor<'static>,
        systems: os::Extractor<'static>,
    }

    static WHOLE: LazyLock<Whole> = LazyLock::new(|| {
        let table = Table::read().unwrap();
        let browsers = table
            .browsers
            .into_iter()
            .map(|pattern| user_agent::Parser {
                regex: pattern.regex(),
                family_replacement: pattern.replacement.map(Cow::Borrowed),
                ..Default::default()
            });
        let systems = table.systems.into_iter().map(|pattern| os::Parser {
            regex: pattern.regex(),
            os_replacement: pattern.replacement.map(Cow::Borrowed),
            ..Default::default()
        });
        Whole {
            browsers: user_agent::Builder::new()
                .push_all(browsers)
                .unwrap()
                .build()
                .unwrap(),
            systems: os::Builder::new()
                .push_all(systems)
                .unwrap()
                .build()
                .unwrap(),
        }
    });

    /// Texts that a pattern matches; of those that look at the ends of words, texts that some of them match.
    fn matching() -> impl Strategy<Value = String> {
        let table = Table::read().unwrap();
        let browsers = table.browsers.into_iter().map(|pattern| pattern.regex);
        let all = browsers.chain(table.systems.into_iter().map(|pattern| pattern.regex));
        let texts = all.filter_map(|regex| {
            let unanchored = regex
                .trim_start_matches('^')
                .trim_end_matches('$')
                .replace(r"\b", "");
            // As the parser reads them.
            let ascii = unanchored
                .replace(r"\d", "[0-9]")
                .replace(r"\w", "[A-Za-z0-9_]");
            Some(string_regex(&ascii).ok()?.boxed())
        });
        let texts: Vec<_> = texts.collect();
        assert!(texts.len() > 500, "of only {} patterns", texts.len());
        prop::sample::select(texts).prop_flat_map(|texts| texts)
    }

    /// What the first pattern that matches gives, listed or not.
    fn matched<E: Extract>(patterns: &[Pattern<E>], text: &str) -> Option<String> {
        let small = text.to_ascii_lowercase();
        patterns
            .iter()
            .filter(|pattern| pattern.could_match(&small))
            .find_map(|pattern| pattern.compiled()?.name(text))
    }

    fn compiled<E>(patterns: &[Pattern<E>]) -> usize {
        patterns
            .iter()
            .filter(|pattern| pattern.compiled.get().is_some())
            .count()
    }

    #[test]
    fn every_pattern_compiles() {
        let table = Table::read().unwrap();
        assert!(
            table
                .browsers
                .iter()
                .all(|pattern| pattern.compiled().is_some())
        );
        assert!(
            table
                .systems
                .iter()
                .all(|pattern| pattern.compiled().is_some())
        );
    }

    #[test]
    fn a_text_compiles_only_patterns_that_could_match_it() {
        let table = Table::read().unwrap();
        assert_eq!(
            (
                &*table.browser(CHROME).unwrap(),
                &*table.system(CHROME).unwrap()
            ),
            ("Chrome", "Windows")
        );
        assert_eq!(
            (compiled(&table.browsers), compiled(&table.systems)),
            (1, 1)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn a_text_finds_what_the_whole_table_finds(before in matching(), between in "[ -~]{0,3}", after in matching()) {
            let (text, table) = (format!("{before}{between}{after}"), TABLE.as_ref().unwrap());
            let browser = WHOLE.browsers.extract(&text).map(|found| found.family.into_owned());
            let system = WHOLE.systems.extract(&text).map(|found| found.os.into_owned());
            // Of a name that only the sender uses the table says nothing.
            prop_assert!(table.browser(&text).is_none_or(|found| Some(found) == browser));
            prop_assert!(table.system(&text).is_none_or(|found| Some(found) == system));
            prop_assert_eq!(matched(&table.browsers, &text), browser);
            prop_assert_eq!(matched(&table.systems, &text), system);
        }
    }
}
