//! Passwords that are guessed first, in the shape that the rules force.
//!
//! Whoever must use a capital, a digit and a symbol decorates a common word: `Password1!`,
//! `P@ssw0rd123`, `Summer2026!`. A list of such results would be endless and always a year old, so
//! the list holds *bases* (`common_passwords.txt`: words, names, teams, brands, keyboard walks) and
//! a candidate is reduced to what could be its base:
//!
//! 1. case is folded and substitutions are undone, in the candidate and in the list alike
//!    ([`letter`]: `@` is an `a`; `1`, `!`, `|` and `l` are all an `i`);
//! 2. digits and symbols at either end may be decoration: every way to take some of them off is
//!    tried, as long as what is taken off amounts to less than [`ENOUGH_BESIDE`] on its own;
//! 3. a repeated base counts once (`dragondragon`), and two letters that are repeated are one (`Papa`);
//! 4. of a number with a few letters the number is the base (`Aa159753!`).
//!
//! Apart from the list, a password that is little more than runs is common too: equal characters,
//! the alphabet, the digits, neighbours on a keyboard (`Aaaaaa1!`, `Abcd1234!`, `Qwer!@#4`).
//!
//! What has several words, or eight characters beside the common one that are no run, is not
//! common: this is no measure of strength.
//!
//! The list holds our own bases and those of the first 20,000 passwords of zxcvbn-ts
//! (`@zxcvbn-ts/language-common` 4.1.3, MIT) and of the list of 20,000 in Django (5.2, BSD); see `NOTICE`.
//! To add a base: lower case, on its own line, and let a test sort the file:
//! `UPDATE_DOCS=1 cargo test -p shared common_passwords`.

use std::cmp::Ordering;
use std::iter::once;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;
use zeroize::Zeroizing;

/// The bases, one a line, in the order of their letters after [`letter`]. It is searched as it is: a list of slices would
/// have to be made in each process.
static BASES: &[u8] = include_bytes!("common_passwords.txt");

/// The shortest base in code points, and the longest.
const BASE_LENGTHS: std::ops::RangeInclusive<usize> = 3..=24;
/// A base begins or ends with no more digits and symbols than this, unless it is the whole.
const LONGEST_EDGE: usize = 12;
/// A number that a base can be has at most so many letters around it.
const MOST_LETTERS_OF_A_NUMBER: usize = 3;
/// A number that is one or two runs needs no list: `123456`, `112233`.
const FEWEST_DIGITS_OF_A_RUN: usize = 5;
/// This many characters beside a common word, runs counted once, are a secret of their own.
pub(super) const ENOUGH_BESIDE: usize = 8;
/// A password of fewer runs than this is common. `Aa1!éééé` has four.
const FEWEST_RUNS: usize = 4;
/// Rows of a keyboard, plain and with shift.
const KEYBOARD_ROWS: [&str; 5] = [
    "1234567890-=",
    "!@#$%^&*()_+",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
];

/// The letter that a character of a folded text is compared as. Two letters that one character can replace count as one.
pub(super) const fn letter(c: char) -> char {
    match c {
        '@' | '4' => 'a',
        '8' => 'b',
        '3' | '€' => 'e',
        '6' | '9' => 'g',
        '1' | '!' | '|' | 'l' => 'i',
        '0' => 'o',
        '$' | '5' => 's',
        '7' | '+' => 't',
        '2' => 'z',
        _ => c,
    }
}

/// A text in the form in which it is compared: case folded in full, NFC, one `char` a place.
///
/// The buffers are wiped when dropped and large enough from the start (folding and NFC each make
/// at most three characters of one), so no copy of a password stays behind.
pub(super) fn folded(text: &str) -> Zeroizing<Vec<char>> {
    let mut folded = Zeroizing::new(Vec::with_capacity(text.len() * 3));
    let fold = CaseMapper::new();
    for c in text.chars() {
        if c.is_ascii() {
            folded.push(c.to_ascii_lowercase());
        } else {
            folded.extend(fold.fold_string(c.encode_utf8(&mut [0; 4])).chars());
        }
    }
    if text.is_ascii() {
        return folded;
    }
    let mut normal = Zeroizing::new(Vec::with_capacity(folded.len() * 3));
    normal.extend(ComposingNormalizer::new_nfc().normalize_iter(folded.iter().copied()));
    normal
}

/// Whether a password is guessed first.
pub(super) fn is_common(password: &str) -> bool {
    let chars = folded(password);
    runs(&chars) < FEWEST_RUNS || is_decorated_base(&chars) || is_number_with_letters(&chars)
}

/// Whether any slice is a base, and what lies around it too little to matter.
fn is_decorated_base(chars: &[char]) -> bool {
    let decoration = |c: &&char| !c.is_alphabetic();
    let len = chars.len();
    let leading = chars.iter().take_while(decoration).count();
    let trailing = chars.iter().rev().take_while(decoration).count();
    // All of the decoration, none, or all but a few characters that belong to the base: bounded,
    // so that a kilobyte of symbols costs no more than a word.
    let mut starts = once(0).chain(leading.saturating_sub(LONGEST_EDGE)..=leading);
    let ends = || once(len).chain(len - trailing..=(len - trailing + LONGEST_EDGE).min(len));
    starts.any(|start| {
        ends().any(|end| {
            let (Some(before), Some(core), Some(after)) =
                (chars.get(..start), chars.get(start..end), chars.get(end..))
            else {
                return false;
            };
            runs(before) + runs(after) < ENOUGH_BESIDE && is_base(core)
        })
    })
}

/// Whether a password is a common number with the letters and symbols that the rules ask for: `Aa159753!`.
fn is_number_with_letters(chars: &[char]) -> bool {
    let letters = chars.iter().filter(|c| c.is_alphabetic()).count();
    if letters > MOST_LETTERS_OF_A_NUMBER || chars.len() > *BASE_LENGTHS.end() + ENOUGH_BESIDE {
        return false;
    }
    let is_digit = |c: &char| c.is_ascii_digit();
    let number = chars
        .split(|c| !is_digit(c))
        .max_by_key(|digits| digits.len())
        .unwrap_or_default();
    let is_run = number.len() >= FEWEST_DIGITS_OF_A_RUN && runs(number) <= 2;
    chars.len() - number.len() < ENOUGH_BESIDE && (is_run || is_base(number))
}

/// Whether the list has the slice, or the part that it repeats.
fn is_base(core: &[char]) -> bool {
    let part = one_period(core);
    let repeats_two = core.len() >= 4 && part.len() <= 2;
    let is_listed = |part: &[char]| BASE_LENGTHS.contains(&part.len()) && is_listed(part);
    repeats_two || is_listed(part) || (part.len() < core.len() && is_listed(core))
}

/// Looks a slice up by halving the list.
fn is_listed(core: &[char]) -> bool {
    let (mut low, mut high) = (0, BASES.len());
    while let Some(rest) = BASES.get(low..high).filter(|rest| !rest.is_empty()) {
        let middle = rest.len() / 2;
        let line_end = |byte: &u8| *byte == b'\n';
        let before = rest
            .get(..middle)
            .and_then(|before| before.iter().rposition(line_end));
        let start = before.map_or(0, |end| end + 1);
        let length = rest
            .get(start..)
            .and_then(|line| line.iter().position(line_end))
            .unwrap_or(rest.len() - start);
        let base = rest.get(start..start + length).unwrap_or_default();
        let found = base.iter().map(|byte| letter(char::from(*byte)));
        match found.cmp(core.iter().map(|&c| letter(c))) {
            Ordering::Equal => return true,
            Ordering::Less => low += start + length + 1,
            Ordering::Greater => high = low + start,
        }
    }
    false
}

/// The part that a slice repeats from end to end, or the slice itself.
fn one_period(core: &[char]) -> &[char] {
    (1..=core.len() / 2)
        .filter(|period| core.len().is_multiple_of(*period))
        .filter_map(|period| core.get(..period))
        .find(|part| core.chunks(part.len()).all(|chunk| chunk == *part))
        .unwrap_or(core)
}

/// How many runs a text has: stretches in which each character follows from the one before.
fn runs(chars: &[char]) -> usize {
    let breaks = chars
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if !follows(*a, *b)))
        .count();
    breaks + usize::from(!chars.is_empty())
}

/// Whether `next` is what comes after `previous` without a thought: the same again, its neighbour
/// in the alphabet or among the digits, or the key beside it.
fn follows(previous: char, next: char) -> bool {
    let same_kind = (previous.is_alphabetic() && next.is_alphabetic())
        || (previous.is_ascii_digit() && next.is_ascii_digit());
    let neighbours = same_kind && u32::from(previous).abs_diff(u32::from(next)) == 1;
    previous == next
        || neighbours
        || KEYBOARD_ROWS
            .iter()
            .any(|row| matches!((row.find(previous), row.find(next)), (Some(a), Some(b)) if a.abs_diff(b) == 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    use super::*;

    fn bases() -> impl Iterator<Item = &'static str> {
        std::str::from_utf8(BASES).unwrap().lines()
    }

    #[test]
    fn the_list_is_sorted_long_and_plain() {
        let key = |base: &str| base.chars().map(letter).collect::<String>();
        let sorted: std::collections::BTreeMap<_, _> =
            bases().map(|base| (key(base), base)).collect();
        let expected = sorted
            .values()
            .fold(String::new(), |all, base| all + base + "\n");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(
                concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/src/domain/common_passwords.txt"
                ),
                &expected,
            )
            .unwrap();
            return;
        }
        assert!(
            expected.as_bytes() == BASES,
            "let the test sort the file: UPDATE_DOCS=1"
        );
        assert!(sorted.len() >= 20_000, "{}", sorted.len());
        for base in bases() {
            assert!(
                BASE_LENGTHS.contains(&base.len()) && base.is_ascii(),
                "{base}"
            );
            assert_eq!(base, base.trim().to_lowercase());
        }
    }

    #[test]
    fn every_listed_word_is_common_as_people_dress_it() {
        let mut accepted = Vec::new();
        for base in bases() {
            let Some(at) = base.find(|c: char| c.is_ascii_alphabetic()) else {
                // A capital can only be added to a number.
                let dressed =
                    ["Aa{}!", "A{}a!", "{}aA@", "#{}Ab"].map(|form| form.replace("{}", base));
                accepted.extend(dressed.into_iter().filter(|dressed| !is_common(dressed)));
                continue;
            };
            let capital = format!(
                "{}{}{}",
                &base[..at],
                base[at..=at].to_uppercase(),
                &base[at + 1..]
            );
            let leet = [('a', "@"), ('e', "3"), ('i', "1"), ('o', "0"), ('s', "$")];
            let leet = leet
                .into_iter()
                .fold(capital.clone(), |word, (letter, sign)| {
                    word.replace(letter, sign)
                });
            let dressed = [
                format!("{capital}1!"),
                format!("{capital}2026!"),
                format!("{capital}@123"),
                format!("!{capital}7"),
                format!("{leet}#1"),
                format!("{leet}99!"),
            ];
            accepted.extend(dressed.into_iter().filter(|dressed| !is_common(dressed)));
        }
        assert!(
            accepted.is_empty(),
            "{} such as {:?}",
            accepted.len(),
            &accepted[..accepted.len().min(20)]
        );
    }

    #[test]
    fn a_decorated_common_word_is_common() {
        for password in [
            "Password1!",
            "P@ssw0rd123",
            "P@$$w0rd!",
            "Pa55word!",
            "Passw0rd2026",
            "Welcome2026!",
            "W3lc0me!1",
            "Qwerty123!",
            "Qwerty!@#4",
            "Summer2026!",
            "$ummer2026!",
            "Winter25!",
            "January2026!",
            "Monday!1",
            "Letmein1!",
            "L3tm31n!",
            "Admin@123",
            "Adm1n!234",
            "1qaz@WSX",
            "1qaz2wsx!",
            "Zaq12wsx!",
            "!QAZ2wsx",
            "Dragon#99",
            "M0nkey!!7",
            "Iloveyou1!",
            "!loveyou2U".trim_end_matches('U'),
            "Football#1",
            "Liverpool1!",
            "Michael1!",
            "Charlie_1",
            "Abc123!!",
            "Pa$$w0rd12345678",
            "123Password!",
            "!!Hello1",
            "Trustno1!",
            "Changeme1!",
            "Secret123!",
            "Test1234!",
            "Google#1a".trim_end_matches('a'),
            "Dragondragon1!",
            "passwordpassword",
            "iloveyouiloveyou",
            "Superman!2",
            "Master#123",
            "Princess1!",
            "Papa2026!",
            "Hahaha123!",
            "Aa159753!",
            "147258369aA!",
            "123456Aa1!",
            "Xbox3602026!",
            "Gwerty123!",
            "Azertyuiop1!",
            "Wi11iam!7",
        ] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn a_few_runs_are_common() {
        for password in [
            "Aaaaaa1!",
            "Abcdefg1!",
            "Abcd1234!",
            "12345678",
            "Qwer1234!",
            "Asdf1234!",
            "Zxcv!@#4",
            "11111111",
            "aaaaaaaaaaaaaaa",
            "Aabbcc1!",
            "87654321",
            "Zyxwvu1!",
            "123456789012345",
            "qwertyuiopasdfgh",
            "Абвгд1!A".trim_end_matches('A'),
            "",
        ] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn other_passwords_are_not_common() {
        for password in [
            "Aa1!éééé",
            "Correct-Horse-7-Battery",
            "correct horse battery staple",
            "purple monkey dishwasher",
            "I like 2 eat green apples!",
            "winter coffee bicycle",
            "Tr0ub4dor&3",
            "xK8#qLm2",
            "k4Qz!9vB",
            "Dragon$k2V9!xQ7w#4",
            "Vq7!mXc2",
            "Blue-Kettle-42-Sofa",
            "Zürich-Regen-9!",
            "MyD0gAteTheRug!",
        ] {
            assert!(!is_common(password), "{password}");
        }
    }

    #[test]
    fn one_word_with_a_secret_beside_it_is_not_common() {
        assert!(is_common("Password#7294"));
        assert!(!is_common("Password#7294#83051"));
        assert!(is_common("Password#123456789"));
    }

    #[test]
    fn random_passwords_are_accepted() {
        // The seed is fixed: one random text in a million is a decorated word by chance.
        let mut runner = TestRunner::deterministic();
        for _ in 0..10_000 {
            let password = "[!-~]{12}".new_tree(&mut runner).unwrap().current();
            assert!(!is_common(&password), "{password}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            let _ = is_common(&text);
        }

        #[test]
        fn three_random_words_are_accepted(words in "[b-y]{5,8}-[b-y]{5,8}-[b-y]{5,8}") {
            prop_assert!(!is_common(&words));
        }
    }
}
