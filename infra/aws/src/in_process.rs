//! The way to the servers for those who live in the same process: an HTTP client for the SDK without a socket.
//!
//! A call takes the SDK's whole way down to its signed request, and the server's whole way from its door on; only the
//! connection between them is left out, which costs more than both. What other processes call goes
//! through the ports, to the same servers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};

use aws_smithy_runtime_api::client::connection::{CaptureSmithyConnection, ConnectionMetadata};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use tower::ServiceExt as _;

/// The servers in this process, by the address that clients have for them; cheap to clone, all clones are one.
#[derive(Debug, Clone, Default)]
pub struct InProcess(Arc<RwLock<BTreeMap<SocketAddr, Router>>>);

impl InProcess {
    /// Has calls of `address` answered by `server`.
    pub fn serve(&self, address: SocketAddr, server: Router) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(address, server);
    }

    /// The server at `address`.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> Option<Router> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&address)
            .cloned()
    }

    /// The client; calls of all other addresses leave through `sockets`.
    #[must_use]
    pub fn client(&self, sockets: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(Client {
            servers: self.clone(),
            sockets,
        })
    }
}

#[derive(Debug)]
struct Client {
    servers: InProcess,
    sockets: SharedHttpClient,
}

impl HttpClient for Client {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let sockets = self.sockets.http_connector(settings, components);
        SharedHttpConnector::new(Connector {
            servers: self.servers.clone(),
            sockets,
        })
    }
}

#[derive(Debug)]
struct Connector {
    servers: InProcess,
    sockets: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let address = request
            .uri()
            .split_once("://")
            .map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
        let address = address.and_then(|address| address.parse::<SocketAddr>().ok());
        let server = address.and_then(|address| Some((address, self.servers.at(address)?)));
        match (server, request.body().bytes()) {
            (Some((address, server)), Some(_)) => {
                HttpConnectorFuture::new(ask(server, address, request))
            }
            _ => self.sockets.call(request),
        }
    }
}

async fn ask(
    server: Router,
    address: SocketAddr,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    // A call over a connection lets other tasks run in between; without this, parallel requests of one thread would go one by
    // one, and their races would never happen.
    tokio::task::yield_now().await;
    let (mut parts, body) = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?
        .into_parts();
    // The SDK closes the connection of a call that failed for a passing reason.
    if let Some(connection) = parts.extensions.get::<CaptureSmithyConnection>() {
        connection.set_connection_retriever(|| {
            Some(
                ConnectionMetadata::builder()
                    .proxied(false)
                    .poison_fn(|| {})
                    .build(),
            )
        });
    }
    // An HTTP client adds the host to what the SDK makes; the servers look at it.
    if let Ok(host) = HeaderValue::from_str(&address.to_string()) {
        parts.headers.entry(header::HOST).or_insert(host);
    }
    let body = Body::from(body.bytes().unwrap_or_default().to_vec());
    let Ok(answer) = server.oneshot(http::Request::from_parts(parts, body)).await;
    let (parts, body) = answer.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .map_err(|error| ConnectorError::io(error.into()))?;
    let answer = http::Response::from_parts(parts, SdkBody::from(body));
    HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
    use axum::Json;
    use axum::routing::post;
    use serde_json::json;

    use super::*;

    const UNUSED_PORT: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9);

    fn client(address: SocketAddr, http: SharedHttpClient) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .endpoint_url(format!("http://{address}"))
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("a", "b", None, None, "test"));
        aws_sdk_dynamodb::Client::from_conf(config.build())
    }

    fn sockets() -> SharedHttpClient {
        aws_smithy_http_client::Builder::new().build_http()
    }

    fn tables(name: &'static str) -> Router {
        Router::new().route(
            "/",
            post(move || async move { Json(json!({ "TableNames": [name] })) }),
        )
    }

    #[tokio::test]
    async fn a_server_of_this_process_is_called_without_a_socket() {
        let servers = InProcess::default();
        // Nothing listens there.
        servers.serve(UNUSED_PORT, tables("here"));
        let answer = client(UNUSED_PORT, servers.client(sockets()))
            .list_tables()
            .send()
            .await
            .unwrap();
        assert_eq!(answer.table_names(), ["here"]);
    }

    #[tokio::test]
    async fn another_address_is_called_through_a_socket() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move { axum::serve(listener, tables("there")).await });
        let servers = InProcess::default();
        servers.serve(UNUSED_PORT, tables("here"));
        let answer = client(address, servers.client(sockets()))
            .list_tables()
            .send()
            .await
            .unwrap();
        assert_eq!(answer.table_names(), ["there"]);
        server.abort();
    }

    #[tokio::test]
    async fn parallel_calls_of_one_thread_take_turns() {
        let servers = InProcess::default();
        servers.serve(UNUSED_PORT, tables("here"));
        let client = client(UNUSED_PORT, servers.client(sockets()));
        let log = std::sync::Mutex::new(String::new());
        let two_calls = async |name: char| {
            for _ in 0..2 {
                client.list_tables().send().await.unwrap();
                log.lock().unwrap().push(name);
            }
        };
        tokio::join!(two_calls('a'), two_calls('b'));
        let log = log.into_inner().unwrap();
        assert!(!log.starts_with("aa") && !log.starts_with("bb"), "{log}");
    }
}
