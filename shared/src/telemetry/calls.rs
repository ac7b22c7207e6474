//! Calls of AWS clients carry the trace of the work that makes them.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use super::Work;
use super::trace::{self, TRACEPARENT};

/// Sends the present work's trace with each call, under a span of the call's own. All attempts of a call share it.
#[derive(Debug, Clone, Copy)]
pub struct TraceCalls;

/// A call's span.
#[derive(Debug, Clone, Copy)]
struct Span(u64);

impl Storable for Span {
    type Storer = StoreReplace<Self>;
}

impl Intercept for TraceCalls {
    fn name(&self) -> &'static str {
        "TraceCalls"
    }

    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(work) = Work::current() {
            cfg.interceptor_state().store_put(Span(trace::span_id(work.telemetry.entropy.as_ref())));
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
            context.request_mut().headers_mut().insert(TRACEPARENT, traceparent);
        }
        Ok(())
    }
}
