//! Calls of AWS clients carry the trace of the work that makes them, and are spans of it where traces are exported.

use std::time::Instant;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
    FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use super::Work;
use super::tables::tables_of;
use super::trace::{self, TRACEPARENT};

/// Sends the present work's trace with each call, under a span of the call's own. All attempts of a call share it.
#[derive(Debug, Clone, Copy)]
pub struct TraceCalls;

/// A call.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) span_id: u64,
    pub(super) service: String,
    pub(super) operation: String,
    /// The names of the tables that it reads or writes.
    pub(super) tables: Vec<String>,
    /// How often it was sent.
    pub(super) attempts: u32,
    /// The status of the last answer, if there was one.
    pub(super) status: Option<u16>,
    pub(super) began: Instant,
    pub(super) ended: Instant,
}

/// A call's span.
#[derive(Debug, Clone, Copy)]
struct Span(u64);

impl Storable for Span {
    type Storer = StoreReplace<Self>;
}

impl Storable for Call {
    type Storer = StoreReplace<Self>;
}

impl Intercept for TraceCalls {
    fn name(&self) -> &'static str {
        "TraceCalls"
    }

    fn read_before_execution(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(work) = Work::current() else {
            return Ok(());
        };
        let span_id = trace::span_id(work.telemetry.entropy.as_ref());
        cfg.interceptor_state().store_put(Span(span_id));
        if work.is_exported() {
            let call = Call {
                span_id,
                service: String::new(),
                operation: String::new(),
                tables: tables_of(context.input()),
                attempts: 0,
                status: None,
                began: Instant::now(),
                ended: Instant::now(),
            };
            cfg.interceptor_state().store_put(call);
        }
        Ok(())
    }

    /// After the signature, which must not depend on it.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Some(work), Some(Span(id))) = (Work::current(), cfg.load::<Span>()) {
            let traceparent = work.trace().traceparent(*id).to_string();
            context
                .request_mut()
                .headers_mut()
                .insert(TRACEPARENT, traceparent);
        }
        if let Some(call) = cfg.load::<Call>() {
            let call = Call {
                attempts: call.attempts + 1,
                ..call.clone()
            };
            cfg.interceptor_state().store_put(call);
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Some(work), Some(call)) = (Work::current(), cfg.load::<Call>()) {
            let status = context
                .response()
                .map(|response| response.status().as_u16());
            // Known only since the operation's own settings are: not yet when the call began.
            let metadata = cfg.load::<Metadata>();
            let text =
                |part: fn(&Metadata) -> &str| metadata.map(part).unwrap_or_default().to_owned();
            let (service, operation) = (text(Metadata::service), text(Metadata::name));
            work.called(Call {
                service,
                operation,
                status,
                ended: Instant::now(),
                ..call.clone()
            });
        }
        Ok(())
    }
}
