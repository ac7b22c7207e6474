//! The environment of a function that runs beside this process.
//!
//! `cargo lambda watch --env-file <data-dir>/lambda.env` runs the functions as processes of their own against the
//! same local AWS side. The ports of that side are new at each start, so the file is, too.

use std::fmt::Write as _;
use std::net::SocketAddr;

use crate::iam::OPERATOR;

/// The file in the data directory.
pub const FILE: &str = "lambda.env";
/// The region that the local AWS side plays.
pub const REGION: &str = "us-east-1";
/// The secret half of every access key: the local AWS side verifies no signatures, and knows callers by the other half.
const SECRET_ACCESS_KEY: &str = "local";

/// Where the local AWS side listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoints {
    /// `DynamoDB`.
    pub dynamodb: SocketAddr,
    /// Secrets Manager.
    pub secrets_manager: SocketAddr,
    /// SES, version 2 of its API.
    pub sesv2: SocketAddr,
    /// KMS.
    pub kms: SocketAddr,
    /// S3.
    pub s3: SocketAddr,
}

impl Endpoints {
    /// The variables through which the AWS SDK finds its way here, as an operator. A function has an access key of its own:
    /// `AWS_ACCESS_KEY_ID` in the manifest of its crate.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let url = |address: SocketAddr| format!("http://{address}");
        [
            ("AWS_ENDPOINT_URL_DYNAMODB", url(self.dynamodb)),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", url(self.secrets_manager)),
            ("AWS_ENDPOINT_URL_SESV2", url(self.sesv2)),
            ("AWS_ENDPOINT_URL_KMS", url(self.kms)),
            ("AWS_ENDPOINT_URL_S3", url(self.s3)),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", OPERATOR.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }
}

/// The file's text: the endpoints, then the settings in force by name. A value that does not fit on a line is
/// left out with a comment, since the format has no escape for it.
#[must_use]
pub fn render(endpoints: &Endpoints, settings: impl IntoIterator<Item = (String, String)>) -> String {
    let mut settings: Vec<_> = settings.into_iter().filter(|(name, _)| name.starts_with("DASHTAM_")).collect();
    settings.sort();
    settings.dedup_by(|later, earlier| later.0 == earlier.0);
    let mut text = String::from("# Written at each start of the local run; for `cargo lambda watch --env-file`.\n");
    for (name, value) in endpoints.variables().into_iter().chain(settings) {
        // Writing to a string cannot fail.
        let _ = if value.contains(['\n', '\r']) {
            writeln!(text, "# {name} is left out: its value has more than one line")
        } else {
            writeln!(text, "{name}={value}")
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINTS: Endpoints = Endpoints {
        dynamodb: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1),
        secrets_manager: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2),
        sesv2: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 3),
        kms: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4),
        s3: SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 5),
    };

    fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn endpoints_credentials_and_our_settings_are_in_the_file() {
        let text = render(
            &ENDPOINTS,
            settings(&[("DASHTAM_STAGE", "dev"), ("PATH", "/bin"), ("DASHTAM_ISSUER", "http://a?b=c d")]),
        );
        let lines: Vec<_> = text.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:1",
                "AWS_ENDPOINT_URL_SECRETS_MANAGER=http://127.0.0.1:2",
                "AWS_ENDPOINT_URL_SESV2=http://127.0.0.1:3",
                "AWS_ENDPOINT_URL_KMS=http://127.0.0.1:4",
                "AWS_ENDPOINT_URL_S3=http://127.0.0.1:5",
                "AWS_REGION=us-east-1",
                "AWS_ACCESS_KEY_ID=operator",
                "AWS_SECRET_ACCESS_KEY=local",
                "DASHTAM_ISSUER=http://a?b=c d",
                "DASHTAM_STAGE=dev",
            ]
        );
    }

    #[test]
    fn a_value_cannot_add_a_line() {
        let text = render(&ENDPOINTS, settings(&[("DASHTAM_X", "a\nAWS_REGION=evil")]));
        assert!(!text.contains("evil") && text.contains("# DASHTAM_X"));
    }
}
