//! What stands between a client and a function, read off the event: which gateway sent it, and what it put before the path.
//!
//! Functions take the events of API Gateway's REST and HTTP APIs and of function URLs, in both payload versions. Other
//! callers are refused by name: their events look alike, and an error about a missing member would not help.
//!
//! A gateway may serve the API below a prefix: the name of a stage (payload 2.0 has it in `rawPath`), the base path of a
//! custom domain, or both. [`own_path`] is the one place that takes it away. It goes by what the gateway and the settings
//! say, never by guessing which part of a path might be ours: a rule on paths in front of the service must not be bypassed
//! by one more segment.

use lambda_http::request::{LambdaRequest, RequestContext};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::routes;

/// The page that lists what a function may be behind.
const PAGE: &str = "docs/gateways.md";

/// An event, read as what a gateway sends.
#[derive(Debug)]
pub struct GatewayEvent(pub Result<LambdaRequest, UnsupportedEvent>);

/// An event that is not a gateway's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this function does not take events of {0}; it takes those of API Gateway REST APIs, HTTP APIs and function URLs ({PAGE})"
)]
pub struct UnsupportedEvent(pub &'static str);

/// The members by which callers differ.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Marks {
    #[serde(default)]
    request_context: ContextMarks,
    #[serde(default, rename = "Records")]
    records: Option<serde::de::IgnoredAny>,
    /// VPC Lattice, version 1.
    #[serde(default, rename = "raw_path")]
    lattice_path: Option<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContextMarks {
    elb: Option<serde::de::IgnoredAny>,
    service_network_arn: Option<serde::de::IgnoredAny>,
    service_arn: Option<serde::de::IgnoredAny>,
    connection_id: Option<serde::de::IgnoredAny>,
}

impl Marks {
    const fn unsupported(&self) -> Option<UnsupportedEvent> {
        let context = &self.request_context;
        let caller = if context.elb.is_some() {
            "an Application Load Balancer"
        } else if context.service_network_arn.is_some()
            || context.service_arn.is_some()
            || self.lattice_path.is_some()
        {
            "VPC Lattice"
        } else if context.connection_id.is_some() {
            "a WebSocket API"
        } else if self.records.is_some() {
            "a queue, a stream or Lambda@Edge"
        } else {
            return None;
        };
        Some(UnsupportedEvent(caller))
    }
}

impl<'de> Deserialize<'de> for GatewayEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let event: Box<RawValue> = Box::deserialize(deserializer)?;
        let marks = serde_json::from_str::<Marks>(event.get());
        if let Some(unsupported) = marks.as_ref().ok().and_then(Marks::unsupported) {
            return Ok(Self(Err(unsupported)));
        }
        if !event.get().trim_start().starts_with('{') {
            return Err(D::Error::custom("an event is a JSON object"));
        }
        Ok(Self(
            serde_json::from_str(event.get()).map_err(|_| UnsupportedEvent("an unknown kind")),
        ))
    }
}

/// The path of a request as the service knows it. `base_path` is the path of `DASHTAM_APP_BASE_URL`, empty without one.
///
/// A path that is one of ours already stays as it is: the default address of a REST API and a function URL have no prefix,
/// and a stage may be called `api`.
#[must_use]
pub fn own_path<'a>(path: &'a str, context: Option<&RequestContext>, base_path: &str) -> &'a str {
    if is_ours(path) {
        return path;
    }
    let (stage, route) = match context {
        Some(RequestContext::ApiGatewayV1(context)) => {
            (context.stage.as_deref(), context.resource_path.as_deref())
        }
        Some(RequestContext::ApiGatewayV2(context)) => {
            let route = context
                .route_key
                .as_deref()
                .and_then(|key| key.split_once(' '))
                .map(|(_, route)| route);
            (context.stage.as_deref(), route)
        }
        _ => (None, None),
    };
    let stage = stage.map(|stage| format!("/{stage}"));
    let below = |path: &'a str, prefix: &str| {
        path.strip_prefix(prefix)
            .filter(|rest| rest.starts_with('/'))
    };
    let without_stage = stage.and_then(|stage| below(path, &stage));
    let candidates = [
        without_stage,
        below(path, base_path),
        without_stage.and_then(|path| below(path, base_path)),
        route.and_then(|route| end_like(path, route)),
    ];
    candidates
        .into_iter()
        .flatten()
        .find(|path| is_ours(path))
        .unwrap_or(path)
}

fn is_ours(path: &str) -> bool {
    !routes::allowed_methods(path).is_empty()
}

/// The end of `path` that has as many segments as the gateway's own route, which is what a base path is put before. A route
/// that takes the rest of a path says nothing on where it begins.
fn end_like<'a>(path: &'a str, route: &str) -> Option<&'a str> {
    if route.contains("+}") {
        return None;
    }
    let segments = route.matches('/').count();
    let (start, _) = path.rmatch_indices('/').nth(segments.checked_sub(1)?)?;
    path.get(start..)
}

#[cfg(test)]
mod tests {
    use lambda_http::aws_lambda_events::apigw::{
        ApiGatewayProxyRequestContext, ApiGatewayV2httpRequestContext,
    };
    use serde_json::{Value, json};

    use super::*;

    const ME: &str = "/api/v1/auth/me";

    fn rest(stage: &str, resource: &str) -> RequestContext {
        let mut context = ApiGatewayProxyRequestContext::default();
        (context.stage, context.resource_path) =
            (Some(stage.to_owned()), Some(resource.to_owned()));
        RequestContext::ApiGatewayV1(context)
    }

    fn http(stage: &str, route: &str) -> RequestContext {
        let mut context = ApiGatewayV2httpRequestContext::default();
        (context.stage, context.route_key) = (Some(stage.to_owned()), Some(route.to_owned()));
        RequestContext::ApiGatewayV2(context)
    }

    #[test]
    fn stage_and_base_path_are_taken_away() {
        for (given, context, base) in [
            (ME, rest("prod", ME), ""),
            ("/id/api/v1/auth/me", rest("prod", ME), ""),
            ("/id/api/v1/auth/me", rest("prod", "/{proxy+}"), "/id"),
            ("/a/b/api/v1/auth/me", rest("prod", ME), "/a/b"),
            (ME, http("$default", "$default"), ""),
            ("/dev/api/v1/auth/me", http("dev", "$default"), ""),
            (
                "/dev/api/v1/auth/me",
                http("dev", "GET /api/v1/auth/me"),
                "",
            ),
            ("/id/api/v1/auth/me", http("dev", "GET /api/v1/auth/me"), ""),
            ("/id/api/v1/auth/me", http("$default", "$default"), "/id"),
            ("/dev/id/api/v1/auth/me", http("dev", "$default"), "/id"),
            // A stage that is called as a path begins.
            (ME, http("api", "$default"), ""),
            ("/api/api/v1/auth/me", http("api", "$default"), ""),
        ] {
            assert_eq!(
                own_path(given, Some(&context), base),
                ME,
                "{given} {context:?}"
            );
        }
        let session = "/id/api/v1/auth/sessions/5f0a1c9e-7d2b-4c3a-9e8f-6b1d2c3a4e5f";
        let context = rest("prod", "/api/v1/auth/sessions/{id}");
        assert_eq!(own_path(session, Some(&context), ""), &session[3..]);
    }

    #[test]
    fn no_client_can_put_something_before_a_path() {
        for context in [
            rest("prod", "/{proxy+}"),
            http("dev", "$default"),
            http("$default", "$default"),
        ] {
            for given in [
                "/x/api/v1/auth/me",
                "//api/v1/auth/me",
                "/devapi/v1/auth/me",
                "/x/dev/api/v1/auth/me",
            ] {
                assert_eq!(own_path(given, Some(&context), "/id"), given);
            }
        }
        assert_eq!(own_path("/dev", Some(&http("dev", "$default")), ""), "/dev");
        assert_eq!(own_path("/x/api/v1/auth/me", None, ""), "/x/api/v1/auth/me");
    }

    #[test]
    fn an_event_of_another_caller_is_refused_by_its_name() {
        let alb = json!({
            "requestContext": { "elb": { "targetGroupArn": "arn:aws:elasticloadbalancing:x" } }, "httpMethod": "GET",
            "path": ME, "queryStringParameters": {}, "headers": { "host": "x" }, "body": "", "isBase64Encoded": false,
        });
        let lattice = json!({
            "version": "2.0", "path": ME, "method": "GET", "headers": { "host": ["x"] },
            "requestContext": { "serviceNetworkArn": "arn:aws:vpc-lattice:x", "serviceArn": "y", "region": "z" },
        });
        let lattice_1 = json!({ "raw_path": ME, "method": "GET", "headers": {}, "query_string_parameters": {} });
        let web_socket = json!({
            "requestContext": {
                "routeKey": "$connect", "eventType": "CONNECT", "connectionId": "a=", "stage": "dev", "apiId": "a",
                "requestId": "r", "identity": { "sourceIp": "192.0.2.1" }, "requestTimeEpoch": 0,
            },
            "headers": {}, "multiValueHeaders": {}, "isBase64Encoded": false,
        });
        let queue = json!({ "Records": [{ "eventSource": "aws:sqs", "body": "{}" }] });
        for (event, word) in [
            (alb, "Application Load Balancer"),
            (lattice, "VPC Lattice"),
            (lattice_1, "VPC Lattice"),
            (web_socket, "WebSocket"),
            (queue, "queue"),
            (json!({ "hello": "world" }), "unknown kind"),
        ] {
            let GatewayEvent(read) = serde_json::from_value(event).unwrap();
            let said = read.unwrap_err().to_string();
            assert!(
                said.contains(word) && said.contains("REST APIs") && said.contains(PAGE),
                "{said}"
            );
        }
        assert!(serde_json::from_value::<GatewayEvent>(Value::Null).is_err());
    }

    #[test]
    fn a_function_url_is_read_as_payload_2() {
        let event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": ME, "rawQueryString": "", "headers": { "host": "x" },
            "requestContext": {
                "accountId": "anonymous", "apiId": "u", "domainName": "u.lambda-url.us-east-1.on.aws", "requestId": "r",
                "routeKey": "$default", "stage": "$default", "timeEpoch": 0,
                "http": { "method": "GET", "path": ME, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1" },
            },
            "isBase64Encoded": false,
        });
        let GatewayEvent(read) = serde_json::from_value(event).unwrap();
        assert!(
            matches!(read, Ok(LambdaRequest::ApiGatewayV2(_))),
            "{read:?}"
        );
    }
}
