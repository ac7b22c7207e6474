//! The gateway over real connections, in front of an application that says what it saw.

use super::*;
use crate::template::sample::{SAMPLE, sample};
use axum::routing::get;
use lambda_http::RequestExt as _;
use lambda_http::request::RequestContext;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

mod interrupted;
mod refusals;

const SOURCES: Sources = Sources {
    epoch_millis: || 1_700_000_000_000,
    request_id: || Uuid::from_u128(7),
};
const REQUEST_ID: &str = "00000000-0000-0000-0000-000000000007";
const GET_ME: &str = "GET /me HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

fn to_app(event: LambdaRequest) -> Request<Body> {
    let request = shared::runtime::lambda::into_request(event);
    let path = request.raw_http_path().to_owned();
    let (mut parts, body) = request.into_parts();
    parts.uri = path.parse().unwrap_or_default();
    Request::from_parts(parts, Body::from(body.as_ref().to_vec()))
}

/// Says what the function sees.
async fn echo(request: Request<Body>) -> axum::Json<Value> {
    let (parts, body) = request.into_parts();
    let Some(RequestContext::ApiGatewayV1(context)) = parts.extensions.get::<RequestContext>()
    else {
        panic!("no context")
    };
    let (ip, id) = (
        context.identity.source_ip.clone(),
        context.request_id.clone(),
    );
    let body = body.collect().await.unwrap().to_bytes();
    axum::Json(
        json!({ "method": parts.method.as_str(), "path": parts.uri.path(), "ip": ip, "id": id, "body": body.len() }),
    )
}

/// Scripts of one origin may read.
fn cors() -> Cors {
    let settings =
        shared::config::Settings::default().with("DASHTAM_CORS_ORIGINS", "https://app.example.com");
    Cors::new(&shared::config::Config::parse(&settings).unwrap().network)
}

fn gateway(app: Router) -> Gateway {
    let local = Router::new()
        .route("/_local", get(|| async { "mail" }))
        .route("/docs", get(|| async { "viewer" }));
    Gateway::new(
        &sample(),
        1.0,
        Behind { app, to_app, local },
        cors(),
        SOURCES,
    )
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(gateway(app).serve(listener, std::future::pending()));
    address
}

/// Sends bytes and reads until the server closes; a server that waits for more fails the test.
async fn send(address: SocketAddr, bytes: impl AsRef<[u8]> + std::fmt::Debug) -> String {
    let answer = tokio::time::timeout(
        Duration::from_secs(10),
        send_and_read(address, bytes.as_ref()),
    )
    .await;
    answer.unwrap_or_else(|_| panic!("no end of the answer to {bytes:.200?}"))
}

async fn send_and_read(address: SocketAddr, bytes: &[u8]) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A server that refuses what it has not read resets the connection behind its answer.
    drop(connection.read_to_end(&mut answer).await);
    String::from_utf8_lossy(&answer).into_owned()
}

fn app() -> Router {
    Router::new().fallback(echo)
}

#[tokio::test]
async fn a_request_reaches_the_application_as_an_event() {
    let address = serve(app()).await;
    let answer = send(address, "POST /auth/login?x=1 HTTP/1.1\r\nhost: localhost\r\nx-forwarded-for: 1.2.3.4\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let wanted = json!({ "method": "POST", "path": "/auth/login", "ip": "127.0.0.1", "id": REQUEST_ID, "body": 2 });
    assert_eq!(serde_json::from_str::<Value>(body).unwrap(), wanted);
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let address = serve(app()).await;
    let keep = GET_ME.replace("connection: close\r\n", "");
    let answer = send(address, format!("{keep}{keep}{GET_ME}")).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 3, "{answer}");
}

#[tokio::test]
async fn an_empty_bucket_is_answered_with_the_templates_problem() {
    let address = serve(app()).await;
    let request = "POST /auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(send(address, request).await);
    }
    let refused: Vec<_> = answers
        .iter()
        .filter(|answer| answer.starts_with("HTTP/1.1 429"))
        .collect();
    assert!(!refused.is_empty(), "{answers:?}");
    assert!(
        refused[0].contains("retry-after: 1\r\n")
            && refused[0].contains("application/problem+json"),
        "{}",
        refused[0]
    );
    assert!(
        refused[0].contains(&format!("\"request_id\":\"{REQUEST_ID}\"")),
        "{}",
        refused[0]
    );
    assert!(
        send(address, GET_ME).await.starts_with("HTTP/1.1 200"),
        "another method is throttled as well"
    );
}

#[tokio::test]
async fn what_the_gateway_answers_is_readable_from_listed_origins_alone() {
    let address = serve(app()).await;
    let burst = "POST /auth/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let large = format!("{GET_ME}x").replace(
        "\r\n\r\nx",
        &format!("\r\nx: {}\r\n\r\n", "x".repeat(HEAD_LIMIT)),
    );
    for _ in 0..5 {
        send(address, burst).await;
    }
    for (request, status) in [(burst, "429"), (large.as_str(), "413")] {
        let from = |origin: &str| request.replacen("\r\n", &format!("\r\norigin: {origin}\r\n"), 1);
        let listed = send(address, from("https://app.example.com")).await;
        assert!(
            listed.starts_with(&format!("HTTP/1.1 {status}")),
            "{listed:.200}"
        );
        assert!(
            listed.contains("access-control-allow-origin: https://app.example.com\r\n"),
            "{listed}"
        );
        assert!(
            listed.contains("access-control-expose-headers: date, x-request-id, retry-after"),
            "{listed}"
        );
        assert!(listed.contains("vary: Origin\r\n"), "{listed}");
        let other = send(address, from("https://evil.example")).await;
        assert!(
            other.starts_with(&format!("HTTP/1.1 {status}")) && !other.contains("access-control-"),
            "{other}"
        );
    }
}

#[tokio::test]
async fn a_header_that_is_sent_twice_reaches_the_application_twice() {
    let tell = |request: Request<Body>| async move {
        let count = |name: &str| request.headers().get_all(name).iter().count().to_string();
        format!("{} {}", count("authorization"), count("content-type"))
    };
    let address = serve(Router::new().fallback(tell)).await;
    let twice = "authorization: Bearer a\r\nauthorization: Bearer b\r\ncontent-type: a/b\r\ncontent-type: application/json\r\n";
    let answer = send(address, GET_ME.replace("host:", &format!("{twice}host:"))).await;
    assert!(answer.ends_with("2 2"), "{answer}");
}

#[tokio::test]
async fn captured_mail_is_served_beside_the_gateway() {
    let address = serve(app()).await;
    let local = GET_ME.replace("/me", "/_local");
    assert!(send(address, &local).await.ends_with("mail"));
    assert!(
        send(address, local.replace("/_local", "/_local/nothing"))
            .await
            .starts_with("HTTP/1.1 404")
    );
    assert!(
        send(address, local.replace("/_local", "/_localhost"))
            .await
            .contains("\"path\":\"/_localhost\"")
    );
    assert!(
        send(address, GET_ME.replace("/me", "/"))
            .await
            .contains("location: /_local\r\n")
    );
}

#[tokio::test]
async fn the_viewer_is_served_beside_the_gateway() {
    let address = serve(app()).await;
    let docs = GET_ME.replace("/me", "/docs");
    assert!(send(address, &docs).await.ends_with("viewer"));
    assert!(
        send(
            address,
            docs.replace("host: localhost", "host: evil.example")
        )
        .await
        .starts_with("HTTP/1.1 421")
    );
}

#[tokio::test]
async fn a_larger_scale_lets_more_through() {
    let template = Template::parse(SAMPLE).unwrap();
    let gateway = Gateway::new(
        &template,
        10.0,
        Behind {
            app: app(),
            to_app,
            local: Router::new(),
        },
        cors(),
        SOURCES,
    );
    for _ in 0..40 {
        let request = Request::post("/auth/login").body(Body::empty()).unwrap();
        assert_eq!(
            gateway
                .handle(request, ([127, 0, 0, 1], 1).into())
                .await
                .status(),
            StatusCode::OK
        );
    }
}
