//! Addresses of people, as the fields of a message write them.

/// The address in `Name <address>`, or the whole.
#[must_use]
pub fn bare_address(text: &str) -> &str {
    let inner = text
        .trim()
        .strip_suffix('>')
        .and_then(|text| text.rsplit_once('<'));
    inner.map_or(text, |(_, address)| address).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_senders_name_is_no_part_of_its_address() {
        assert_eq!(
            bare_address("Name <no-reply@service.example>"),
            "no-reply@service.example"
        );
        assert_eq!(
            bare_address("no-reply@service.example"),
            "no-reply@service.example"
        );
    }
}
