//! Passwords that are guessed first, in the shape that the rules force.
//!
//! Whoever must use a capital, a digit and a symbol decorates a common word: `Password1!`,
//! `P@ssw0rd123`, `Summer2026!`. A list of such results would be endless and always a year old, so
//! the list holds *bases* (`common_passwords.txt`: words, names, teams, brands, keyboard walks) and
//! a candidate is reduced to what could be its base:
//!
//! 1. case is folded;
//! 2. digits and symbols at either end may be decoration: every way to take some of them off is
//!    tried, as long as what is taken off amounts to less than [`ENOUGH_BESIDE`] on its own;
//! 3. substitutions are undone (`@` is an `a`), `1`, `!` and `|` once as `i` and once as `l`;
//! 4. a repeated base counts once (`dragondragon`).
//!
//! Apart from the list, a password that is little more than runs is common too: equal characters,
//! the alphabet, the digits, neighbours on a keyboard (`Aaaaaa1!`, `Abcd1234!`, `Qwer!@#4`).
//!
//! What has several words, or eight characters beside the common one that are no run, is not
//! common: this is no measure of strength.
//!
//! To add a base: lower case, on its own line, the file stays sorted (a test says so).

use std::iter::once;
use std::sync::LazyLock;

use icu_casemap::CaseMapper;
use icu_normalizer::ComposingNormalizer;
use zeroize::Zeroizing;

/// The bases, in the order of their bytes.
static BASES: LazyLock<Vec<&str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// The longest base in code points; longer slices are not looked up.
const LONGEST_BASE: usize = 24;
/// A base begins or ends with no more digits and symbols than this, unless it is the whole.
const LONGEST_EDGE: usize = 8;
/// This many characters beside a common word, runs counted once, are a secret of their own.
pub(super) const ENOUGH_BESIDE: usize = 8;
/// A password of fewer runs than this is common. `Aa1!éééé` has four.
const FEWEST_RUNS: usize = 4;
/// Rows of a keyboard, plain and with shift.
const KEYBOARD_ROWS: [&str; 5] = ["1234567890-=", "!@#$%^&*()_+", "qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./"];

/// How the characters that stand for two letters are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nothing is undone.
    AsTyped,
    /// `1`, `!` and `|` are an `i`.
    OneIsI,
    /// `1`, `!` and `|` are an `l`.
    OneIsL,
}

impl Reading {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::AsTyped, Self::OneIsI, Self::OneIsL];

    /// The letter that a character stands for.
    pub(super) const fn letter(self, c: char) -> char {
        match (self, c) {
            (Self::AsTyped, _) => c,
            (Self::OneIsI, '1' | '!' | '|') => 'i',
            (Self::OneIsL, '1' | '!' | '|') => 'l',
            (_, '@' | '4') => 'a',
            (_, '8') => 'b',
            (_, '3' | '€') => 'e',
            (_, '6' | '9') => 'g',
            (_, '0') => 'o',
            (_, '$' | '5') => 's',
            (_, '7' | '+') => 't',
            (_, '2') => 'z',
            _ => c,
        }
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
    runs(&chars) < FEWEST_RUNS || is_decorated_base(&chars)
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
            let (Some(before), Some(core), Some(after)) = (chars.get(..start), chars.get(start..end), chars.get(end..))
            else {
                return false;
            };
            runs(before) + runs(after) < ENOUGH_BESIDE && is_base(one_period(core))
        })
    })
}

/// Whether the list has the slice, in any reading.
fn is_base(core: &[char]) -> bool {
    (3..=LONGEST_BASE).contains(&core.len())
        && Reading::ALL.iter().any(|reading| {
            let letters = || core.iter().map(|&c| reading.letter(c));
            BASES.binary_search_by(|base| base.chars().cmp(letters())).is_ok()
        })
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
    let breaks = chars.windows(2).filter(|pair| matches!(pair, [a, b] if !follows(*a, *b))).count();
    breaks + usize::from(!chars.is_empty())
}

/// Whether `next` is what comes after `previous` without a thought: the same again, its neighbour
/// in the alphabet or among the digits, or the key beside it.
fn follows(previous: char, next: char) -> bool {
    let same_kind =
        (previous.is_alphabetic() && next.is_alphabetic()) || (previous.is_ascii_digit() && next.is_ascii_digit());
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

    #[test]
    fn the_list_is_sorted_long_and_plain() {
        assert!(BASES.len() >= 1_500, "{}", BASES.len());
        for pair in BASES.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?}");
        }
        for base in BASES.iter() {
            assert!((3..=LONGEST_BASE).contains(&base.chars().count()), "{base}");
            assert_eq!(*base, base.trim().to_lowercase());
        }
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
