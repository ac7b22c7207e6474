//! How a password is kept, without the hash itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Algorithm and cost of a stored password hash, such as `argon2id m=19456,t=2,p=1` or `bcrypt cost=12`, with `sha256-hex` or the
/// like behind it where the password is hashed or normalised first; `none` where no
/// password is right until a reset, `unknown` for a hash of another form. Neither salt nor hash is in it, so it may be
/// shown and counted where the hash may not be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordScheme(String);

impl PasswordScheme {
    /// The scheme of a stored hash.
    #[must_use]
    pub fn of(hash: &str) -> Self {
        let (prehash, hash) = match hash.split_once(':') {
            Some((prehash, hash)) if PREHASHES.contains(&prehash) => (Some(prehash), hash),
            _ => (None, hash),
        };
        let parts: Vec<&str> = hash.split('$').collect();
        let text = match parts.as_slice() {
            ["!"] => Some("none".to_owned()),
            // PHC strings name the version since Argon2 1.3.
            [
                "",
                algorithm @ ("argon2id" | "argon2i" | "argon2d"),
                _version,
                costs,
                _salt,
                _hash,
            ] => is_costs(costs, &["m", "t", "p"]).then(|| format!("{algorithm} {costs}")),
            [
                "",
                algorithm @ ("pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512"),
                costs,
                _salt,
                _hash,
            ] => is_costs(costs, &["i"]).then(|| format!("{algorithm} {costs}")),
            [
                "",
                algorithm @ ("scrypt" | "scrypt-ctr"),
                costs,
                _salt,
                _hash,
            ] => is_costs(costs, &["ln", "r", "p"]).then(|| format!("{algorithm} {costs}")),
            ["", "2" | "2a" | "2b" | "2x" | "2y", cost, _salt_and_hash] => cost
                .parse::<u8>()
                .ok()
                .map(|cost| format!("bcrypt cost={cost}")),
            _ => None,
        };
        let text =
            text.map(|text| prehash.map_or(text.clone(), |prehash| format!("{text} {prehash}")));
        Self(text.unwrap_or_else(|| "unknown".to_owned()))
    }

    /// As a text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PasswordScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What may be done to a password before it is hashed, as it stands before the hash.
const PREHASHES: [&str; 3] = ["sha256-hex", "wp-sha384", "nfkc"];

/// Whether a part of a PHC string is these costs, and so neither salt nor hash.
fn is_costs(text: &str, names: &[&str]) -> bool {
    let is_cost = |cost: &str| {
        cost.split_once('=').is_some_and(|(name, value)| {
            names.contains(&name) && value.len() <= 10 && value.parse::<u64>().is_ok()
        })
    };
    text.split(',').count() == names.len() && text.split(',').all(is_cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_tells_algorithm_and_cost_and_nothing_of_salt_or_hash() {
        let schemes = [
            (
                "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2g",
                "argon2id m=19456,t=2,p=1",
            ),
            (
                "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
                "bcrypt cost=12",
            ),
            ("!", "none"),
            (
                "$pbkdf2-sha256$i=600000$c2FsdA$aGFzaA",
                "pbkdf2-sha256 i=600000",
            ),
            (
                "nfkc:$scrypt$ln=14,r=16,p=1$c2FsdA$aGFzaA",
                "scrypt ln=14,r=16,p=1 nfkc",
            ),
            (
                "sha256-hex:$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
                "bcrypt cost=12 sha256-hex",
            ),
        ];
        for (hash, scheme) in schemes {
            assert_eq!(PasswordScheme::of(hash).as_str(), scheme);
        }
    }

    #[test]
    fn whatever_is_of_another_form_shows_nothing_of_itself() {
        for hash in [
            "",
            "M4rk3d",
            "$argon2id$v=19$c2FsdA$m=1,t=1,p=1$x",
            "$argon2id$v=19$m=1,t=1,x=M4rk3d$s$h",
            "$2b$M4rk3d$x",
            "M4rk3d:$2b$12$x",
            "$scrypt$ln=1,r=M4rk3d,p=1$s$h",
        ] {
            assert_eq!(PasswordScheme::of(hash).as_str(), "unknown", "{hash}");
        }
    }
}
