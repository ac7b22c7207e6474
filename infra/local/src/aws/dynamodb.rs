//! `DynamoDB`'s engine as a router of ours, so that something can stand before it.
//!
//! The engine serves a port of its own and opens its router to nobody. What comes here is passed on to that port, over
//! connections that stay open.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use dynoxide::Database;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The engine's server; cheap to clone, all clones are one.
#[derive(Debug, Clone)]
pub struct Engine {
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
        servers.spawn(async move {
            let served = dynoxide::server::serve_with_shutdown(listener, database, std::future::pending()).await;
            if let Err(error) = served {
                tracing::error!(%error, "the database's server ended");
            }
        });
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self { address, client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// The service, to be served on a loopback listener.
    pub fn router(&self) -> Router {
        Router::new().fallback(forward).with_state(self.clone())
    }
}

async fn forward(State(engine): State<Engine>, mut request: Request) -> Response {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri = Uri::builder().scheme("http").authority(engine.address.to_string()).path_and_query(path).build();
    let Ok(uri) = uri else { return StatusCode::BAD_REQUEST.into_response() };
    *request.uri_mut() = uri;
    match engine.client.request(request).await {
        Ok(answer) => answer.map(Body::new).into_response(),
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
