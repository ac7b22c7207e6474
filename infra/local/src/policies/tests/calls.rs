//! Policies as the calls of an SDK meet them.

use super::*;

/// The status and body of a call of `caller`, through a door before a server that answers everything with 200.
async fn call(
    service: Service,
    caller: &str,
    request: (&str, &str, &str),
    body: &Value,
) -> (u16, String) {
    let (method, path, target) = request;
    let server = guarded(
        Router::new().fallback(any(async || "done")),
        service,
        &rights(TEMPLATE),
    );
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={caller}/20260101/us-east-1/x/aws4_request, Signature=0"
    );
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1")
        .header("authorization", scope);
    let request = request
        .header("x-amz-target", target)
        .body(Body::from(body.to_string()))
        .unwrap();
    let answer = server.oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn dynamodb(operation: &str, body: Value) -> u16 {
    call(
        Service::DynamoDb,
        "work",
        ("POST", "/", &format!("DynamoDB_20120810.{operation}")),
        &body,
    )
    .await
    .0
}

#[tokio::test]
async fn every_table_item_and_index_of_a_call_is_looked_at() {
    assert_eq!(
        dynamodb("GetItem", json!({ "TableName": "t-users" })).await,
        200
    );
    assert_eq!(
        dynamodb("GetItem", json!({ "TableName": "t-audit" })).await,
        400
    );
    assert_eq!(
        dynamodb(
            "Query",
            json!({ "TableName": "t-audit", "IndexName": "by_month" })
        )
        .await,
        200
    );
    assert_eq!(
        dynamodb("Query", json!({ "TableName": "t-audit" })).await,
        400
    );
    let get = |table: &str| json!({ "Get": { "TableName": table } });
    assert_eq!(
        dynamodb(
            "TransactGetItems",
            json!({ "TransactItems": [get("t-users")] })
        )
        .await,
        200
    );
    assert_eq!(
        dynamodb(
            "TransactGetItems",
            json!({ "TransactItems": [get("t-users"), get("t-audit")] })
        )
        .await,
        400
    );
    let check = json!({ "ConditionCheck": { "TableName": "t-users" } });
    assert_eq!(
        dynamodb("TransactWriteItems", json!({ "TransactItems": [check] })).await,
        400
    );
    assert_eq!(
        dynamodb("BatchGetItem", json!({ "RequestItems": { "t-users": {} } })).await,
        400
    );
    assert_eq!(dynamodb("ListTables", json!({})).await, 400);
    assert_eq!(dynamodb("GetItem", json!("no request")).await, 400);
}

/// What an operation on a secret needs.
fn asks(rights: &Rights, operation: &str, secret: &str) -> Vec<Ask> {
    let request = Request::post("/").header("x-amz-target", format!("secretsmanager.{operation}"));
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let body = json!({ "SecretId": secret }).to_string();
    let reading = rights
        .facts()
        .reading(Service::SecretsManager, &parts, body.as_bytes());
    reading.unwrap().asks.unwrap()
}

#[tokio::test]
async fn a_secret_is_opened_with_its_key_and_rotated_by_its_function() {
    let call = async |operation: &str| {
        let request = ("POST", "/", format!("secretsmanager.{operation}"));
        call(
            Service::SecretsManager,
            "work",
            (request.0, request.1, &request.2),
            &json!({ "SecretId": "s/ring" }),
        )
        .await
    };
    assert_eq!(call("GetSecretValue").await.0, 200);
    assert!(
        call("PutSecretValue")
            .await
            .1
            .contains("secretsmanager:PutSecretValue")
    );
    let without = TEMPLATE.replace("kms:ViaService: secretsmanager", "kms:ViaService: dynamodb");
    let facts = rights(&without);
    let ask = asks(&facts, "GetSecretValue", "s/ring");
    assert!(
        facts
            .judge("work", "GetSecretValue", Some(&ask))
            .unwrap_err()
            .to_string()
            .contains("kms:Decrypt")
    );
    let ask = asks(&facts, "RotateSecret", "s/ring");
    assert_eq!(ask.last().unwrap().action, "lambda:InvokeFunction");
}

#[tokio::test]
async fn each_service_refuses_in_its_own_form() {
    let mail = json!({ "FromEmailAddress": "Dashtam <a@dashtam.example>" });
    let none = json!({});
    for (service, request, body, status, wanted) in [
        (
            Service::DynamoDb,
            ("POST", "/", "DynamoDB_20120810.Scan"),
            &json!({ "TableName": "t-users" }),
            400,
            "service#AccessDeniedException\"",
        ),
        (
            Service::SecretsManager,
            ("POST", "/", "secretsmanager.DescribeSecret"),
            &none,
            400,
            "\"AccessDeniedException\"",
        ),
        (
            Service::Kms,
            ("POST", "/", "TrentService.Sign"),
            &none,
            400,
            "\"AccessDeniedException\"",
        ),
        (
            Service::Ses,
            ("POST", "/v2/email/outbound-emails", ""),
            &mail,
            403,
            "identity/dashtam.example",
        ),
        (
            Service::S3,
            ("GET", "/dashtam-local-audit/a/b", ""),
            &none,
            403,
            "<Code>AccessDenied</Code>",
        ),
    ] {
        let (got, text) = call(service, "work", request, body).await;
        assert_eq!(got, status, "{service:?}: {text}");
        assert!(
            text.contains(wanted) && text.contains("not authorized"),
            "{service:?}: {text}"
        );
        let (_, text) = call(service, "thief", request, body).await;
        assert!(text.contains("security token"), "{service:?}: {text}");
    }
}

#[tokio::test]
async fn a_web_page_and_a_call_without_a_signature_do_not_pass() {
    for (host, signature) in [
        ("evil.example", "AWS4-HMAC-SHA256 Credential=operator/x"),
        ("127.0.0.1", ""),
    ] {
        let server = guarded(
            Router::new().fallback(any(async || "done")),
            Service::DynamoDb,
            &rights(TEMPLATE),
        );
        let request = Request::post("/")
            .header("host", host)
            .header("authorization", signature);
        let request = request
            .header("x-amz-target", "DynamoDB_20120810.ListTables")
            .body(Body::from("{}"))
            .unwrap();
        assert_eq!(
            server.oneshot(request).await.unwrap().status(),
            403,
            "{host}"
        );
    }
}
