//! Parts of the text of a hash: fields, numbers, base64 and hex.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::ForeignHashError::{self, Unknown};

pub(super) type Read<T> = Result<T, ForeignHashError>;

/// Base64 as tolerant as the systems that write it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

pub(super) fn parts<const N: usize>(text: &str) -> Read<[&str; N]> {
    text.split('$')
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| Unknown)
}

/// A cost of `name=number,…`.
pub(super) fn cost(costs: &str, name: &str) -> Read<u64> {
    let found = costs
        .split(',')
        .find_map(|cost| cost.strip_prefix(name)?.strip_prefix('='));
    number(found.ok_or(Unknown)?)
}

pub(super) fn number<T: std::str::FromStr>(text: &str) -> Read<T> {
    text.parse().map_err(|_| Unknown)
}

pub(super) fn small(number: u64) -> Read<u32> {
    number.try_into().map_err(|_| Unknown)
}

/// Base64 of any alphabet, padded or not: `-` and `_` for `+` and `/`, or passlib's `.` for `+`.
pub(super) fn base64(text: &str) -> Read<Vec<u8>> {
    let standard = text.replace(['-', '.'], "+").replace('_', "/");
    BASE64.decode(standard).map_err(|_| Unknown)
}

pub(super) fn hex(text: &str) -> Read<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| u8::try_from(c.to_digit(16)?).ok())
        .collect();
    let digits = digits
        .filter(|digits| !digits.is_empty() && digits.len().is_multiple_of(2))
        .ok_or(Unknown)?;
    Ok(digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
        .collect())
}
