use std::sync::Arc;

use serde::Deserialize;

use super::*;
use crate::config::Argon2Config;
use crate::domain::{Password, PasswordScheme};
use crate::ground::entropy::OsEntropy;
use crate::passwords::{PasswordHasher, Verdict};

const BCRYPT: &str = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW";
const ARGON2: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$RdescudvJCsgt3ub+b4dWRWJTmaaJObGnsXvHk4lG4Q";

/// A hash that the other system's own code has made, and what becomes of it here.
#[derive(Deserialize)]
struct Row {
    name: String,
    hash: String,
    password: Option<String>,
    outcome: String,
}

fn rows() -> Vec<Row> {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/foreign-hashes.json"
    );
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn password(text: &str) -> Password {
    Password::presented(text.to_owned()).unwrap()
}

#[tokio::test]
async fn hashes_of_other_systems_are_verified_and_upgraded_or_refused_in_words() {
    // Of other costs than any row, so that each right password has its hash replaced.
    let config = Argon2Config {
        memory_kib: 64,
        iterations: 1,
    };
    let hasher = PasswordHasher::new(config, Arc::new(OsEntropy)).unwrap();
    for Row {
        name,
        hash,
        password: right,
        outcome,
    } in rows()
    {
        let taken = match (ForeignHash::parse(&hash), &*outcome) {
            (Ok(Some(taken)), "right" | "never right") => taken,
            (Ok(None), "none")
            | (Err(ForeignHashError::Cost), "cost")
            | (Err(ForeignHashError::Weak(_)), "weak")
            | (Err(ForeignHashError::Unsupported(_)), "unsupported") => continue,
            (parsed, _) => panic!("{name}: {parsed:?}"),
        };
        let expected = if outcome == "right" {
            Verdict::RightButOutdated
        } else {
            Verdict::Wrong
        };
        let verify = async |text: &str| {
            hasher
                .verify(&password(text), Some(taken.as_str()))
                .await
                .unwrap()
        };
        assert_eq!(verify(&right.unwrap()).await, expected, "{name}");
        assert_eq!(
            verify("Wrong-Horse-7-Battery").await,
            Verdict::Wrong,
            "{name}"
        );
        assert_ne!(
            PasswordScheme::of(taken.as_str()).as_str(),
            "unknown",
            "{name}"
        );
        // What is stored is read as it is written, and the account's item stays small.
        let stored = StoredHash::parse(taken.as_str()).unwrap().to_string();
        assert!(
            stored == taken.as_str() && stored.len() < 200,
            "{name}: {}",
            stored.len()
        );
    }
}

#[test]
fn what_would_be_no_hindrance_or_burn_seconds_is_refused() {
    let costs = [
        BCRYPT.replace("$12$", "$09$"),
        BCRYPT.replace("$12$", "$15$"),
        BCRYPT.replace("$12$", "$31$"),
    ];
    let params = [
        "m=4096,t=3,p=1",
        "m=1048576,t=1,p=1",
        "m=65536,t=7,p=1",
        "m=7168,t=60,p=1",
    ];
    let weights = params.map(|params| ARGON2.replace("m=19456,t=2,p=1", params));
    let salt_and_hash = "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA";
    let pbkdf2 =
        [0, 9_999, 2_000_001, u32::MAX].map(|i| format!("$pbkdf2-sha256$i={i}${salt_and_hash}"));
    let scrypt = [
        "ln=13,r=8,p=1",
        "ln=14,r=4,p=1",
        "ln=17,r=8,p=1",
        "ln=14,r=8,p=4096",
        "ln=63,r=4294967295,p=4294967295",
    ]
    .map(|costs| format!("$scrypt${costs}${salt_and_hash}"));
    for hash in costs.iter().chain(&weights).chain(&pbkdf2).chain(&scrypt) {
        assert_eq!(
            ForeignHash::parse(hash),
            Err(ForeignHashError::Cost),
            "{hash}"
        );
    }
}

#[test]
fn other_kinds_and_cut_hashes_are_refused() {
    let old = ARGON2.replace("v=19", "v=16");
    let cut = BCRYPT.trim_end_matches("UW");
    let buggy = BCRYPT.replace("$2b$", "$2x$");
    for hash in [
        &old,
        cut,
        &buggy,
        "",
        "Correct-Horse-7-Battery",
        "{unheard}of",
        "{bcrypt",
        "pbkdf2_sha256$1$a$b",
        "pbkdf2_sha256$600000$somesalt$",
        "$pbkdf2-sha256$i=600000$$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=15000,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "scrypt:0:8:1$salt$00",
        "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=AA==$AAAA$AAAA",
        "AQAAAAIAAYag/////w==",
        "00:00",
        "€:$¢",
    ] {
        assert_eq!(
            ForeignHash::parse(hash),
            Err(ForeignHashError::Unknown),
            "{hash}"
        );
    }
}

#[test]
fn a_hash_is_not_shown() {
    assert_eq!(
        format!("{:?}", ForeignHash::parse(BCRYPT)),
        "Ok(Some(ForeignHash))"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(text in "[${}:]?[a-z0-9_]{0,12}[$:}]?[ -~]{0,60}") {
        let _ = ForeignHash::parse(&text);
        let _ = StoredHash::parse(&text);
    }
}
