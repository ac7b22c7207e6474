//! An item as a whole: as the stream and the archive write it, and as one hash.
//!
//! The hash is over a form in which no two different items read alike: every text carries its length, every collection
//! its count, names and members of sets stand in byte order. `docs/audit-integrity.md` spells it out for others who want
//! to check a hash.

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::item::Item;
use crate::ground::digest;

/// What is hashed before an item.
const LABEL: &[u8] = b"dashtam audit record 1\n";

/// An item.
#[derive(Debug, Clone, PartialEq)]
pub struct Image(Item);

impl Image {
    /// An item as the client read it.
    #[must_use]
    pub(super) const fn new(item: Item) -> Self {
        Self(item)
    }

    /// The attributes.
    pub(super) const fn item(&self) -> &Item {
        &self.0
    }

    /// From the JSON that streams and archives hold (`{"pk":{"S":"…"}}`); `None` if it is of another form.
    #[must_use]
    pub fn from_json(members: &Map<String, Value>) -> Option<Self> {
        read_map(members).map(Self)
    }

    /// As that JSON, names in order.
    #[must_use]
    pub fn to_json(&self) -> Value {
        write_map(&self.0)
    }

    /// SHA-256 of the item, all attributes, keys and expiry included.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        let mut text = LABEL.to_vec();
        map(&mut text, &self.0);
        digest::sha256(&text)
    }

    /// A text attribute.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_s().ok().map(String::as_str)
    }

    /// A whole number.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<i64> {
        super::item::number(&self.0, name)
    }
}

fn read_map(members: &Map<String, Value>) -> Option<Item> {
    members
        .iter()
        .map(|(name, value)| Some((name.clone(), read(value)?)))
        .collect()
}

fn read(value: &Value) -> Option<AttributeValue> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    let (kind, value) = members.iter().next()?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let blob = |value: &Value| Some(Blob::new(STANDARD.decode(value.as_str()?).ok()?));
    Some(match kind.as_str() {
        "S" => AttributeValue::S(text(value)?),
        "N" => AttributeValue::N(text(value)?),
        "B" => AttributeValue::B(blob(value)?),
        "BOOL" => AttributeValue::Bool(value.as_bool()?),
        "NULL" => AttributeValue::Null(true),
        "L" => AttributeValue::L(value.as_array()?.iter().map(read).collect::<Option<_>>()?),
        "M" => AttributeValue::M(read_map(value.as_object()?)?),
        "SS" => AttributeValue::Ss(value.as_array()?.iter().map(text).collect::<Option<_>>()?),
        "NS" => AttributeValue::Ns(value.as_array()?.iter().map(text).collect::<Option<_>>()?),
        "BS" => AttributeValue::Bs(value.as_array()?.iter().map(blob).collect::<Option<_>>()?),
        _ => return None,
    })
}

fn write_map(item: &Item) -> Value {
    Value::Object(
        item.iter()
            .map(|(name, value)| (name.clone(), write(value)))
            .collect(),
    )
}

fn write(value: &AttributeValue) -> Value {
    let blob = |blob: &Blob| STANDARD.encode(blob);
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::B(bytes) => json!({ "B": blob(bytes) }),
        AttributeValue::Bool(value) => json!({ "BOOL": value }),
        AttributeValue::L(values) => json!({ "L": values.iter().map(write).collect::<Vec<_>>() }),
        AttributeValue::M(members) => json!({ "M": write_map(members) }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Bs(blobs) => json!({ "BS": blobs.iter().map(blob).collect::<Vec<_>>() }),
        // A kind that the store may learn later stands as NULL, in the archive and in the hash alike.
        _ => json!({ "NULL": true }),
    }
}

fn put(text: &mut Vec<u8>, kind: &str, bytes: &[u8]) {
    text.extend_from_slice(format!("{kind}{}:", bytes.len()).as_bytes());
    text.extend_from_slice(bytes);
}

fn count(text: &mut Vec<u8>, kind: &str, number: usize) {
    text.extend_from_slice(format!("{kind}{number}:").as_bytes());
}

fn map(text: &mut Vec<u8>, members: &HashMap<String, AttributeValue>) {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by_key(|(name, _)| name.as_bytes());
    count(text, "M", members.len());
    for (name, value) in members {
        put(text, "", name.as_bytes());
        canonical(text, value);
    }
}

fn set<'a>(text: &mut Vec<u8>, kind: &str, members: impl Iterator<Item = &'a [u8]>) {
    let mut members: Vec<_> = members.collect();
    members.sort_unstable();
    count(text, kind, members.len());
    for member in members {
        put(text, "", member);
    }
}

fn canonical(text: &mut Vec<u8>, value: &AttributeValue) {
    match value {
        AttributeValue::S(value) => put(text, "S", value.as_bytes()),
        AttributeValue::N(value) => put(text, "N", value.as_bytes()),
        AttributeValue::B(value) => put(text, "B", value.as_ref()),
        AttributeValue::Bool(true) => text.push(b'T'),
        AttributeValue::Bool(false) => text.push(b'F'),
        AttributeValue::L(values) => {
            count(text, "L", values.len());
            for value in values {
                canonical(text, value);
            }
        }
        AttributeValue::M(members) => map(text, members),
        AttributeValue::Ss(values) => set(text, "s", values.iter().map(String::as_bytes)),
        AttributeValue::Ns(values) => set(text, "n", values.iter().map(String::as_bytes)),
        AttributeValue::Bs(values) => set(text, "b", values.iter().map(AsRef::as_ref)),
        _ => text.push(b'0'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn image(value: &Value) -> Image {
        Image::from_json(value.as_object().expect("an object")).expect("an image")
    }

    fn form(value: &Value) -> String {
        let mut text = Vec::new();
        map(&mut text, &image(value).0);
        String::from_utf8(text).expect("UTF-8")
    }

    #[test]
    fn the_form_is_the_one_that_the_page_spells_out() {
        let item = json!({
            "sk": { "S": "x" }, "pk": { "S": "é" }, "n": { "N": "-1" }, "t": { "BOOL": true }, "f": { "BOOL": false },
            "none": { "NULL": true }, "l": { "L": [{ "S": "" }, { "N": "2" }] }, "m": { "M": { "b": { "B": "AQ==" } } },
            "ss": { "SS": ["b", "a"] }, "ns": { "NS": ["2", "10"] }, "bs": { "BS": ["AQ=="] }
        });
        let expected = "M11:2:bsb1:1:\u{1}1:fF1:lL2:S0:N1:21:mM1:1:bB1:\u{1}1:nN2:-14:none02:nsn2:2:101:22:pkS2:é2:skS1:x2:sss2:1:a1:b1:tT";
        assert_eq!(form(&item), expected);
        assert_eq!(image(&image(&item).to_json()), image(&item));
    }

    #[test]
    fn what_moves_from_one_text_to_the_next_changes_the_hash() {
        let one = image(&json!({ "a": { "S": "xy" }, "b": { "S": "" } }));
        let other = image(&json!({ "a": { "S": "x" }, "b": { "S": "y" } }));
        assert_ne!(one.hash(), other.hash());
        assert_ne!(
            image(&json!({ "a": { "S": "1" } })).hash(),
            image(&json!({ "a": { "N": "1" } })).hash()
        );
    }

    #[test]
    fn what_is_no_attribute_is_no_image() {
        for wrong in [
            json!({ "a": "x" }),
            json!({ "a": { "S": 1 } }),
            json!({ "a": { "X": "1" } }),
            json!({ "a": {} }),
        ] {
            assert_eq!(
                Image::from_json(wrong.as_object().expect("an object")),
                None,
                "{wrong}"
            );
        }
    }

    proptest! {
        #[test]
        fn an_image_survives_its_json(texts in proptest::collection::hash_map(".{0,12}", ".{0,24}", 0..8)) {
            let item = texts.into_iter().map(|(name, text)| (name, AttributeValue::S(text))).collect();
            let image = Image::new(item);
            let again = Image::from_json(image.to_json().as_object().expect("an object")).expect("an image");
            prop_assert_eq!(again.hash(), image.hash());
        }
    }
}
