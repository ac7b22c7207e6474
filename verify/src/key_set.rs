//! The published key set (RFC 7517 section 5), read strictly.

use serde::Deserialize;

use crate::decode;
use crate::key::PublicKey;
use crate::time::Timestamp;

/// Bytes of one coordinate (RFC 7518 section 6.2.1.2).
const COORDINATE_LENGTH: usize = 32;

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kty: String,
    #[serde(default)]
    crv: String,
    alg: Option<String>,
    r#use: Option<String>,
    #[serde(default)]
    kid: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

/// What is wrong with a key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key set is malformed")]
pub(crate) struct Malformed;

/// The keys in `text` that can sign access tokens. Keys of other kinds are passed over, as the RFC wants it. A set
/// without any key of ours, with a bad point or with one name twice is refused whole: the one before it serves on.
pub(crate) fn parse(text: &[u8], now: Timestamp) -> Result<Vec<PublicKey>, Malformed> {
    let set: KeySet = serde_json::from_slice(text).map_err(|_| Malformed)?;
    let mut keys: Vec<PublicKey> = Vec::new();
    for key in set.keys.into_iter().filter(Key::is_ours) {
        let is_coordinate =
            |text: &str| decode(text).is_some_and(|bytes| bytes.len() == COORDINATE_LENGTH);
        let is_whole = !key.kid.is_empty() && is_coordinate(&key.x) && is_coordinate(&key.y);
        if !is_whole || keys.iter().any(|known| known.kid == key.kid) {
            return Err(Malformed);
        }
        keys.push(PublicKey {
            kid: key.kid,
            x: key.x,
            y: key.y,
            created_at: now,
            until: None,
        });
    }
    if keys.is_empty() {
        Err(Malformed)
    } else {
        Ok(keys)
    }
}

impl Key {
    fn is_ours(&self) -> bool {
        let is = |member: &Option<String>, value: &str| {
            member.as_deref().is_none_or(|given| given == value)
        };
        self.kty == "EC" && self.crv == "P-256" && is(&self.alg, "ES256") && is(&self.r#use, "sig")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn key(kid: &str) -> Value {
        let coordinate = crate::encode(&[1; 32]);
        json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": kid, "x": coordinate, "y": coordinate })
    }

    fn kids(set: &Value) -> Result<Vec<String>, Malformed> {
        let keys = parse(set.to_string().as_bytes(), Timestamp::EPOCH)?;
        Ok(keys.into_iter().map(|key| key.kid).collect())
    }

    #[test]
    fn keys_of_other_kinds_are_passed_over() {
        let rsa = json!({ "kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB" });
        let mut encryption = key("e");
        encryption["use"] = json!("enc");
        let set = json!({ "keys": [rsa, key("a"), encryption, key("b")], "more": 1 });
        assert_eq!(kids(&set), Ok(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn a_set_that_is_not_whole_is_refused() {
        let mut short = key("a");
        short["x"] = json!("AQAB");
        let mut nameless = key("a");
        nameless["kid"] = json!("");
        for set in [
            json!({}),
            json!([key("a")]),
            json!({ "keys": [] }),
            json!({ "keys": [{ "kty": "RSA" }] }),
            json!({ "keys": [key("a"), key("a")] }),
            json!({ "keys": [short] }),
            json!({ "keys": [nameless] }),
        ] {
            assert_eq!(kids(&set), Err(Malformed), "{set}");
        }
        assert_eq!(parse(b"<html>", Timestamp::EPOCH), Err(Malformed));
    }
}
