//! A collector of traces: takes OTLP over HTTP and decodes it with the protocol's own types.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message as _;
use tokio::net::TcpListener;

/// What it was sent.
#[derive(Clone, Default)]
pub struct Collector(Arc<Mutex<Vec<ResourceSpans>>>);

impl Collector {
    /// Starts one; its endpoint.
    pub async fn start() -> (Self, String) {
        let collector = Self::default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let router = Router::new()
            .route("/v1/traces", post(take))
            .with_state(collector.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (collector, format!("http://{address}"))
    }

    /// Starts one that accepts connections and never answers; its endpoint.
    pub async fn hanging() -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((connection, _)) = listener.accept().await {
                open.push(connection);
            }
        });
        format!("http://{address}")
    }

    /// Starts one that answers 200 each time and rejects `spans` of those that it was sent; its endpoint.
    pub async fn rejecting(spans: i64) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let partial = ExportTracePartialSuccess {
            rejected_spans: spans,
            error_message: "too old".to_owned(),
        };
        let answer = ExportTraceServiceResponse {
            partial_success: Some(partial),
        }
        .encode_to_vec();
        let router = Router::new().route("/v1/traces", post(move || async move { answer }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    /// The spans since the last time, by whom they were sent.
    #[must_use]
    pub fn take(&self) -> Vec<ResourceSpans> {
        std::mem::take(&mut self.0.lock().expect("no panic"))
    }

    /// The spans since the last time.
    #[must_use]
    pub fn take_spans(&self) -> Vec<Span> {
        let scopes = self
            .take()
            .into_iter()
            .flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

async fn take(State(collector): State<Collector>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let request = ExportTraceServiceRequest::decode(body).expect("a request");
    collector
        .0
        .lock()
        .expect("no panic")
        .extend(request.resource_spans);
}
