//! Hashes, keyed hashes and their text form, over one provider (AWS-LC).

use aws_lc_rs::{constant_time, digest as lc, hmac as lc_hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// SHA-256 of `data`.
#[must_use]
pub fn sha256(data: &[u8]) -> [u8; 32] {
    to_array(lc::digest(&lc::SHA256, data).as_ref())
}

/// HMAC-SHA-256 under `key` over the concatenation of `parts`. Callers give parts of fixed length or
/// with a separator, so that no two inputs read alike.
#[must_use]
pub fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = lc_hmac::Context::with_key(&lc_hmac::Key::new(lc_hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    to_array(context.sign().as_ref())
}

/// HMAC-SHA-384 of `data` under `key`.
#[must_use]
pub fn hmac_sha384(key: &[u8], data: &[u8]) -> lc_hmac::Tag {
    lc_hmac::sign(&lc_hmac::Key::new(lc_hmac::HMAC_SHA384, key), data)
}

/// SHA-256 as base64url without padding: the form in which tokens are stored.
#[must_use]
pub fn fingerprint(data: &[u8]) -> String {
    encode(&sha256(data))
}

/// Compares without telling by its duration where the two differ. Only the lengths leak.
#[must_use]
pub fn equal(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// base64url without padding (RFC 4648 section 5).
#[must_use]
pub fn encode(data: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(data)
}

/// The bytes of base64url without padding; `None` for anything but the canonical form.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn to_array(slice: &[u8]) -> [u8; 32] {
    let mut array = [0; 32];
    for (to, from) in array.iter_mut().zip(slice) {
        *to = *from;
    }
    array
}
