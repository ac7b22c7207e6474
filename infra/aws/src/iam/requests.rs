//! What a request to each service needs to be allowed.
//!
//! The actions are those of AWS's service authorization reference: an item of a transaction needs the right of the single
//! operation, a query of an index is about the index, and a secret is opened and closed with its key in the caller's name.
//! To add an operation, add a line to its service's function. What is not there only an operator may do.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::Method;
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;

use super::ask::{Ask, Service};
use super::condition::ContextKey;
use super::facts::Facts;
use crate::account::{ACCOUNT, REGION, arn};
use crate::address::bare_address;

/// A request, as its service reads it.
pub struct Reading {
    /// What it is called.
    pub operation: String,
    /// What it needs.
    pub asks: Needs,
}

/// All that a request needs to be allowed; nothing where that is not known.
type Needs = Option<Vec<Ask>>;

impl Facts {
    /// What a request needs; `None` for one that is no request of its service.
    #[must_use]
    pub fn reading(&self, service: Service, parts: &Parts, body: &[u8]) -> Option<Reading> {
        let target = parts
            .headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok())
            .unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let (operation, asks) = match service {
            Service::DynamoDb => (operation.to_owned(), dynamodb(operation, body)?),
            Service::SecretsManager => {
                (operation.to_owned(), self.secrets_manager(operation, body)?)
            }
            Service::Kms => (operation.to_owned(), self.kms(operation)),
            Service::Ses => (
                format!("{} {}", parts.method, parts.uri.path()),
                self.ses(parts, body)?,
            ),
            Service::S3 => (format!("{} {}", parts.method, parts.uri.path()), s3(parts)),
        };
        Some(Reading { operation, asks })
    }

    fn secrets_manager(&self, operation: &str, body: &[u8]) -> Option<Needs> {
        let request: SecretRequest<'_> = serde_json::from_slice(body).ok()?;
        let secret = secret_arn(
            request
                .secret_id
                .or(request.name)
                .unwrap_or_default()
                .as_ref(),
        );
        let mut asks = vec![Ask::new(
            format!("secretsmanager:{operation}"),
            secret.clone(),
        )];
        let with_key: &[&str] = match operation {
            "GetSecretValue" => &["kms:Decrypt"],
            "PutSecretValue" | "CreateSecret" => &["kms:GenerateDataKey", "kms:Decrypt"],
            "DescribeSecret" | "UpdateSecretVersionStage" => &[],
            "RotateSecret" => {
                asks.extend(
                    self.rotations
                        .get(&secret)
                        .map(|function| Ask::new("lambda:InvokeFunction", function)),
                );
                &[]
            }
            _ => return Some(None),
        };
        if let Some(key) = self.secret_keys.get(&secret) {
            let context = vec![
                (
                    ContextKey::KmsViaService,
                    format!("secretsmanager.{REGION}.amazonaws.com"),
                ),
                (ContextKey::KmsCallerAccount, ACCOUNT.to_owned()),
            ];
            let ask = |action: &&str| Ask {
                action: (*action).to_owned(),
                resource: key.clone(),
                context: context.clone(),
            };
            asks.extend(with_key.iter().map(ask));
        }
        Some(Some(asks))
    }

    fn kms(&self, operation: &str) -> Needs {
        let is_known = ["Sign", "GetPublicKey"].contains(&operation);
        // KMS has one key here, whatever it is called by.
        let context = vec![(ContextKey::KmsCallerAccount, ACCOUNT.to_owned())];
        let ask = Ask {
            action: format!("kms:{operation}"),
            resource: self.signing_key.clone(),
            context,
        };
        is_known.then(|| vec![ask])
    }

    fn ses(&self, parts: &Parts, body: &[u8]) -> Option<Needs> {
        if (parts.method.as_str(), parts.uri.path()) != ("POST", "/v2/email/outbound-emails") {
            return Some(None);
        }
        let request: Mail<'_> = serde_json::from_slice(body).ok()?;
        let from = request.from_email_address.unwrap_or_default();
        let address = bare_address(&from);
        let domain = address.rsplit('@').next().unwrap_or_default();
        let verified = self
            .identity
            .as_ref()
            .filter(|(identity, _)| [address, domain].contains(&identity.as_str()));
        let (identity, default) =
            verified.map_or((domain, &None), |(identity, set)| (identity.as_str(), set));
        let set = request
            .configuration_set_name
            .as_deref()
            .or(default.as_deref());
        let identity = arn("ses", &format!("identity/{identity}"));
        let set = set.map(|set| arn("ses", &format!("configuration-set/{set}")));
        let context = vec![(ContextKey::SesFromAddress, address.to_owned())];
        let ask = |resource| Ask {
            action: "ses:SendEmail".to_owned(),
            resource,
            context: context.clone(),
        };
        Some(Some([identity].into_iter().chain(set).map(ask).collect()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretRequest<'a> {
    #[serde(borrow)]
    secret_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mail<'a> {
    #[serde(borrow)]
    from_email_address: Option<Cow<'a, str>>,
    #[serde(borrow)]
    configuration_set_name: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TableRequest<'a> {
    #[serde(borrow)]
    table_name: Option<Cow<'a, str>>,
    #[serde(borrow)]
    index_name: Option<Cow<'a, str>>,
    request_items: Option<BTreeMap<String, Value>>,
    transact_items: Option<Vec<BTreeMap<String, OneTable>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OneTable {
    table_name: String,
}

/// The ARN of the secret of this name or ARN, without its random end.
fn secret_arn(id: &str) -> String {
    let name = id
        .split(":secret:")
        .nth(1)
        .map(|name| name.rsplit_once('-').map_or(name, |(name, _)| name));
    arn("secretsmanager", &format!("secret:{}", name.unwrap_or(id)))
}

fn table_arn(name: &str) -> String {
    if name.starts_with("arn:") {
        name.to_owned()
    } else {
        arn("dynamodb", &format!("table/{name}"))
    }
}

fn dynamodb(operation: &str, body: &[u8]) -> Option<Needs> {
    let request: TableRequest<'_> = serde_json::from_slice(body).ok()?;
    let ask = |operation: &str, resource| Ask::new(format!("dynamodb:{operation}"), resource);
    let asks = match operation {
        "GetItem" | "PutItem" | "UpdateItem" | "DeleteItem" | "DescribeTable"
        | "DescribeTimeToLive" => {
            vec![ask(operation, table_arn(&request.table_name?))]
        }
        "Query" | "Scan" => {
            let table = table_arn(&request.table_name?);
            let index = request
                .index_name
                .map(|index| format!("{table}/index/{index}"));
            vec![ask(operation, index.unwrap_or(table))]
        }
        "BatchGetItem" | "BatchWriteItem" => request
            .request_items?
            .keys()
            .map(|table| ask(operation, table_arn(table)))
            .collect(),
        "TransactWriteItems" | "TransactGetItems" => {
            let items = request.transact_items?;
            let single = items.iter().flatten().map(|(kind, one)| {
                let action = if kind == "ConditionCheck" {
                    "ConditionCheckItem".to_owned()
                } else {
                    format!("{kind}Item")
                };
                ask(&action, table_arn(&one.table_name))
            });
            single.collect()
        }
        _ => return Some(None),
    };
    Some(Some(asks))
}

/// By the bucket in the path.
fn s3(parts: &Parts) -> Needs {
    let path = percent_decode_str(parts.uri.path()).decode_utf8().ok()?;
    let path = path.trim_start_matches('/');
    let (bucket, name) = path.split_once('/').unwrap_or((path, ""));
    let (action, resource) = match (&parts.method, name) {
        (&Method::GET, "") if bucket.is_empty() => ("s3:ListAllMyBuckets", "*".to_owned()),
        (&Method::GET, "") => ("s3:ListBucket", format!("arn:aws:s3:::{bucket}")),
        (&Method::GET, name) => ("s3:GetObject", format!("arn:aws:s3:::{bucket}/{name}")),
        (&Method::PUT, name) if !name.is_empty() => {
            ("s3:PutObject", format!("arn:aws:s3:::{bucket}/{name}"))
        }
        (&Method::DELETE, name) if !name.is_empty() => {
            ("s3:DeleteObject", format!("arn:aws:s3:::{bucket}/{name}"))
        }
        _ => return None,
    };
    let context = vec![(ContextKey::SecureTransport, "true".to_owned())];
    Some(vec![Ask {
        action: action.to_owned(),
        resource,
        context,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_one_arn_however_it_is_called() {
        let arn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:s/mail-key";
        assert_eq!(secret_arn("s/mail-key"), arn);
        assert_eq!(secret_arn(&format!("{arn}-a1B2c3")), arn);
    }
}
