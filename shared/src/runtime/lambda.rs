//! Lambda: from an event to the app and back, for one endpoint or one consumer a process.

use std::convert::Infallible;
use std::process::ExitCode;

use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::BoxFuture;
use http::header::CONTENT_LENGTH;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, RequestExt};
use lambda_runtime::{LambdaEvent, service_fn};
use tower::ServiceExt;

use crate::audit::seals::StreamHandler;
use crate::clock::{Clock, SystemClock};
use crate::config::{Reader, Settings, TelemetryConfig};
use crate::ground::error_chain;
use crate::http::{Endpoint, app};
use crate::request::gateway::{GatewayEvent, own_path};
use crate::routes::{Grant, Table};
use crate::runtime::environment::{Environment, StartError};
use crate::runtime::init_error;
use crate::sign_in::authorizer::Authorizer;
use crate::telemetry::{LogFormat, Metrics, init_logging};
use crate::work::consumer::Handler;
use crate::work::secret_rotation::{RotationEvent, RotationHandler};

/// What all may read that keep the audit trail.
const SEALS: &[Grant] = &[(Table::Seals, &["Query"])];

/// Work that is done once for each event.
pub type Job = Box<dyn Fn() -> BoxFuture<'static, Result<(), StartError>> + Send + Sync>;

/// Serves one endpoint. The whole body of a function's `main`.
pub async fn run(
    build: impl AsyncFnOnce(&Environment) -> Result<Endpoint, StartError>,
) -> ExitCode {
    start(async |environment| {
        let endpoint = build(environment).await?;
        let route = endpoint.route();
        if !route.grants.is_empty() {
            environment.prime(route.grants, route.calls_at_once).await;
        }
        serve(vec![endpoint], environment).await
    })
    .await
}

/// Serves several endpoints, none of which calls anything.
pub async fn run_several(
    build: impl AsyncFnOnce(&Environment) -> Result<Vec<Endpoint>, StartError>,
) -> ExitCode {
    start(async |environment| serve(build(environment).await?, environment).await).await
}

/// Serves what no endpoint does: 404, 405 with `Allow`, and OPTIONS.
pub async fn run_fallback() -> ExitCode {
    run_several(async |_| Ok(Vec::new())).await
}

/// Serves a queue's consumer: what fails is reported message by message and comes again.
pub async fn run_consumer(
    build: impl AsyncFnOnce(&Environment) -> Result<Handler, StartError>,
) -> ExitCode {
    start(async |environment| {
        let handler = build(environment).await?;
        environment.prime(&[(Table::Users, &["GetItem"])], 1).await;
        let consume = service_fn(move |event: LambdaEvent<SqsEvent>| {
            let handler = handler.clone();
            async move { Ok::<_, Infallible>(consume(&handler, event.payload).await) }
        });
        Ok(Box::pin(lambda_runtime::run(consume)).await)
    })
    .await
}

/// Serves a table's stream: a batch whose handler fails comes again, whole or in parts.
pub async fn run_stream(
    build: impl AsyncFnOnce(&Environment) -> Result<StreamHandler, StartError>,
) -> ExitCode {
    start(async |environment| {
        let handler = build(environment).await?;
        environment.prime(SEALS, 1).await;
        let consume = service_fn(move |event: LambdaEvent<serde_json::Value>| {
            let handler = handler.clone();
            async move {
                handler(event.payload)
                    .await
                    .map_err(|failure| error_chain(&failure))
            }
        });
        Ok(Box::pin(lambda_runtime::run(consume)).await)
    })
    .await
}

/// Runs `work` once for each event, whatever the event says.
pub async fn run_job<F>(build: impl AsyncFnOnce(&Environment) -> Result<F, StartError>) -> ExitCode
where
    F: AsyncFn() -> Result<(), StartError>,
{
    job(build, &[(Table::Security, &["GetItem"])]).await
}

async fn job<F>(
    build: impl AsyncFnOnce(&Environment) -> Result<F, StartError>,
    may: &[Grant],
) -> ExitCode
where
    F: AsyncFn() -> Result<(), StartError>,
{
    start(async |environment| {
        let work = build(environment).await?;
        environment.prime(may, 1).await;
        let work = &work;
        let job = service_fn(async move |_event: LambdaEvent<serde_json::Value>| {
            Box::pin(work()).await.map_err(|error| error_chain(&error))
        });
        Ok(Box::pin(lambda_runtime::run(job)).await)
    })
    .await
}

/// Runs a [`Job`] once for each event of its schedule.
pub async fn run_scheduled(
    build: impl AsyncFnOnce(&Environment) -> Result<Job, StartError>,
) -> ExitCode {
    let build = async |environment: &Environment| {
        let job = build(environment).await?;
        Ok(async move || job().await)
    };
    job(build, SEALS).await
}

/// Serves a secret's rotation: one step an event.
pub async fn run_rotation(
    build: impl AsyncFnOnce(&Environment) -> Result<RotationHandler, StartError>,
) -> ExitCode {
    start(async |environment| {
        let handler = build(environment).await?;
        environment.prime(&[], 1).await;
        let step = service_fn(move |event: LambdaEvent<RotationEvent>| {
            let handler = handler.clone();
            async move {
                handler(event.payload)
                    .await
                    .map_err(|failure| error_chain(&failure))
            }
        });
        Ok(Box::pin(lambda_runtime::run(step)).await)
    })
    .await
}

/// Serves other services' gateways: one event a request that they ask about.
pub async fn run_authorizer(
    build: impl AsyncFnOnce(&Environment) -> Result<Authorizer, StartError>,
) -> ExitCode {
    start(async |environment| {
        let authorizer = build(environment).await?;
        environment
            .prime(&[(Table::Users, &["BatchGetItem"])], 1)
            .await;
        let authorize = service_fn(move |event: LambdaEvent<serde_json::Value>| {
            let authorizer = authorizer.clone();
            // The gateway acts on the error's text alone.
            async move {
                authorizer
                    .answer(event.payload)
                    .await
                    .map_err(|refusal| refusal.to_string())
            }
        });
        Ok(Box::pin(lambda_runtime::run(authorize)).await)
    })
    .await
}

/// An event's request, as it was sent.
#[must_use]
pub fn into_request(event: LambdaRequest) -> lambda_http::Request {
    as_sent(event).into()
}

/// The event without what Lambda's own reader makes too much or too little of.
fn as_sent(mut event: LambdaRequest) -> LambdaRequest {
    let (encoded, body) = match &mut event {
        LambdaRequest::ApiGatewayV1(event) => {
            // The reader would put the last value of a header in the place of all: two access tokens must stay two.
            for (name, value) in &std::mem::take(&mut event.headers) {
                event
                    .multi_value_headers
                    .entry(name)
                    .or_insert_with(|| value.clone());
            }
            (event.is_base64_encoded, &mut event.body)
        }
        LambdaRequest::ApiGatewayV2(event) => (event.is_base64_encoded, &mut event.body),
        _ => return event,
    };
    // What says that it is base64 and is not would make the reader panic. No endpoint that takes a body takes an empty one.
    if encoded
        && body
            .as_deref()
            .is_some_and(|body| STANDARD.decode(body).is_err())
    {
        tracing::warn!("the body of an event is no base64");
        *body = Some(String::new());
    }
    event
}

/// An event's request as the app wants it: without the stage in its path.
#[must_use]
pub fn into_axum(request: lambda_http::Request) -> http::Request<Body> {
    into_axum_below(request, "")
}

/// The same where the API is served below `base_path`, which is taken away as well.
#[must_use]
pub fn into_axum_below(request: lambda_http::Request, base_path: &str) -> http::Request<Body> {
    let path = own_path(
        request.raw_http_path(),
        request.extensions().get(),
        base_path,
    )
    .to_owned();
    let (mut parts, body) = request.into_parts();
    let query = parts
        .uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    if let Ok(uri) = format!("{path}{query}").parse() {
        parts.uri = uri;
    }
    let body = match body {
        lambda_http::Body::Text(text) => Body::from(text),
        lambda_http::Body::Binary(bytes) => Body::from(bytes),
        _ => Body::empty(),
    };
    http::Request::from_parts(parts, body)
}

/// The app's answer as a gateway wants it: it writes the length itself, and a REST API would rename this one to
/// `x-amzn-remapped-content-length`.
///
/// # Errors
/// None.
pub async fn answer(router: Router, request: lambda_http::Request) -> Result<Response, Infallible> {
    answer_below(router, request, "").await
}

/// The same where the API is served below `base_path`.
async fn answer_below(
    router: Router,
    request: lambda_http::Request,
    base_path: &str,
) -> Result<Response, Infallible> {
    let mut response = router.oneshot(into_axum_below(request, base_path)).await?;
    response.headers_mut().remove(CONTENT_LENGTH);
    Ok(response)
}

async fn serve(
    endpoints: Vec<Endpoint>,
    environment: &Environment,
) -> Result<Result<(), lambda_runtime::Error>, StartError> {
    let router = app(endpoints, environment.app());
    let base_path = environment.config().mail.base_path().to_owned();
    let handler = service_fn(move |event: LambdaEvent<GatewayEvent>| {
        let (router, base_path) = (router.clone(), base_path.clone());
        async move {
            let GatewayEvent(request) = event.payload;
            let request = request.map_err(|unsupported| {
                tracing::error!(error = %unsupported, request_id = event.context.request_id, "the event cannot be answered");
                unsupported.to_string()
            })?;
            let answer = |request| answer_below(router.clone(), request, &base_path);
            let event = LambdaEvent::new(as_sent(request), event.context);
            match Adapter::from(lambda_http::service_fn(answer))
                .oneshot(event)
                .await
            {
                Ok(response) => Ok::<_, String>(response),
                Err(never) => match never {},
            }
        }
    });
    Ok(Box::pin(lambda_runtime::run(handler)).await)
}

/// Hands each message to the handler.
pub async fn consume(handler: &Handler, event: SqsEvent) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for message in event.records {
        if handler(message.body.unwrap_or_default()).await.is_err() {
            let mut failed = BatchItemFailure::default();
            failed.item_identifier = message.message_id.unwrap_or_default();
            response.batch_item_failures.push(failed);
        }
    }
    response
}

/// Reads the settings, starts, and says in plain words why it did not.
async fn start(
    serve: impl AsyncFnOnce(&Environment) -> Result<Result<(), lambda_runtime::Error>, StartError>,
) -> ExitCode {
    let settings = Settings::from_process();
    init_logging(settings.get("DASHTAM_LOG"), LogFormat::Json);
    let started = match Environment::new(&settings) {
        Ok(environment) => Box::pin(serve(&environment)).await,
        Err(error) => Err(error.into()),
    };
    match started {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => refuse(&settings, &error.to_string()),
        Err(error) => {
            let why = error_chain(&error);
            init_error::report(settings.get("AWS_LAMBDA_RUNTIME_API"), &why);
            refuse(&settings, &why)
        }
    }
}

fn refuse(settings: &Settings, why: &str) -> ExitCode {
    tracing::error!(error = why, "the function does not start");
    // By the settings of this concern alone: others may be what is wrong.
    if let Some(metrics) = Metrics::from_config(&TelemetryConfig::read(&mut Reader::new(settings)))
    {
        metrics.start_failed(SystemClock.now());
    }
    ExitCode::FAILURE
}
