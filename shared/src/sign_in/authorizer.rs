//! Lambda authorizers: answers an API Gateway of another service that asks whether a token is good.
//!
//! Three events are taken: `TOKEN` and `REQUEST` of a REST API (the latter also of an HTTP API with payload 1.0), and
//! payload 2.0 of an HTTP API. A good token is answered with what the gateway wants: a policy for the whole stage, or
//! `isAuthorized`. The policy names no method and no path, because a gateway that keeps it for a token would refuse the
//! token's next request to another path with it.
//!
//! A refused token is the error `Unauthorized` to a REST API, which makes it a 401, and `isAuthorized: false` to an HTTP
//! API. State that cannot be read is neither: it is another error, which gateways answer with 500, so that no client takes
//! it for the end of its session.

use std::collections::BTreeMap;
use std::sync::Arc;

use dashtam_verify::{Role, Verified, Verifier, VerifyError, bearer_token};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ground::error_chain;
use crate::telemetry::{End, Telemetry};

/// What a gateway asks; only the members that decide something.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    version: Option<String>,
    r#type: Option<String>,
    method_arn: Option<String>,
    authorization_token: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
}

/// What a gateway is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// To a REST API.
    #[serde(rename_all = "camelCase")]
    Policy {
        /// The user.
        principal_id: String,
        /// What the token may call.
        policy_document: PolicyDocument,
        /// For the integration behind the gateway.
        context: Context,
    },
    /// To an HTTP API.
    #[serde(rename_all = "camelCase")]
    Verdict {
        /// Whether the token is good.
        is_authorized: bool,
        /// For the integration behind the gateway, with a good token.
        #[serde(skip_serializing_if = "Option::is_none")]
        context: Option<Context>,
    },
}

/// An IAM policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDocument {
    version: &'static str,
    statement: [Statement; 1],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    action: &'static str,
    effect: &'static str,
    resource: String,
}

/// Who calls. Flat, because a REST API takes nothing else; there every value arrives as a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Context {
    user_id: String,
    session_id: String,
    role: Role,
    auth_time: i64,
}

/// Why a gateway gets no answer. The texts are those that it acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizerError {
    /// No good token; a REST API answers 401.
    #[error("Unauthorized")]
    Unauthorized,
    /// Nothing can be said; gateways answer 500.
    #[error("The access token cannot be checked now")]
    Unavailable,
}

/// Answers gateways.
#[derive(Clone)]
pub struct Authorizer {
    verifier: Verifier,
    telemetry: Telemetry,
}

impl Authorizer {
    /// An authorizer that goes by `verifier`.
    #[must_use]
    pub const fn new(verifier: Verifier, telemetry: Telemetry) -> Self {
        Self {
            verifier,
            telemetry,
        }
    }

    /// The answer to an event.
    ///
    /// # Errors
    /// [`AuthorizerError`]; an event that is none of the three is refused.
    pub async fn answer(&self, event: Value) -> Result<Answer, AuthorizerError> {
        let task = self.telemetry.task();
        let answer = Arc::clone(&task).run(Box::pin(self.judge(event))).await;
        let status = (answer == Err(AuthorizerError::Unavailable)).then_some(500);
        task.end(End {
            function: "access-authorizer",
            status,
            ..End::default()
        });
        answer
    }

    async fn judge(&self, event: Value) -> Result<Answer, AuthorizerError> {
        // Read before the event as a whole, so that a malformed one is refused in the form that its sender knows.
        let is_payload_2 = event.get("version").and_then(Value::as_str) == Some("2.0");
        let asked = read(event, is_payload_2);
        let verified = match &asked {
            Ok((token, _)) => self.verifier.verify(token).await,
            Err(refusal) => Err(refusal.clone()),
        };
        match (verified, asked) {
            (Ok(verified), Ok((_, stage))) => Ok(allowed(&verified, stage)),
            (Err(error @ VerifyError::Unavailable(_)), _) => {
                tracing::error!(
                    error = error_chain(&error),
                    "an access token cannot be checked"
                );
                Err(AuthorizerError::Unavailable)
            }
            (refused, _) => {
                let code = refused
                    .err()
                    .map_or("malformed_event", |error| error.code());
                tracing::info!(code, "an access token is refused");
                if is_payload_2 {
                    return Ok(Answer::Verdict {
                        is_authorized: false,
                        context: None,
                    });
                }
                Err(AuthorizerError::Unauthorized)
            }
        }
    }
}

/// The token that an event shows, and the ARN of the stage that a policy must name, if one is wanted.
fn read(event: Value, is_payload_2: bool) -> Result<(String, Option<String>), VerifyError> {
    let event: Event = serde_json::from_value(event).map_err(|_| VerifyError::InvalidToken)?;
    let header = match event.r#type.as_deref() {
        Some("TOKEN") if event.version.is_none() => {
            event.authorization_token.ok_or(VerifyError::MissingToken)?
        }
        Some("REQUEST") => one_authorization(event.headers, event.multi_value_headers)?,
        _ => return Err(VerifyError::InvalidToken),
    };
    let token = bearer_token(&header)?.to_owned();
    if is_payload_2 {
        return Ok((token, None));
    }
    let stage = event
        .method_arn
        .as_deref()
        .and_then(stage_arn)
        .ok_or(VerifyError::InvalidToken)?;
    Ok((token, Some(stage)))
}

/// The value of the one `Authorization` header, however its name is spelt. Two are none, as at our own endpoints.
fn one_authorization(
    headers: Option<BTreeMap<String, String>>,
    multi_value: Option<BTreeMap<String, Vec<String>>>,
) -> Result<String, VerifyError> {
    // A REST API gives each header in both; the single one holds the last value only.
    let all: Vec<String> = if let Some(headers) = multi_value {
        headers
            .into_iter()
            .filter(|(name, _)| is_authorization(name))
            .flat_map(|(_, all)| all)
            .collect()
    } else {
        let headers = headers.unwrap_or_default().into_iter();
        headers
            .filter(|(name, _)| is_authorization(name))
            .map(|(_, value)| value)
            .collect()
    };
    let mut all = all.into_iter();
    let value = all.next().ok_or(VerifyError::MissingToken)?;
    if all.next().is_some() {
        Err(VerifyError::InvalidToken)
    } else {
        Ok(value)
    }
}

fn is_authorization(name: &str) -> bool {
    name.eq_ignore_ascii_case("authorization")
}

/// `arn:…:api/stage/*` of a method's ARN, `arn:aws:execute-api:region:account:api/stage/METHOD/path`. `None` for anything
/// else, and for wildcards: the policy covers the stage that asked and no other.
fn stage_arn(method_arn: &str) -> Option<String> {
    let fields: Vec<_> = method_arn.splitn(6, ':').collect();
    let &["arn", partition, "execute-api", region, account, resource] = fields.as_slice() else {
        return None;
    };
    let mut segments = resource.splitn(3, '/');
    let (api, stage) = (segments.next()?, segments.next()?);
    segments.next()?;
    let is_plain = |text: &&str| !text.is_empty() && !text.contains(['*', '?']);
    let all_plain = [partition, region, account, api, stage]
        .iter()
        .all(is_plain);
    all_plain.then(|| format!("arn:{partition}:execute-api:{region}:{account}:{api}/{stage}/*"))
}

fn allowed(verified: &Verified, stage: Option<String>) -> Answer {
    let context = Context {
        user_id: verified.user_id().to_string(),
        session_id: verified.session_id().to_string(),
        role: verified.role(),
        auth_time: verified.auth_time().as_secs(),
    };
    let Some(resource) = stage else {
        return Answer::Verdict {
            is_authorized: true,
            context: Some(context),
        };
    };
    let statement = [Statement {
        action: "execute-api:Invoke",
        effect: "Allow",
        resource,
    }];
    let policy_document = PolicyDocument {
        version: "2012-10-17",
        statement,
    };
    Answer::Policy {
        principal_id: context.user_id.clone(),
        policy_document,
        context,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const METHOD: &str =
        "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/prod/GET/orders/1:2";

    fn code(event: Value) -> &'static str {
        let is_payload_2 = event["version"] == "2.0";
        read(event, is_payload_2).map_or_else(|refusal| refusal.code(), |_| "read")
    }

    #[test]
    fn the_policy_covers_the_stage_and_nothing_beside_it() {
        let stage = "arn:aws:execute-api:eu-central-1:123456789012:abcdef1234/prod/*";
        assert_eq!(stage_arn(METHOD).as_deref(), Some(stage));
        let root = "arn:aws-cn:execute-api:cn-north-1:1:a/$default/GET/";
        assert_eq!(
            stage_arn(root).as_deref(),
            Some("arn:aws-cn:execute-api:cn-north-1:1:a/$default/*")
        );
        for other in [
            "",
            "*",
            "arn:aws:execute-api:r:1:api",
            "arn:aws:execute-api:r:1:api/stage",
            "arn:aws:execute-api:r:1:/stage/GET/",
            "arn:aws:execute-api:r:1:*/stage/GET/",
            "arn:aws:execute-api:r:1:api/*/GET/",
            "arn:aws:execute-api:*:1:api/stage/GET/",
            "arn:aws:lambda:r:1:api/stage/GET/",
        ] {
            assert_eq!(stage_arn(other), None, "{other}");
        }
    }

    #[test]
    fn a_token_is_read_from_all_three_events() {
        for event in [
            json!({ "type": "TOKEN", "methodArn": METHOD, "authorizationToken": "Bearer a.b.c" }),
            json!({ "type": "REQUEST", "methodArn": METHOD, "headers": { "authorization": "bearer a.b.c" } }),
            json!({ "type": "REQUEST", "methodArn": METHOD, "headers": null,
                "multiValueHeaders": { "AUTHORIZATION": ["Bearer a.b.c"] } }),
            json!({ "version": "1.0", "type": "REQUEST", "methodArn": METHOD, "headers": { "Authorization": "Bearer a.b.c" } }),
            json!({ "version": "2.0", "type": "REQUEST", "headers": { "authorization": "Bearer a.b.c" } }),
        ] {
            assert_eq!(code(event.clone()), "read", "{event}");
        }
    }

    #[test]
    fn two_tokens_are_none() {
        let twice = json!({ "Authorization": ["Bearer a.b.c", "Bearer d.e.f"] });
        let spelt = json!({ "Authorization": ["Bearer a.b.c"], "authorization": ["Bearer d.e.f"] });
        for headers in [twice, spelt] {
            let event = json!({ "type": "REQUEST", "methodArn": METHOD, "headers": { "Authorization": "Bearer d.e.f" },
                "multiValueHeaders": headers });
            assert_eq!(code(event), "invalid_token");
        }
    }

    #[test]
    fn what_is_no_event_or_shows_no_token_is_refused() {
        for event in [
            json!(null),
            json!([]),
            json!("TOKEN"),
            json!({}),
            json!({ "type": "TOKEN" }),
            json!({ "type": "TOKEN", "methodArn": METHOD }),
            json!({ "type": "TOKEN", "methodArn": METHOD, "authorizationToken": 1 }),
            json!({ "type": "TOKEN", "methodArn": METHOD, "authorizationToken": "Basic a.b.c" }),
            json!({ "type": "TOKEN", "methodArn": "*", "authorizationToken": "Bearer a.b.c" }),
            json!({ "type": "TOKEN", "version": "2.0", "authorizationToken": "Bearer a.b.c" }),
            json!({ "type": "REQUEST", "headers": { "authorization": "Bearer a.b.c" } }),
            json!({ "type": "REQUEST", "methodArn": METHOD, "queryStringParameters": { "authorization": "Bearer a.b.c" } }),
            json!({ "type": "OTHER", "methodArn": METHOD, "authorizationToken": "Bearer a.b.c" }),
            json!({ "version": "2.0", "headers": { "authorization": "Bearer a.b.c" } }),
            json!({ "version": "2.0", "type": "REQUEST", "headers": {} }),
            json!({ "version": 2.0, "type": "REQUEST", "methodArn": METHOD, "headers": { "authorization": "Bearer a.b.c" } }),
        ] {
            assert_ne!(code(event.clone()), "read", "{event}");
        }
    }
}
