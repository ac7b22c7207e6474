//! Where the servers listen.

use std::net::SocketAddr;

use crate::account::{OPERATOR, REGION, SECRET_ACCESS_KEY};

/// Where each server listens.
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
    /// The variables through which the AWS SDK finds its way here, as an operator. Other callers replace
    /// `AWS_ACCESS_KEY_ID` by their own name.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let url = |address: SocketAddr| format!("http://{address}");
        [
            ("AWS_ENDPOINT_URL_DYNAMODB", url(self.dynamodb)),
            (
                "AWS_ENDPOINT_URL_SECRETS_MANAGER",
                url(self.secrets_manager),
            ),
            ("AWS_ENDPOINT_URL_SESV2", url(self.sesv2)),
            ("AWS_ENDPOINT_URL_KMS", url(self.kms)),
            ("AWS_ENDPOINT_URL_S3", url(self.s3)),
            // The Rust SDK and Lambda read the first, the AWS CLI and boto3 the second.
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", OPERATOR.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The endpoints among such variables, one `NAME=value` a line; `None` if one is missing or is not on this machine.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let address = |service: &str| {
            let line = text.lines().find_map(|line| {
                line.strip_prefix(&format!("AWS_ENDPOINT_URL_{service}=http://"))
            })?;
            line.parse()
                .ok()
                .filter(|address: &SocketAddr| address.ip().is_loopback())
        };
        Some(Self {
            dynamodb: address("DYNAMODB")?,
            secrets_manager: address("SECRETS_MANAGER")?,
            sesv2: address("SESV2")?,
            kms: address("KMS")?,
            s3: address("S3")?,
        })
    }
}
