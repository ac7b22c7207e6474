//! What a request to send says: who from, who to, and what.

use serde::Deserialize;

use super::address::{Address, Identities};
use crate::protocol::ApiError;

/// SES takes this many recipients in one request.
const MAX_RECIPIENTS: usize = 50;

/// The body of `SendEmail`. What is not here has no effect on a caught mail.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendEmail {
    from_email_address: Option<String>,
    destination: Option<Destination>,
    #[serde(default)]
    reply_to_addresses: Vec<String>,
    content: Option<Content>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Destination {
    #[serde(rename = "ToAddresses")]
    to: Vec<String>,
    #[serde(rename = "CcAddresses")]
    cc: Vec<String>,
    #[serde(rename = "BccAddresses")]
    bcc: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Option<Simple>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Option<Text>,
    body: Option<Body>,
    #[serde(default)]
    headers: Vec<Header>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    text: Option<Text>,
    html: Option<Text>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Header {
    name: String,
    value: String,
}

/// A mail that may be sent.
pub(super) struct Submission {
    pub(super) from: String,
    /// Everyone it goes to: to, copy and blind copy.
    pub(super) to: Vec<String>,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl SendEmail {
    /// Checks the request as SES does, the sender included.
    pub(super) fn check(self, identities: &Identities) -> Result<Submission, ApiError> {
        let content = self
            .content
            .ok_or_else(|| bad_request("Content is missing."))?;
        let envelope = self.destination.map(Destination::all).unwrap_or_default();
        let simple = content
            .simple
            .ok_or_else(|| bad_request("Content must have Simple."))?;
        let from = self
            .from_email_address
            .ok_or_else(|| bad_request("FromEmailAddress is missing."))?;
        let submission = simple.addressed(from, envelope)?;
        identities.check(Address::parse(&submission.from)?)?;
        if submission.to.is_empty() {
            return Err(bad_request("The message has no recipients."));
        }
        if submission.to.len() > MAX_RECIPIENTS {
            return Err(bad_request(format!(
                "Recipient count exceeds {MAX_RECIPIENTS}."
            )));
        }
        for address in submission.to.iter().chain(&self.reply_to_addresses) {
            Address::parse(address)?;
        }
        Ok(submission)
    }
}

impl Destination {
    fn all(self) -> Vec<String> {
        [self.to, self.cc, self.bcc].concat()
    }
}

impl Simple {
    fn addressed(self, from: String, to: Vec<String>) -> Result<Submission, ApiError> {
        let subject = self
            .subject
            .ok_or_else(|| bad_request("Subject is missing."))?
            .data;
        check_line("The subject", &subject)?;
        for header in &self.headers {
            let is_name = |byte: u8| byte.is_ascii_graphic() && byte != b':';
            if header.name.is_empty() || !header.name.bytes().all(is_name) {
                return Err(bad_request("A header's name is not valid."));
            }
            check_line("A header's value", &header.value)?;
        }
        let body = self.body.ok_or_else(|| bad_request("Body is missing."))?;
        if body.text.is_none() && body.html.is_none() {
            return Err(bad_request("Body must have Text or Html."));
        }
        let data = |text: Option<Text>| text.map(|text| text.data).unwrap_or_default();
        Ok(Submission {
            from,
            to,
            subject,
            text: data(body.text),
            html: data(body.html),
        })
    }
}

/// A line break in a header would start another header (RFC 5322 section 2.2).
fn check_line(what: &str, text: &str) -> Result<(), ApiError> {
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return Err(bad_request(format!("{what} contains control characters.")));
    }
    Ok(())
}

/// The refusal of a malformed request.
fn bad_request(message: impl Into<String>) -> ApiError {
    ApiError::new("BadRequestException", message)
}
