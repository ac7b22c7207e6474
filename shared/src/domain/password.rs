//! Passwords and the rules for new ones.
//!
//! A password is taken as typed: normalised to NFC, so that two keyboards agree (NIST SP 800-63B
//! section 3.1.1.2), and otherwise untouched. Nothing is trimmed, folded or cut. Its length is
//! limited before any work is done on it, because normalising and hashing are paid by us.
//!
//! The rules apply only where a password is chosen ([`PasswordPolicy::check`]); a login takes any
//! [`Password`], or a stricter policy would lock people out. All unmet rules are told at once.
//!
//! A password is also refused if it is *built on* what an attacker knows without trying
//! ([`super::password_context`]).

use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::str::FromStr;
use std::sync::Arc;

use icu_normalizer::ComposingNormalizer;
use secrecy::{ExposeSecret, SecretBox};
use zeroize::Zeroizing;

use super::FieldCode;
use super::common_passwords::{ENOUGH_BESIDE, is_common};
use super::password_context::{PRODUCT, is_built_on};

/// Longest password in bytes, as sent and after normalisation.
const MAX_BYTES: usize = 1_024;
/// NFC makes a UTF-8 text at most three times as long.
const NFC_GROWTH: usize = 3;
/// A password in clear. Clones share it; it is wiped from memory when the last one is dropped. Neither
/// printed nor serialised.
#[derive(Clone)]
pub struct Password(Arc<SecretBox<String>>);

/// A password of more than 1,024 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Must have at most 1,024 bytes.")]
pub struct PasswordTooLong;

impl PasswordTooLong {
    /// The stable code for clients.
    #[must_use]
    pub const fn code(self) -> FieldCode {
        FieldCode::TooLong
    }
}

impl Password {
    /// Takes a password as somebody presented it, at a login or as a new one.
    ///
    /// # Errors
    ///
    /// [`PasswordTooLong`] above 1,024 bytes, before or after normalisation.
    pub fn presented(text: String) -> Result<Self, PasswordTooLong> {
        let text = Zeroizing::new(text);
        if text.len() > MAX_BYTES {
            return Err(PasswordTooLong);
        }
        // One buffer that is large enough: a growing one would leave copies behind.
        let mut normal = Zeroizing::new(String::with_capacity(text.len() * NFC_GROWTH));
        // Writing to a string cannot fail.
        let _ = ComposingNormalizer::new_nfc().normalize_to(&text, &mut *normal);
        if normal.len() > MAX_BYTES {
            return Err(PasswordTooLong);
        }
        Ok(Self(Arc::new(SecretBox::new(Box::new(mem::take(
            &mut *normal,
        ))))))
    }

    /// The password itself, for hashing and for the rules.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// A kind of character: whether one is of it.
type Kind = fn(char) -> bool;

/// Which standard the rules for new passwords follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PasswordProfile {
    /// 8 characters or more, of four kinds.
    #[default]
    Roadmap,
    /// 15 characters or more, of any kind: NIST SP 800-63B section 3.1.1.2.
    Nist,
    /// 12 characters or more, letters and digits: PCI DSS 4.0 requirement 8.3.6.
    Pci,
}

/// A name that is no profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be roadmap, nist or pci")]
pub struct UnknownProfile;

impl FromStr for PasswordProfile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        match name {
            "roadmap" => Ok(Self::Roadmap),
            "nist" => Ok(Self::Nist),
            "pci" => Ok(Self::Pci),
            _ => Err(UnknownProfile),
        }
    }
}

impl PasswordProfile {
    /// The fewest characters, in Unicode code points.
    #[must_use]
    pub const fn min_length(self) -> usize {
        match self {
            Self::Roadmap => 8,
            Self::Nist => 15,
            Self::Pci => 12,
        }
    }

    /// What a password must be made of.
    const fn composition(self) -> &'static [(PasswordRule, Kind)] {
        match self {
            Self::Roadmap => &[
                (PasswordRule::NoUpperCase, char::is_uppercase),
                (PasswordRule::NoLowerCase, char::is_lowercase),
                (PasswordRule::NoDigit, char::is_numeric),
                (PasswordRule::NoSpecial, is_special),
            ],
            Self::Nist => &[],
            Self::Pci => &[
                (PasswordRule::NoLetter, char::is_alphabetic),
                (PasswordRule::NoDigit, char::is_numeric),
            ],
        }
    }
}

/// A rule that a password does not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRule {
    /// Fewer code points than the profile asks for.
    TooShort {
        /// How many it asks for.
        minimum: usize,
    },
    /// No upper-case letter of any script.
    NoUpperCase,
    /// No lower-case letter of any script.
    NoLowerCase,
    /// No digit of any script.
    NoDigit,
    /// No ASCII punctuation, symbol or space, and no symbol beyond ASCII.
    NoSpecial,
    /// No letter of any script.
    NoLetter,
    /// Among the first to be guessed.
    TooCommon,
    /// Little more than the address or the product's name.
    ContainsContext,
}

impl PasswordRule {
    /// The stable code for clients.
    #[must_use]
    pub const fn code(self) -> FieldCode {
        match self {
            Self::TooShort { .. } => FieldCode::TooShort,
            Self::NoUpperCase => FieldCode::NoUpperCase,
            Self::NoLowerCase => FieldCode::NoLowerCase,
            Self::NoDigit => FieldCode::NoDigit,
            Self::NoSpecial => FieldCode::NoSpecial,
            Self::NoLetter => FieldCode::NoLetter,
            Self::TooCommon => FieldCode::TooCommon,
            Self::ContainsContext => FieldCode::ContainsContext,
        }
    }

    /// The rule in plain words, with its limit.
    #[must_use]
    pub fn detail(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::TooShort { minimum } => {
                return format!("Must have at least {minimum} characters.").into();
            }
            Self::ContainsContext => {
                return format!(
                    "Must have at least {ENOUGH_BESIDE} characters besides your e-mail address and the name {PRODUCT}."
                )
                .into();
            }
            Self::NoUpperCase => "Must contain an upper-case letter.",
            Self::NoLowerCase => "Must contain a lower-case letter.",
            Self::NoDigit => "Must contain a digit.",
            Self::NoSpecial => {
                "Must contain a special character: punctuation, a symbol or a space."
            }
            Self::NoLetter => "Must contain a letter.",
            Self::TooCommon => {
                "Must not be a common password, nor one with a few characters added."
            }
        })
    }
}

/// The rules for new passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PasswordPolicy {
    /// Whose rules they are.
    pub profile: PasswordProfile,
}

impl PasswordPolicy {
    /// All rules that a new password does not meet. `context` holds the account's addresses; an
    /// entry without `@` counts as one word.
    #[must_use]
    pub fn check(&self, password: &Password, context: &[&str]) -> Vec<PasswordRule> {
        let text = password.expose();
        let minimum = self.profile.min_length();
        let mut unmet = Vec::new();
        if text.chars().count() < minimum {
            unmet.push(PasswordRule::TooShort { minimum });
        }
        for (rule, meets) in self.profile.composition() {
            if !text.chars().any(meets) {
                unmet.push(*rule);
            }
        }
        if is_common(text) {
            unmet.push(PasswordRule::TooCommon);
        }
        if is_built_on(text, context) {
            unmet.push(PasswordRule::ContainsContext);
        }
        unmet
    }
}

/// The 33 ASCII characters that are neither letter, digit nor control, and every symbol beyond.
fn is_special(c: char) -> bool {
    c == ' ' || c.is_ascii_punctuation() || !(c.is_ascii() || c.is_alphanumeric() || c.is_control())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ADDRESS: &str = "ada@example.com";

    fn codes(profile: PasswordProfile, password: &str, context: &[&str]) -> Vec<&'static str> {
        let password = Password::presented(password.to_owned()).unwrap();
        let unmet = PasswordPolicy { profile }.check(&password, context);
        unmet.into_iter().map(|rule| rule.code().into()).collect()
    }

    fn roadmap(password: &str) -> Vec<&'static str> {
        codes(PasswordProfile::Roadmap, password, &[ADDRESS])
    }

    #[test]
    fn a_password_is_normalised_and_otherwise_untouched() {
        let password = Password::presented(" Cafe\u{301} \n".to_owned()).unwrap();
        assert_eq!(password.expose(), " Café \n");
    }

    #[test]
    fn a_password_has_at_most_1024_bytes_before_and_after_normalisation() {
        assert!(Password::presented("a".repeat(1_024)).is_ok());
        assert_eq!(
            Password::presented("a".repeat(1_025)).unwrap_err(),
            PasswordTooLong
        );
        // U+1D160 is four bytes and NFC makes twelve of it.
        assert!(Password::presented("\u{1D160}".repeat(85)).is_ok());
        assert_eq!(
            Password::presented("\u{1D160}".repeat(86)).unwrap_err(),
            PasswordTooLong
        );
        assert_eq!(PasswordTooLong.code(), FieldCode::TooLong);
    }

    #[test]
    fn debug_shows_no_password() {
        assert_eq!(
            format!("{:?}", Password::presented("hunter2".to_owned())),
            "Ok(Password)"
        );
    }

    #[test]
    fn length_is_counted_in_code_points() {
        assert_eq!(roadmap("Aa1!éééé"), [""; 0]);
        assert_eq!(roadmap("Aa1!éxé"), ["too_short"]);
        assert_eq!(roadmap("Ax1!🦀é🐙"), ["too_short"]);
        assert_eq!(roadmap("Ax1!🦀é🐙é"), [""; 0]);
    }

    #[test]
    fn all_unmet_rules_are_told_at_once() {
        assert_eq!(
            roadmap("xk"),
            [
                "too_short",
                "no_upper_case",
                "no_digit",
                "no_special",
                "too_common"
            ]
        );
        assert_eq!(
            roadmap(""),
            [
                "too_short",
                "no_upper_case",
                "no_lower_case",
                "no_digit",
                "no_special",
                "too_common"
            ]
        );
        assert_eq!(
            codes(PasswordProfile::Pci, "#", &[]),
            ["too_short", "no_letter", "no_digit", "too_common"]
        );
    }

    #[test]
    fn each_kind_of_character_is_asked_for() {
        assert_eq!(roadmap("kx7!mvq2"), ["no_upper_case"]);
        assert_eq!(roadmap("KX7!MVQ2"), ["no_lower_case"]);
        assert_eq!(roadmap("KxT!mvqP"), ["no_digit"]);
        assert_eq!(roadmap("Kx7tmvq2"), ["no_special"]);
        assert_eq!(roadmap("Жц7!мвя2"), [""; 0]);
    }

    #[test]
    fn every_ascii_symbol_is_special() {
        let symbols: Vec<char> = (' '..='~').filter(|c| !c.is_ascii_alphanumeric()).collect();
        assert_eq!(symbols.len(), 33);
        for symbol in symbols.into_iter().chain(['€', '🦀', '«', '\u{3000}']) {
            assert_eq!(roadmap(&format!("Kx7tmvq2{symbol}")), [""; 0], "{symbol:?}");
        }
        assert_eq!(roadmap("Kx7tmvq2\t"), ["no_special"]);
    }

    #[test]
    fn the_nist_profile_asks_for_length_alone() {
        assert_eq!(
            codes(PasswordProfile::Nist, "correct horse b", &[ADDRESS]),
            [""; 0]
        );
        assert_eq!(
            codes(PasswordProfile::Nist, "correct horse ", &[ADDRESS]),
            ["too_short"]
        );
        assert_eq!(
            codes(PasswordProfile::Nist, "passwordpassword", &[ADDRESS]),
            ["too_common"]
        );
    }

    #[test]
    fn the_pci_profile_asks_for_letters_and_digits() {
        assert_eq!(
            codes(PasswordProfile::Pci, "kettle42sofa", &[ADDRESS]),
            [""; 0]
        );
        assert_eq!(
            codes(PasswordProfile::Pci, "kettle42sof", &[ADDRESS]),
            ["too_short"]
        );
        assert_eq!(
            codes(PasswordProfile::Pci, "kettle-on-sofa", &[ADDRESS]),
            ["no_digit"]
        );
        assert_eq!(
            codes(PasswordProfile::Pci, "7391-5826-0471", &[ADDRESS]),
            ["no_letter"]
        );
    }

    #[test]
    fn common_passwords_are_refused_in_every_profile() {
        assert_eq!(roadmap("P@ssw0rd123"), ["too_common"]);
        assert_eq!(
            codes(PasswordProfile::Pci, "Password1234!", &[]),
            ["too_common"]
        );
        assert_eq!(
            codes(PasswordProfile::Nist, "123456789012345", &[]),
            ["too_common"]
        );
    }

    #[test]
    fn a_password_built_on_the_product_is_refused() {
        for password in [
            "Dashtam2026!",
            "D@sht4m#77x",
            "!!DASHTAMdashtam1",
            "My-Dashtam-7",
        ] {
            assert_eq!(roadmap(password), ["contains_context"], "{password}");
        }
        assert_eq!(roadmap("My-Dashtam-Login-73"), [""; 0]);
    }

    #[test]
    fn a_password_built_on_the_address_is_refused() {
        let address = "will.lovelace+shop@bellmore.example";
        for password in [
            "will.lovelace+shop1!A",
            "Lovelace#77x",
            "L0ve1ace#77x",
            "Bellmore!47",
            "8E11m0re!47",
            "Will-2026x",
            "W1ll#40Qp",
            "Will-Lovelace-7x",
            "Lovelace@Bellmore7",
        ] {
            let unmet = codes(PasswordProfile::Roadmap, password, &[address]);
            assert_eq!(unmet, ["contains_context"], "{password}");
            assert_eq!(
                codes(PasswordProfile::Roadmap, password, &["x@y.example"]),
                [""; 0],
                "{password}"
            );
        }
    }

    #[test]
    fn neither_the_whole_address_nor_any_label_of_its_domain_is_a_password() {
        let address = "ada1@student.tuwien.ac.at";
        for password in [
            "Ada1@student.tuwien.ac.at",
            "Student.tuwien.ac.at1!",
            "Tuwien.ac.at-2026",
            "Tuwien2026!",
            "Tuw13n#77x",
            "Stud3nt!2026x",
            "Ada1@Tuwien!",
        ] {
            assert_eq!(
                codes(PasswordProfile::Roadmap, password, &[address]),
                ["contains_context"],
                "{password}"
            );
        }
        for (password, address) in [
            ("Gmx#2026xq", "a@gmx.de"),
            ("Lovelace#77x", "lovelace85@example.com"),
            ("München#77x", "a@xn--mnchen-3ya.example"),
            ("Xn--mnchen-3ya1!", "a@xn--mnchen-3ya.example"),
            ("Bellmore#77x", "a@bellmore-bank.example"),
        ] {
            assert!(
                codes(PasswordProfile::Roadmap, password, &[address]).contains(&"contains_context"),
                "{password}"
            );
        }
        assert_eq!(
            codes(PasswordProfile::Roadmap, "Comet-Xq7!", &["a@b.com"]),
            [""; 0]
        );
    }

    #[test]
    fn a_password_may_contain_the_address_beside_enough_else() {
        let horse = "horse@example.com";
        assert_eq!(
            codes(
                PasswordProfile::Roadmap,
                "Correct-Horse-7-Battery",
                &[horse]
            ),
            [""; 0]
        );
        assert_eq!(
            codes(PasswordProfile::Roadmap, "Horse1!Aa", &[horse]),
            ["contains_context"]
        );
        assert_eq!(
            codes(PasswordProfile::Roadmap, "Xq7!mvKz", &["xq@example.com"]),
            [""; 0]
        );
    }

    #[test]
    fn accents_and_case_of_the_address_do_not_help() {
        let address = "JOSÉ.ÁLVAREZ@example.com";
        assert_eq!(
            codes(PasswordProfile::Roadmap, "álvarez#42X", &[address]),
            ["contains_context"]
        );
    }

    #[test]
    fn profiles_are_read_by_name() {
        assert_eq!("nist".parse(), Ok(PasswordProfile::Nist));
        assert_eq!("roadmap".parse(), Ok(PasswordProfile::Roadmap));
        assert_eq!("pci".parse(), Ok(PasswordProfile::Pci));
        assert_eq!("NIST".parse::<PasswordProfile>(), Err(UnknownProfile));
    }

    #[test]
    fn a_detail_names_the_limit() {
        assert_eq!(
            PasswordRule::TooShort { minimum: 15 }.detail(),
            "Must have at least 15 characters."
        );
    }

    proptest! {
        #[test]
        fn any_password_is_answered(text in any::<String>(), address in any::<String>()) {
            if let Ok(password) = Password::presented(text) {
                for profile in [PasswordProfile::Roadmap, PasswordProfile::Nist, PasswordProfile::Pci] {
                    let _ = PasswordPolicy { profile }.check(&password, &[&address]);
                }
            }
        }

        #[test]
        fn both_normal_forms_are_one_password(text in "\\PC{0,40}") {
            let nfd = icu_normalizer::DecomposingNormalizer::new_nfd().normalize(&text).into_owned();
            let (one, other) = (Password::presented(text).unwrap(), Password::presented(nfd).unwrap());
            prop_assert_eq!(one.expose(), other.expose());
        }
    }
}
