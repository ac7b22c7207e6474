//! Access tokens: JWT of type `at+jwt` (RFC 9068), signed with ES256.
//!
//! Only the form that this service makes is read: three canonical base64url parts, a header of exactly `typ`, `alg` and
//! `kid`, claims of exactly the members of [`Claims`], both as JSON objects, and each value in its one form. What is read is
//! written again and compared, because a derived reader accepts more than its writer makes: an array in the place of an
//! object, other spellings of a UUID. So no other algorithm, no embedded key, no `crit`, no duplicate or missing member
//! reaches a decision. See `docs/adr/0003-own-jws-reader.md` in the project's repository.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::key::PublicKey;
use crate::time::Timestamp;
use crate::{decode, encode};

/// Longer tokens are none of ours.
const MAX_LENGTH: usize = 4_096;
/// How far another machine's clock may be ahead of ours. Expiry has no leeway.
const CLOCK_SKEW_SECONDS: i64 = 5;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    typ: &'a str,
    alg: &'a str,
    kid: &'a str,
}

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Their own account only.
    User,
    /// The admin routes as well.
    Admin,
}

/// What an access token says. Times are seconds since 1970 (RFC 7519 section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Who made it.
    pub iss: String,
    /// Whom it stands for.
    pub sub: Uuid,
    /// Whom it is meant for.
    pub aud: String,
    /// From then on it is refused.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// Before then it is refused.
    pub nbf: i64,
    /// Its own name.
    pub jti: Uuid,
    /// The session it belongs to.
    pub sid: Uuid,
    /// The client that it was issued to (RFC 9068 section 2.2).
    pub client_id: String,
    /// The user's version that the session was made under.
    pub user_ver: u64,
    /// The service's version that the session was made under.
    pub global_ver: u64,
    /// What the user may do, for services that trust it until `exp`; this one asks the table.
    pub role: Role,
    /// When the password was proved (RFC 9068 section 2.2.1).
    pub auth_time: i64,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// The assurance that this gives (RFC 9068 section 2.2.1): `aal1` of NIST SP 800-63B for a password.
    pub acr: String,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenError {
    /// It is not one that we made for this service.
    #[error("not a valid access token")]
    Invalid,
    /// It was one.
    #[error("the access token has expired")]
    Expired,
}

impl Claims {
    /// What is signed: header and claims (RFC 7515 section 5.1). The token is this, a dot, and the signature by the key
    /// named `kid` in base64url.
    ///
    /// # Errors
    /// Those of the JSON writer; such claims cannot be made.
    pub fn signing_input(&self, kid: &str) -> serde_json::Result<String> {
        let header = serde_json::to_vec(&Header {
            typ: "at+jwt",
            alg: "ES256",
            kid,
        })?;
        Ok(format!(
            "{}.{}",
            encode(&header),
            encode(&serde_json::to_vec(self)?)
        ))
    }
}

/// A token whose form is right; nothing in it is believed yet.
pub struct PresentedAccessToken<'a> {
    message: &'a str,
    signature: Vec<u8>,
    kid: String,
    claims: Claims,
}

impl<'a> PresentedAccessToken<'a> {
    /// Reads a token's form.
    ///
    /// # Errors
    /// [`AccessTokenError::Invalid`] for anything that this service would not have made.
    pub fn parse(token: &'a str) -> Result<Self, AccessTokenError> {
        Self::read(token).ok_or(AccessTokenError::Invalid)
    }

    fn read(token: &'a str) -> Option<Self> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (header, claims) = message.split_once('.')?;
        let header = decode(header)?;
        let header: Header<'_> = read_canonical(&header)?;
        if header.typ != "at+jwt" || header.alg != "ES256" {
            return None;
        }
        let kid = header.kid.to_owned();
        let claims = decode(claims)?;
        let claims = read_canonical(&claims)?;
        Some(Self {
            message,
            signature: decode(signature)?,
            kid,
            claims,
        })
    }

    /// Where to look: the user and session that the token claims. They choose a record to read and decide nothing.
    #[must_use]
    pub const fn subject(&self) -> (Uuid, Uuid) {
        (self.claims.sub, self.claims.sid)
    }

    /// The name of the key that it claims to be signed with.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The claims, if one of `keys` signed them and they hold here and now.
    ///
    /// # Errors
    /// [`AccessTokenError`].
    pub fn verify(
        self,
        keys: &[PublicKey],
        issuer: &str,
        audience: &str,
        now: Timestamp,
    ) -> Result<Claims, AccessTokenError> {
        let key = keys
            .iter()
            .find(|key| key.kid == self.kid)
            .ok_or(AccessTokenError::Invalid)?;
        if !key.counts_at(now) || !key.verifies(self.message.as_bytes(), &self.signature) {
            return Err(AccessTokenError::Invalid);
        }
        let claims = self.claims;
        let latest = now.as_secs() + CLOCK_SKEW_SECONDS;
        let for_us = claims.iss == issuer && claims.aud == audience;
        if !for_us || claims.nbf > latest || claims.iat > latest {
            return Err(AccessTokenError::Invalid);
        }
        if claims.exp <= now.as_secs() {
            return Err(AccessTokenError::Expired);
        }
        Ok(claims)
    }
}

/// The value that `json` encodes, if it is a JSON object with the members and values that this module writes. Without the
/// comparison one token would have many forms, and another reader might see another value in one of them.
fn read_canonical<'a, T: Deserialize<'a> + Serialize>(json: &'a [u8]) -> Option<T> {
    let value: T = serde_json::from_slice(json).ok()?;
    let sent: serde_json::Value = serde_json::from_slice(json).ok()?;
    let written = serde_json::to_value(&value).ok()?;
    (written == sent).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    struct Key {
        pair: EcdsaKeyPair,
        public: PublicKey,
    }

    impl Key {
        fn sign(&self, message: &str) -> String {
            let signature = self
                .pair
                .sign(&SystemRandom::new(), message.as_bytes())
                .expect("a signature");
            format!("{message}.{}", encode(signature.as_ref()))
        }

        fn issue(&self, claims: &Claims) -> String {
            self.sign(&claims.signing_input(&self.public.kid).expect("JSON"))
        }
    }

    fn key_and_record() -> (Key, Vec<PublicKey>) {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let point = pair.public_key().as_ref();
        let (x, y) = (encode(&point[1..33]), encode(&point[33..]));
        let public = PublicKey {
            kid: encode(&point[1..17]),
            x,
            y,
            created_at: NOW,
            until: None,
        };
        let record = vec![public.clone()];
        (Key { pair, public }, record)
    }

    fn claims() -> Claims {
        let now = NOW.as_secs();
        Claims {
            iss: "https://a.example".to_owned(),
            sub: Uuid::from_u128(1),
            aud: "app".to_owned(),
            exp: now + 60,
            iat: now,
            nbf: now,
            jti: Uuid::from_u128(2),
            sid: Uuid::from_u128(3),
            client_id: "web".to_owned(),
            user_ver: 1,
            global_ver: 1,
            role: Role::User,
            auth_time: now,
            amr: vec!["pwd".to_owned()],
            acr: "aal1".to_owned(),
        }
    }

    fn check(token: &str, record: &[PublicKey]) -> Result<Claims, AccessTokenError> {
        PresentedAccessToken::parse(token)?.verify(record, "https://a.example", "app", NOW)
    }

    /// A token with any header and claims, properly signed.
    fn forged(key: &Key, header: &str, claims: &str) -> String {
        key.sign(&format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(claims.as_bytes())
        ))
    }

    #[test]
    fn a_token_that_we_made_is_accepted() {
        let (key, record) = key_and_record();
        let token = key.issue(&claims());
        assert_eq!(check(&token, &record), Ok(claims()));
    }

    #[test]
    fn expiry_has_no_leeway() {
        let (key, record) = key_and_record();
        let expired = key.issue(&Claims {
            exp: NOW.as_secs(),
            ..claims()
        });
        assert_eq!(check(&expired, &record), Err(AccessTokenError::Expired));
    }

    #[test]
    fn a_token_from_the_future_or_for_somebody_else_is_refused() {
        let (key, record) = key_and_record();
        for wrong in [
            Claims {
                nbf: NOW.as_secs() + 6,
                ..claims()
            },
            Claims {
                iat: NOW.as_secs() + 6,
                ..claims()
            },
            Claims {
                iss: "https://b.example".to_owned(),
                ..claims()
            },
            Claims {
                aud: "other".to_owned(),
                ..claims()
            },
        ] {
            let token = key.issue(&wrong);
            assert_eq!(
                check(&token, &record),
                Err(AccessTokenError::Invalid),
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn only_our_own_header_is_read() {
        let (key, record) = key_and_record();
        let body = serde_json::to_string(&claims()).expect("JSON");
        let kid = &key.public.kid;
        for header in [
            format!(r#"{{"typ":"JWT","alg":"ES256","kid":"{kid}"}}"#),
            format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"at+jwt","alg":"none","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"at+jwt","alg":"HS256","kid":"{kid}"}}"#),
            format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":["{kid}"]}}"#),
            format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}","crit":["b64"],"b64":false}}"#),
            format!(
                r#"{{"typ":"at+jwt","alg":"ES256","kid":"{kid}","jku":"https://evil.example"}}"#
            ),
            format!(r#"{{"typ":"at+jwt","alg":"ES256","alg":"ES256","kid":"{kid}"}}"#),
            r#"{"typ":"at+jwt","alg":"ES256"}"#.to_owned(),
            r#"{"typ":"at+jwt","alg":"ES256","kid":"../../dev/null"}"#.to_owned(),
        ] {
            let token = forged(&key, &header, &body);
            assert_eq!(
                check(&token, &record),
                Err(AccessTokenError::Invalid),
                "{header}"
            );
        }
    }

    /// The canonical claims, member by member, in their order.
    fn members() -> Vec<String> {
        let text = serde_json::to_string(&claims()).expect("JSON");
        let text = text.trim_matches(['{', '}']).to_owned();
        // No value has a comma in it.
        text.split(',').map(str::to_owned).collect()
    }

    fn object(members: &[String]) -> String {
        format!("{{{}}}", members.join(","))
    }

    fn header(key: &Key) -> String {
        format!(
            r#"{{"typ":"at+jwt","alg":"ES256","kid":"{}"}}"#,
            key.public.kid
        )
    }

    #[test]
    fn missing_additional_and_duplicate_claims_are_refused() {
        let (key, record) = key_and_record();
        let header = header(&key);
        let whole = members();
        assert!(
            check(&forged(&key, &header, &object(&whole)), &record).is_ok(),
            "the forger's own form is right"
        );
        assert_eq!(whole.len(), 15);
        for index in 0..whole.len() {
            let mut less = whole.clone();
            let name = less.remove(index);
            let token = forged(&key, &header, &object(&less));
            assert_eq!(
                check(&token, &record),
                Err(AccessTokenError::Invalid),
                "without {name}"
            );
        }
        for member in ["\"exp\":9999999999", "\"admin\":true"] {
            let more: Vec<_> = whole.iter().cloned().chain([member.to_owned()]).collect();
            assert!(
                check(&forged(&key, &header, &object(&more)), &record).is_err(),
                "{member}"
            );
        }
    }

    #[test]
    fn a_token_has_one_form_only() {
        let (key, record) = key_and_record();
        let header = header(&key);
        let text = object(&members());
        let values: Vec<_> = members()
            .iter()
            .filter_map(|member| Some(member.split_once(':')?.1.to_owned()))
            .collect();
        let (id, exp) = (claims().sub, claims().exp);
        for (what, other) in [
            ("an array", format!("[{}]", values.join(","))),
            (
                "a UUID in capitals",
                text.replacen(&id.to_string(), "00000000-0000-0000-0000-00000000000A", 1),
            ),
            (
                "a UUID without hyphens",
                text.replacen(&id.to_string(), &id.simple().to_string(), 1),
            ),
            (
                "a UUID in braces",
                text.replacen(&id.to_string(), &id.braced().to_string(), 1),
            ),
            (
                "a UUID as a URN",
                text.replacen(&id.to_string(), &id.urn().to_string(), 1),
            ),
            (
                "a number with a fraction",
                text.replacen(&exp.to_string(), &format!("{exp}.0"), 1),
            ),
            (
                "a number as a string",
                text.replacen(&exp.to_string(), &format!("\"{exp}\""), 1),
            ),
            (
                "a number with an exponent",
                text.replacen(&exp.to_string(), &format!("{exp}e0"), 1),
            ),
        ] {
            assert_ne!(other, text, "{what}");
            let token = forged(&key, &header, &other);
            assert_eq!(
                check(&token, &record),
                Err(AccessTokenError::Invalid),
                "claims: {what}"
            );
        }
        let kid = &key.public.kid;
        for other in [
            format!(r#"["at+jwt","ES256","{kid}"]"#),
            format!(r#""at+jwt ES256 {kid}""#),
            format!(r#"[{{"typ":"at+jwt","alg":"ES256","kid":"{kid}"}}]"#),
        ] {
            let token = forged(&key, &other, &text);
            assert_eq!(
                check(&token, &record),
                Err(AccessTokenError::Invalid),
                "header: {other}"
            );
        }
    }

    #[test]
    fn another_key_and_a_dropped_key_are_refused() {
        let (key, mut record) = key_and_record();
        let (other, _) = key_and_record();
        let token = other.issue(&claims());
        assert_eq!(check(&token, &record), Err(AccessTokenError::Invalid));
        let token = key.issue(&claims());
        record[0].until = Some(NOW);
        assert_eq!(
            check(&token, &record),
            Err(AccessTokenError::Invalid),
            "a retired key"
        );
        record[0].until = Some(Timestamp::from_millis(NOW.as_millis() + 1));
        assert!(check(&token, &record).is_ok(), "a key that retires later");
        record.clear();
        assert_eq!(
            check(&token, &record),
            Err(AccessTokenError::Invalid),
            "a dropped key"
        );
    }

    #[test]
    fn only_the_canonical_compact_form_is_read() {
        let (key, record) = key_and_record();
        let token = key.issue(&claims());
        let dotted = ".".repeat(50_000);
        for other in [
            format!("{token}="),
            format!(" {token}"),
            format!("{token}."),
            format!("{token}.x"),
            dotted,
            token.replace('.', ".."),
        ] {
            assert_eq!(check(&other, &record), Err(AccessTokenError::Invalid));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[A-Za-z0-9_.-]{0,300}") {
            prop_assert!(PresentedAccessToken::parse(&text).is_err());
        }
    }
}
