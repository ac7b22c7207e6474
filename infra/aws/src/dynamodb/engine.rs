//! `DynamoDB`'s engine as a router of ours, behind the door.
//!
//! The engine serves a port and keeps its router to itself. A call from another process is passed on to that port, over
//! connections that stay open. A call from this process goes to the engine's own functions, without a socket; what they refuse
//! as malformed goes to the port after all, since only the server words such a refusal as AWS does.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use dynoxide::{Database, DynoxideError};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::protocol::LONGEST;

/// The form of the requests and answers.
const FORM: &str = "application/x-amz-json-1.0";
/// What the name of an operation begins with.
const TARGET: &str = "DynamoDB_20120810.";

/// The engine's server; cheap to clone, all clones are one.
#[derive(Clone)]
pub struct Engine {
    database: Database,
    address: SocketAddr,
    client: Client<HttpConnector, Body>,
}

impl Engine {
    /// Serves `database` for as long as `servers` is kept.
    ///
    /// # Errors
    /// There is no port.
    pub async fn start(database: Database, servers: &mut JoinSet<()>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let served = database.clone();
        servers.spawn(async move {
            let served =
                dynoxide::server::serve_with_shutdown(listener, served, std::future::pending())
                    .await;
            if let Err(error) = served {
                tracing::error!(%error, "the database's server ended");
            }
        });
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
            database,
            address,
            client: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// The service, to be served on a loopback listener.
    pub fn router(&self) -> Router {
        Router::new().fallback(forward).with_state(self.clone())
    }

    /// The same without a socket, for calls from this process.
    pub fn direct(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// What the engine says to the calls that are made often; `None` for every other.
    fn answer(&self, operation: &str, body: &[u8]) -> Option<Result<String, DynoxideError>> {
        let database = &self.database;
        match operation {
            "GetItem" => call(body, |request| database.get_item(request)),
            "PutItem" => call(body, |request| database.put_item(request)),
            "UpdateItem" => call(body, |request| database.update_item(request)),
            "DeleteItem" => call(body, |request| database.delete_item(request)),
            "Query" => call(body, |request| database.query(request)),
            "Scan" => call(body, |request| database.scan(request)),
            "BatchGetItem" => call(body, |request| database.batch_get_item(request)),
            "TransactWriteItems" => call(body, |request| database.transact_write_items(request)),
            _ => None,
        }
    }
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    operation: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Option<Result<String, DynoxideError>> {
    let answer = operation(serde_json::from_slice(body).ok()?);
    match answer.map(|answer| serde_json::to_string(&answer)) {
        Ok(text) => text.ok().map(Ok),
        Err(
            DynoxideError::ValidationException(_)
            | DynoxideError::KeyEmptyValueValidation(_)
            | DynoxideError::EnvelopedValidation(_)
            | DynoxideError::SerializationException(_),
        ) => None,
        Err(refusal) => Some(Err(refusal)),
    }
}

async fn answer(State(engine): State<Engine>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let form = [(header::CONTENT_TYPE, FORM)];
    match operation(&parts.headers).and_then(|operation| engine.answer(operation, &body)) {
        Some(Ok(text)) => (form, text).into_response(),
        Some(Err(refusal)) => {
            let status =
                StatusCode::from_u16(refusal.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, form, refusal.to_json()).into_response()
        }
        None => forward(State(engine), Request::from_parts(parts, Body::from(body))).await,
    }
}

fn operation(headers: &HeaderMap) -> Option<&str> {
    headers
        .get("x-amz-target")?
        .to_str()
        .ok()?
        .strip_prefix(TARGET)
}

async fn forward(State(engine): State<Engine>, mut request: Request) -> Response {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let uri = Uri::builder()
        .scheme("http")
        .authority(engine.address.to_string())
        .path_and_query(path)
        .build();
    let Ok(uri) = uri else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    *request.uri_mut() = uri;
    match engine.client.request(request).await {
        Ok(answer) => answer.map(Body::new).into_response(),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
