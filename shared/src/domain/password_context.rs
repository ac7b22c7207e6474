//! Passwords that are built on what an attacker knows without trying: the account's address or the product's name.
//!
//! Containing such a word is fine as long as enough else is left, so the owner of `horse@…` may still use
//! `Correct-Horse-7-Battery`.

use zeroize::Zeroizing;

use super::common_passwords::{ENOUGH_BESIDE, folded, letter};

/// The product's name, the first word tried after it was announced.
pub(super) const PRODUCT: &str = "dashtam";
/// A whole local part of fewer characters is in too many passwords by chance.
const SHORTEST_LOCAL_PART: usize = 3;
/// The same for a piece of a local part or of a domain's label, and for an ending of the domain.
const SHORTEST_PIECE: usize = 4;
/// The same for a whole label of a domain: `gmx` of `gmx.de`.
const SHORTEST_LABEL: usize = 3;
/// Labels of three letters that half of all addresses have.
const GENERIC_LABELS: [&str; 7] = ["com", "edu", "gov", "int", "mil", "net", "org"];
/// Takes the place of a removed word; no text in NFC that is typed has this non-character.
const REMOVED: char = '\u{FFFF}';

/// Whether a password has a context word and, without all of them, too little else.
pub(super) fn is_built_on(password: &str, context: &[&str]) -> bool {
    let mut rest = folded(password);
    rest.iter_mut().for_each(|c| *c = letter(*c));
    for mut word in context_words(context) {
        word.iter_mut().for_each(|c| *c = letter(*c));
        remove(&mut rest, &word);
    }
    let left = rest.iter().filter(|&&c| c != REMOVED).count();
    left < rest.len() && left < ENOUGH_BESIDE
}

/// The words that the context gives away, folded, the longest first: a whole address goes before
/// its parts, and a whole local part before its pieces.
fn context_words(context: &[&str]) -> Vec<Zeroizing<Vec<char>>> {
    let mut words = vec![folded(PRODUCT)];
    let mut add = |word: &str, shortest: usize| {
        let word = folded(word);
        if word.len() >= shortest {
            words.push(word);
        }
    };
    for entry in context {
        let (local, domain) = entry.split_once('@').unwrap_or((entry, ""));
        add(local, SHORTEST_LOCAL_PART);
        for piece in local.split(['.', '+', '_', '-']) {
            add(piece, SHORTEST_PIECE);
            // `ada85@…` is Ada's.
            add(piece.trim_matches(|c: char| c.is_numeric()), SHORTEST_PIECE);
        }
        // A domain is stored in its ASCII form and typed in the other.
        for domain in [domain, &*idna::domain_to_unicode(domain).0] {
            add(&format!("{local}@{domain}"), SHORTEST_LOCAL_PART + 1);
            // Every ending as well: `tuwien.ac.at` of `student.tuwien.ac.at`.
            let endings = std::iter::successors(Some(domain), |rest| Some(rest.split_once('.')?.1));
            for ending in endings {
                add(ending, SHORTEST_PIECE);
                let label = ending.split('.').next().unwrap_or_default();
                add(
                    label,
                    if GENERIC_LABELS.contains(&label) {
                        SHORTEST_PIECE
                    } else {
                        SHORTEST_LABEL
                    },
                );
                label
                    .split('-')
                    .for_each(|piece| add(piece, SHORTEST_PIECE));
            }
        }
    }
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words
}

/// Overwrites every occurrence of a word, in place.
fn remove(text: &mut [char], word: &[char]) {
    for start in 0..text.len() {
        if let Some(part) = text.get_mut(start..start + word.len())
            && part == word
        {
            part.fill(REMOVED);
        }
    }
}
