//! An SES v2 for the local run and the tests: it takes mail as SES would and puts it into the
//! [`Mailbox`] instead of sending it.
//!
//! It serves `SendEmail` over REST JSON with simple content, and refuses what SES refuses: unverified
//! senders, addresses that SES cannot deliver to, line breaks in headers. `GetAccount` and
//! `GetEmailIdentity` tell what it knows. Custom headers are checked for form and not kept.
//!
//! A message counts as accepted once the mailbox has it; the answer comes after.

mod address;
mod faults;
mod identity;
mod submission;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use futures::stream;
use serde_json::json;

pub use self::address::Identities;
use self::faults::Outcome;
pub use self::faults::{Fault, Faults};
pub use self::identity::Account;
use self::submission::SendEmail;
use crate::inputs::{Clock, Entropy};
use crate::mailbox::{Mailbox, Message};
use crate::protocol::{self, ApiError};

/// The most that SES takes by default, in bytes.
const MAX_BODY: usize = 10 * 1024 * 1024;

/// The server's state; cheap to clone, all clones are one.
#[derive(Clone)]
pub struct Ses(Arc<Inner>);

struct Inner {
    mailbox: Mailbox,
    identities: Identities,
    faults: Faults,
    account: Account,
    clock: Clock,
    entropy: Entropy,
}

impl Ses {
    /// A server that takes mail from `identities` and puts it into `mailbox`.
    #[must_use]
    pub fn new(mailbox: Mailbox, identities: Identities, clock: Clock, entropy: Entropy) -> Self {
        Self(Arc::new(Inner {
            mailbox,
            identities,
            faults: Faults::default(),
            account: Account::default(),
            clock,
            entropy,
        }))
    }

    /// The switch for failures.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.0.faults.clone()
    }

    /// What AWS lets the account do.
    #[must_use]
    pub fn account(&self) -> Account {
        self.0.account.clone()
    }

    /// The service, to be served on a loopback listener.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/v2/email/outbound-emails", post(send_email))
            .route("/v2/email/account", get(get_account))
            .route("/v2/email/identities/{identity}", get(get_email_identity))
            .fallback(unknown)
            .method_not_allowed_fallback(unknown)
            .with_state(self.clone())
    }

    /// Takes one message and gives its id.
    fn accept(&self, body: &[u8]) -> Result<String, ApiError> {
        let inner = &*self.0;
        let request: SendEmail = protocol::parse(body, "BadRequestException")?;
        let submission = request.check(&inner.identities)?;
        if inner.account.is_paused() {
            return Err(ApiError::new(
                "SendingPausedException",
                "Email sending is disabled for this account.",
            ));
        }
        if inner.account.is_in_sandbox() {
            inner.identities.check_recipients(&submission.to)?;
        }
        let now = inner.clock.now();
        let message = Message {
            to: submission.to,
            from: submission.from,
            subject: submission.subject,
            text: submission.text,
            html: submission.html,
            received_at: format!("{now:.3}"),
        };
        inner
            .mailbox
            .append(message)
            .map_err(|error| internal(&error.kind().to_string()))?;
        let id = inner.entropy.uuid_v4();
        Ok(format!("{:016x}-{id}-000000", now.as_millisecond()))
    }
}

impl fmt::Debug for Ses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Ses")
            .field("mailbox", &inner.mailbox)
            .field("identities", &inner.identities)
            .finish_non_exhaustive()
    }
}

async fn send_email(State(server): State<Ses>, headers: HeaderMap, body: Body) -> Response {
    match answer(server, &headers, body).await {
        Ok(answer) => answer,
        Err(error) => error.into_rest_json(),
    }
}

async fn answer(server: Ses, headers: &HeaderMap, body: Body) -> Result<Response, ApiError> {
    protocol::admit(headers)?;
    let outcome = server.0.faults.take();
    if outcome == Outcome::Down {
        return Ok(closed_connection());
    }
    let body: Bytes = protocol::read(body, MAX_BODY).await?;
    match outcome {
        Outcome::Fails(Fault::TooManyRequests) => {
            return Err(ApiError::with_status(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequestsException",
                "Too many requests have been made to the operation.",
            ));
        }
        Outcome::Fails(Fault::InternalError) => return Err(internal("a planned fault")),
        Outcome::Fails(Fault::DropAnswer) | Outcome::Works | Outcome::Down => {}
    }
    let id = tokio::task::spawn_blocking(move || server.accept(&body))
        .await
        .unwrap_or_else(|_| Err(internal("the operation ended early")))?;
    if outcome == Outcome::Fails(Fault::DropAnswer) {
        return Ok(closed_connection());
    }
    Ok(protocol::rest_json(
        StatusCode::OK,
        &json!({ "MessageId": id }),
    ))
}

async fn get_account(State(server): State<Ses>, headers: HeaderMap) -> Response {
    match protocol::admit(&headers) {
        Ok(()) => protocol::rest_json(StatusCode::OK, &server.0.account.document()),
        Err(error) => error.into_rest_json(),
    }
}

async fn get_email_identity(
    State(server): State<Ses>,
    headers: HeaderMap,
    identity: Result<Path<String>, PathRejection>,
) -> Response {
    let found = protocol::admit(&headers).and_then(|()| {
        let name = identity.map(|Path(name)| name).unwrap_or_default();
        server.0.identities.describe(&name)
    });
    match found {
        Ok(document) => protocol::rest_json(StatusCode::OK, &document),
        Err(error) => error.into_rest_json(),
    }
}

async fn unknown(headers: HeaderMap) -> Response {
    let refusal = protocol::admit(&headers).err().unwrap_or_else(|| {
        ApiError::with_status(
            StatusCode::NOT_FOUND,
            "UnknownOperationException",
            "This server does not know the operation.",
        )
    });
    refusal.into_rest_json()
}

/// A body that breaks before its first byte: the server closes the connection without an answer.
fn closed_connection() -> Response {
    let broken = stream::iter([Err::<Bytes, _>(io::Error::from(
        io::ErrorKind::ConnectionAborted,
    ))]);
    (
        StatusCode::OK,
        [(header::CONTENT_LENGTH, "1")],
        Body::from_stream(broken),
    )
        .into_response()
}

fn internal(reason: &str) -> ApiError {
    ApiError::with_status(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InternalFailure",
        format!("The message could not be taken: {reason}."),
    )
}
