//! Raw messages (RFC 5322 with MIME), read far enough to show them.
//!
//! The reader is `mailparse`: it is kept, small, and bounds the nesting of parts. Of the parts the
//! first plain one and the first HTML one that are no attachments are taken.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mailparse::{DispositionType, MailAddr, MailHeaderMap as _, ParsedMail, SingleInfo};

use super::submission::{Submission, bad_request};
use crate::aws::protocol::ApiError;

/// Headers that a message may have once (RFC 5322 section 3.6). A second one is the mark of an
/// injection, and SES refuses it.
const SINGLE: [&str; 5] = ["From", "To", "Cc", "Bcc", "Subject"];

/// Reads a message in base64. Missing addresses are left empty.
pub(super) fn read(encoded: &str) -> Result<Submission, ApiError> {
    let bytes = STANDARD
        .decode(encoded)
        .map_err(|_| bad_request("The raw message is not base64."))?;
    let mail = mailparse::parse_mail(&bytes)
        .map_err(|_| bad_request("The raw message cannot be parsed."))?;
    for name in SINGLE {
        if mail.headers.get_all_values(name).len() > 1 {
            return Err(bad_request(format!("Duplicate header '{name}'.")));
        }
    }
    let to = ["To", "Cc", "Bcc"]
        .into_iter()
        .map(|name| addresses(&mail, name))
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    Ok(Submission {
        from: addresses(&mail, "From")?
            .into_iter()
            .next()
            .unwrap_or_default(),
        to,
        subject: mail.headers.get_first_value("Subject").unwrap_or_default(),
        text: body(&mail, "text/plain"),
        html: body(&mail, "text/html"),
    })
}

fn addresses(mail: &ParsedMail<'_>, header: &str) -> Result<Vec<String>, ApiError> {
    let Some(header_found) = mail.headers.get_first_header(header) else {
        return Ok(Vec::new());
    };
    let list = mailparse::addrparse_header(header_found)
        .map_err(|_| bad_request(format!("The header '{header}' is no list of addresses.")))?;
    let mut addresses = Vec::new();
    for entry in list.iter() {
        match entry {
            MailAddr::Single(single) => addresses.push(shown(single)),
            MailAddr::Group(group) => addresses.extend(group.addrs.iter().map(shown)),
        }
    }
    Ok(addresses)
}

/// The form of all other addresses here, without the quotes that a header needs.
fn shown(single: &SingleInfo) -> String {
    match &single.display_name {
        Some(name) => format!("{name} <{}>", single.addr),
        None => single.addr.clone(),
    }
}

fn body(mail: &ParsedMail<'_>, kind: &str) -> String {
    mail.parts()
        .filter(|part| part.get_content_disposition().disposition != DispositionType::Attachment)
        .find(|part| part.ctype.mimetype.eq_ignore_ascii_case(kind))
        .and_then(|part| part.get_body().ok())
        .unwrap_or_default()
}
