//! A span that has ended: what is known of it, for the exporter to write out.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{MatchedRoute, Money, Rejection, Timestamp, TraceContext};
use http::Version;

use crate::metrics::{ErrorLabel, MethodLabel};
use crate::traceparent::Parent;

/// Everything of a span but its kind.
#[derive(Debug)]
pub(crate) struct SpanRecord {
    pub(crate) trace: TraceContext,
    pub(crate) random: bool,
    pub(crate) state: Option<Arc<str>>,
    pub(crate) parent: Option<ParentSpan>,
    pub(crate) started: Timestamp,
    pub(crate) took: Duration,
    pub(crate) failed: bool,
    pub(crate) kind: SpanKind,
}

/// Which span this one belongs under.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ParentSpan {
    pub(crate) id: [u8; 8],
    /// It is in another process.
    pub(crate) remote: bool,
}

#[derive(Debug)]
pub(crate) enum SpanKind {
    Server(ServerSpan),
    Client(Box<ClientSpan>),
    App(Box<AppSpan>),
}

/// A request that this service answered.
#[derive(Debug)]
pub(crate) struct ServerSpan {
    pub(crate) method: MethodLabel,
    /// The method as it was sent, when it is none of the known ones; at most 32 characters.
    pub(crate) odd_method: Option<Box<str>>,
    pub(crate) https: bool,
    pub(crate) version: Version,
    pub(crate) route: Option<MatchedRoute>,
    /// 0: there was no answer.
    pub(crate) status: u16,
    pub(crate) error: ErrorLabel,
    pub(crate) cancelled: bool,
    pub(crate) rejection: Option<Rejection>,
    pub(crate) cost: Option<Money>,
    /// Only where the app allows it.
    pub(crate) client: Option<IpAddr>,
    /// What a stranger said was the parent.
    pub(crate) link: Option<Parent>,
    /// Kept although its trace is not recorded.
    pub(crate) late: bool,
}

/// A request that this service sent.
#[derive(Debug)]
pub(crate) struct ClientSpan {
    pub(crate) dependency: Arc<str>,
    pub(crate) method: MethodLabel,
    pub(crate) https: bool,
    pub(crate) host: Option<Box<str>>,
    pub(crate) port: u16,
    pub(crate) status: u16,
    pub(crate) error: ErrorLabel,
    pub(crate) cancelled: bool,
    pub(crate) rejection: Option<Rejection>,
    pub(crate) resends: u32,
}

/// A `tracing` span of the app.
#[derive(Debug)]
pub(crate) struct AppSpan {
    pub(crate) name: &'static str,
    pub(crate) target: &'static str,
    pub(crate) fields: Vec<(&'static str, FieldValue)>,
    pub(crate) dropped_fields: u32,
}

/// A field of a `tracing` span.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum FieldValue {
    Text(Box<str>),
    Int(i64),
    Double(f64),
    Bool(bool),
}

impl SpanRecord {
    /// `{method} {route}` for a request, never its path.
    pub(crate) fn name(&self) -> Cow<'_, str> {
        match &self.kind {
            SpanKind::Server(span) => match &span.route {
                Some(route) => format!("{} {}", span.method.span_name(), route.as_str()).into(),
                None => span.method.span_name().into(),
            },
            SpanKind::Client(span) => span.method.span_name().into(),
            SpanKind::App(span) => span.name.into(),
        }
    }
}
