//! A mail address: one plain addr-spec, in the form that is stored and in the form that is compared.
//!
//! Two texts that reach one person must never become two accounts, and a text that looks like
//! somebody's address must never receive that person's mail. So an address is parsed once and kept
//! in two forms:
//!
//! - [`EmailAddress::address`] is stored, shown and mailed: NFC, lower case, the domain as an
//!   IDNA A-label without its root dot.
//! - [`EmailAddress::canonical`] is the key for uniqueness, login, limits, lockout and reset: the
//!   same with the local part case folded (Unicode default case folding, in full, no locale).
//!
//! Several addresses may share one canonical form (`straße@…` and `strasse@…`), so a mail goes to
//! the stored address of the account that was found, never to the text that found it; that is what
//! went wrong in CVE-2019-19844. A dotless ı stays a letter of its own, because the folding is not
//! the Turkic one; the Kelvin sign is a plain `k` already after NFC.
//!
//! Invariants: both forms hold exactly one `@`, no white space, control or invisible character;
//! parsing either form again changes neither.

use std::fmt;
use std::hash::{Hash, Hasher};

use icu_casemap::CaseMapper;
use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use crate::ground::digest;

use super::FieldCode;

/// Longest text that is looked at, in bytes: room for any address that is short enough once it is
/// normalised.
const MAX_INPUT_BYTES: usize = 1_024;
/// Longest local part in octets, RFC 5321 section 4.5.3.1.1.
const MAX_LOCAL_OCTETS: usize = 64;
/// Longest address in octets: RFC 5321 section 4.5.3.1.3 less the angle brackets of the path.
const MAX_ADDRESS_OCTETS: usize = 254;
/// The ASCII characters of an atom besides letters and digits, RFC 5322 section 3.2.3.
const ATOM_SYMBOLS: &str = "!#$%&'*+-/=?^_`{|}~";
/// Left alone by NFC, this mark is refused: its capital is a letter, and where that letter stands
/// depends on the marks around it, so upper and lower case would not fold alike.
const LONE_IOTA_SUBSCRIPT: char = '\u{345}';

/// A mail address. Two are equal if their canonical forms are.
#[derive(Clone)]
pub struct EmailAddress {
    address: String,
    canonical: String,
}

/// Why a text is not a mail address. Holds nothing of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// No addr-spec of the plain kind.
    #[error("Must be one plain e-mail address such as name@example.com.")]
    InvalidFormat,
    /// The part behind the `@` cannot be a public host name.
    #[error("The part after the @ must be a valid domain name such as example.com.")]
    InvalidDomain,
    /// More octets than mail transport carries.
    #[error("Must have at most 64 octets before the @ and at most 254 octets in all.")]
    TooLong,
}

impl EmailError {
    /// The stable code for clients.
    #[must_use]
    pub const fn code(self) -> FieldCode {
        match self {
            Self::InvalidFormat => FieldCode::InvalidFormat,
            Self::InvalidDomain => FieldCode::InvalidDomain,
            Self::TooLong => FieldCode::TooLong,
        }
    }
}

impl EmailAddress {
    /// Reads one addr-spec: a dot-atom local part (RFC 5322 section 3.2.3, with the letters,
    /// marks and numbers of RFC 6531 section 3.3) and a domain of two labels or more.
    ///
    /// Quoted local parts, comments, display names and address literals are refused, though the
    /// grammar knows them: mail software disagrees on what they mean.
    ///
    /// # Errors
    ///
    /// See [`EmailError`]; the lengths are those of the converted address.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        if text.len() > MAX_INPUT_BYTES {
            return Err(EmailError::TooLong);
        }
        if text
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || is_invisible(c))
        {
            return Err(EmailError::InvalidFormat);
        }
        let (local, domain) = text.split_once('@').ok_or(EmailError::InvalidFormat)?;
        if domain.contains('@') {
            return Err(EmailError::InvalidFormat);
        }
        let local = lower_case(local);
        if !is_dot_atom(&local) {
            return Err(EmailError::InvalidFormat);
        }
        let domain = a_labels(domain)?;
        let address = format!("{local}@{domain}");
        if local.len() > MAX_LOCAL_OCTETS || address.len() > MAX_ADDRESS_OCTETS {
            return Err(EmailError::TooLong);
        }
        let canonical = format!("{}@{domain}", fold(&local));
        Ok(Self { address, canonical })
    }

    /// What is stored, shown and mailed.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What is compared. Never mailed; at most three times as long as an address.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// SHA-256 of the canonical form, base64url: names the address in keys and rows without spelling it out.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        digest::fingerprint(self.canonical.as_bytes())
    }

    /// Whether every mail server can deliver to it. A local part beyond ASCII needs the SMTPUTF8 extension (RFC 6531), which
    /// SES does not have, so a mail to such an address would never arrive.
    #[must_use]
    pub fn is_deliverable(&self) -> bool {
        self.address.is_ascii()
    }
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for EmailAddress {}

impl Hash for EmailAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.canonical.hash(state);
    }
}

/// Shows the first character and the domain.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, domain) = self.address.split_once('@').unwrap_or_default();
        let first = local.chars().next().unwrap_or('*');
        write!(f, "EmailAddress({first}***@{domain})")
    }
}

/// Whether a character leaves no mark of its own on the page: the code points of Unicode's
/// property `Default_Ignorable_Code_Point`, which holds the bidirectional controls as well.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

fn lower_case(local: &str) -> String {
    let nfc = ComposingNormalizer::new_nfc();
    // Lower case can bring a combining mark along (`İ`), hence the second normalisation.
    nfc.normalize(&nfc.normalize(local).to_lowercase())
        .into_owned()
}

/// Canonical caseless matching, the Unicode Standard section 3.13 (D145): folded in NFD, where an
/// iota subscript stands behind all other marks. NFC again, because folding takes letters apart.
fn fold(local: &str) -> String {
    let apart = DecomposingNormalizer::new_nfd().normalize(local);
    let folded = CaseMapper::new().fold_string(&apart);
    ComposingNormalizer::new_nfc()
        .normalize(&folded)
        .into_owned()
}

/// Atoms, at least one, with a dot between each two.
fn is_dot_atom(local: &str) -> bool {
    local.split('.').all(|atom| {
        atom.chars().next().is_some_and(|first| !is_mark(first))
            && atom.chars().all(is_atom_character)
    })
}

fn is_atom_character(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric() || ATOM_SYMBOLS.contains(c)
    } else {
        // RFC 6531 allows every code point beyond ASCII; what no language writes names with
        // (symbols, private use, unassigned) only serves to deceive.
        c != LONE_IOTA_SUBSCRIPT && (c.is_alphanumeric() || is_mark(c))
    }
}

fn is_mark(c: char) -> bool {
    CanonicalCombiningClassMapBorrowed::new().get_u8(c) != 0
}

/// UTS #46 `ToASCII`, strict: STD3 characters, hyphens and lengths checked, non-transitional.
fn a_labels(domain: &str) -> Result<String, EmailError> {
    let ascii = Uts46::new()
        .to_ascii(
            domain.as_bytes(),
            AsciiDenyList::STD3,
            Hyphens::Check,
            DnsLength::VerifyAllowRootDot,
        )
        .map_err(|_| EmailError::InvalidDomain)?;
    let name = ascii.strip_suffix('.').unwrap_or(&ascii);
    let (_, top) = name.rsplit_once('.').ok_or(EmailError::InvalidDomain)?;
    // A numeric last label would make an IPv4 address of the whole, RFC 3696 section 2.
    if top.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(EmailError::InvalidDomain);
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    #[test]
    fn a_plain_address_is_kept_in_lower_case() {
        let email = parse("Ada.Lovelace+Tag@Example.COM");
        assert_eq!(email.address(), "ada.lovelace+tag@example.com");
        assert_eq!(email.canonical(), "ada.lovelace+tag@example.com");
    }

    #[test]
    fn every_way_to_write_an_address_has_one_canonical_form() {
        let one = parse("zoë@bücher.example");
        for other in [
            "ZOË@BÜCHER.EXAMPLE",
            "zoe\u{308}@bu\u{308}cher.example",
            "Zoë@xn--bcher-kva.example",
            "zoë@XN--BCHER-KVA.example",
            "zoë@bücher.example.",
            "zoë@bücher。example",
            "zoë@ｂücher.example",
        ] {
            assert_eq!(parse(other).canonical(), one.canonical(), "{other}");
            assert_eq!(parse(other).address(), "zoë@xn--bcher-kva.example");
            assert_eq!(parse(other), one);
        }
    }

    #[test]
    fn a_dotless_i_is_another_mailbox() {
        let mike = parse("mike@example.org");
        assert_ne!(parse("mıke@example.org"), mike);
        assert_eq!(parse("mıke@example.org").address(), "mıke@example.org");
        assert_ne!(parse("mİke@example.org"), mike);
        assert_eq!(parse("MIKE@example.org"), mike);
    }

    #[test]
    fn a_lookalike_that_folds_to_an_address_keeps_its_own_mailbox() {
        assert_eq!(
            parse("mi\u{212A}e@example.org").address(),
            "mike@example.org"
        );
        let (long_s, s) = (parse("ſam@example.org"), parse("sam@example.org"));
        assert_eq!(long_s, s);
        assert_eq!(long_s.address(), "ſam@example.org");
        let (sharp, double) = (parse("straße@example.org"), parse("STRASSE@example.org"));
        assert_eq!(sharp, double);
        assert_eq!(sharp.address(), "straße@example.org");
    }

    #[test]
    fn the_two_sigmas_are_one_letter() {
        assert_eq!(parse("ΣΊΣΥΦΟΣ@example.gr"), parse("σίσυφος@example.gr"));
    }

    #[test]
    fn what_is_not_one_plain_address_is_refused() {
        for text in [
            "",
            "@",
            "a",
            "@example.com",
            "a@b@example.com",
            "a b@example.com",
            " a@example.com",
            "a@example.com ",
            "a@example.com\n",
            "a@example.com\r\nBcc: b@example.com",
            "a\0@example.com",
            ".a@example.com",
            "a.@example.com",
            "a..b@example.com",
            "\"a b\"@example.com",
            "\"a\"@example.com",
            "a(comment)@example.com",
            "Ada <a@example.com>",
            "<a@example.com>",
            "a@example.com,b@example.com",
            "a;b@example.com",
            "a:b@example.com",
            "a\\b@example.com",
            "a[b]@example.com",
            "a\u{200B}@example.com",
            "a\u{202E}b@example.com",
            "a\u{AD}b@example.com",
            "a@exam\u{AD}ple.com",
            "a@example\u{200D}.com",
            "a\u{3164}@example.com",
            "a\u{FEFF}@example.com",
            "\u{301}a@example.com",
            "a\u{2028}@example.com",
            "a💥@example.com",
            "a＠example.com",
            "mailto:a@example.com",
        ] {
            assert_eq!(
                EmailAddress::parse(text).unwrap_err().code(),
                FieldCode::InvalidFormat,
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_domain_that_cannot_be_public_is_refused() {
        for domain in [
            "",
            "localhost",
            "example",
            "[127.0.0.1]",
            "[IPv6:::1]",
            "127.0.0.1",
            "example.123",
            ".example.com",
            "example..com",
            "example.com..",
            "-a.example",
            "a-.example",
            "ab--c.example",
            "a_b.example",
            "xn--a.example",
            "exa$mple.com",
            "exa%mple.com",
            "example.com/a",
            "example.com:25",
            ".",
            "a.",
        ] {
            let text = format!("a@{domain}");
            assert_eq!(
                EmailAddress::parse(&text).unwrap_err().code(),
                FieldCode::InvalidDomain,
                "{text:?}"
            );
        }
        let label = "a".repeat(64);
        assert!(EmailAddress::parse(&format!("a@{label}.example")).is_err());
    }

    #[test]
    fn the_limits_are_counted_in_octets_after_conversion() {
        let local = "a".repeat(64);
        assert!(EmailAddress::parse(&format!("{local}@example.com")).is_ok());
        assert_eq!(
            EmailAddress::parse(&format!("{local}b@example.com")),
            Err(EmailError::TooLong)
        );
        assert!(EmailAddress::parse(&format!("{}@example.com", "é".repeat(32))).is_ok());
        assert_eq!(
            EmailAddress::parse(&format!("{}@example.com", "é".repeat(33))),
            Err(EmailError::TooLong)
        );
        // Sixty decomposed letters are 180 octets as typed and 120 as stored.
        assert!(EmailAddress::parse(&format!("{}@example.com", "e\u{301}".repeat(32))).is_ok());
        let domain = [&*"b".repeat(63), &"c".repeat(63), &"d".repeat(57), "com"].join(".");
        assert_eq!(domain.len(), 189);
        assert_eq!(parse(&format!("{local}@{domain}")).address().len(), 254);
        assert_eq!(
            EmailAddress::parse(&format!("{local}@a{domain}")),
            Err(EmailError::InvalidDomain)
        );
        let domain = [&*"b".repeat(63), &"c".repeat(63), &"d".repeat(58), "com"].join(".");
        assert_eq!(
            EmailAddress::parse(&format!("{local}@{domain}")),
            Err(EmailError::TooLong)
        );
        assert_eq!(
            EmailAddress::parse(&"a".repeat(100_000)),
            Err(EmailError::TooLong)
        );
    }

    #[test]
    fn debug_shows_no_mailbox() {
        assert_eq!(
            format!("{:?}", parse("ada@example.com")),
            "EmailAddress(a***@example.com)"
        );
    }

    #[test]
    fn names_of_many_scripts_are_taken() {
        for text in [
            "用户@例え.jp",
            "पोस्ट@उदाहरण.com",
            "иван@пример.рф",
            "δοκιμή@παράδειγμα.gr",
            "נועה@example.co.il",
            "o'hara@example.com",
            "a/b=c@example.com",
            "1@example.com",
            "a@1.example",
            "a@xn--p1ai.com",
        ] {
            assert!(EmailAddress::parse(text).is_ok(), "{text}");
        }
    }

    /// Texts that often parse, in scripts with awkward case rules.
    fn likely_address() -> impl Strategy<Value = String> {
        let atom = "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~ßẞıİſŉǰΐΰσςΣéÉàÅåᾳᾼΆᏀꭰ\u{212A}\u{212B}ა Ა가ㄱ\u{301}\u{345}\u{327}\u{3099}-]{1,12}";
        let label = "[a-zA-Z0-9ßüÜİıσςΣǰ가ェヲ例]{1,8}";
        (
            proptest::collection::vec(atom, 1..3),
            proptest::collection::vec(label, 1..4),
            "[.。]?",
        )
            .prop_map(|(atoms, labels, dot)| {
                format!("{}@{}.com{dot}", atoms.join("."), labels.join("."))
            })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn any_text_is_answered(text in any::<String>()) {
            let _ = EmailAddress::parse(&text);
        }

        #[test]
        fn any_text_around_an_at_sign_is_answered(local in "\\PC{0,70}", domain in "\\PC{0,70}") {
            let _ = EmailAddress::parse(&format!("{local}@{domain}"));
        }

        #[test]
        fn the_stored_form_is_a_fixed_point(text in likely_address()) {
            if let Ok(email) = EmailAddress::parse(&text) {
                let again = EmailAddress::parse(email.address()).unwrap();
                prop_assert_eq!(again.address(), email.address());
                prop_assert_eq!(again.canonical(), email.canonical());
                prop_assert!(email.address().len() <= MAX_ADDRESS_OCTETS);
                prop_assert_eq!(email.address().matches('@').count(), 1);
            }
        }

        #[test]
        fn the_canonical_form_is_idempotent(text in likely_address()) {
            if let Ok(email) = EmailAddress::parse(&text)
                && let Ok(again) = EmailAddress::parse(email.canonical()) {
                prop_assert_eq!(again.canonical(), email.canonical());
            }
        }

        #[test]
        fn case_and_normal_form_do_not_matter(text in likely_address()) {
            if let Ok(email) = EmailAddress::parse(&text) {
                let nfd = DecomposingNormalizer::new_nfd().normalize(&text).into_owned();
                let (local, domain) = text.split_once('@').unwrap();
                // In a domain ς and σ are two letters (IDNA 2008), so its case is changed in ASCII.
                let shouted = format!("{}@{}", local.to_uppercase(), domain.to_ascii_uppercase());
                let whispered = format!("{}@{}", local.to_lowercase(), domain.to_ascii_lowercase());
                // Upper case makes another letter of these: an i, and an iota that takes marks.
                let survives = !nfd.contains(['ı', '\u{345}']);
                for (variant, same) in [(nfd, true), (whispered, true), (shouted, survives)] {
                    if let Ok(other) = EmailAddress::parse(&variant) && same {
                        prop_assert_eq!(other.canonical(), email.canonical(), "{}", variant);
                    }
                }
            }
        }
    }
}
