//! The span of a request: what it is a part of, and what is left of it at its end.

use std::time::Duration;

use gambeson_core::{RequestFacts, RequestHead, TraceContext};
use http::Version;

use super::exchange::End;
use crate::context::Active;
use crate::metrics::{ErrorLabel, MethodLabel};
use crate::span::{ParentSpan, ServerSpan, SpanKind, SpanRecord};
use crate::telemetry::Shared;
use crate::traceparent::{Parent, parent};
use crate::tracestate;

/// The longest part of a stranger's method that is kept, in characters.
const MOST_METHOD: usize = 32;

/// Which trace a request belongs to, and what its span needs that is gone by its end.
pub(super) struct ServerTrace {
    /// `None`: there is no randomness, or an outer layer of ours has the span already.
    active: Option<Active>,
    /// Boxed, since most requests have nothing of it and all are moved about.
    odd: Option<Box<Odd>>,
    version: Version,
    /// Whether spans are exported and this request may leave one.
    wanted: bool,
}

/// What the span of an unusual request says besides.
#[derive(Default)]
struct Odd {
    parent: Option<ParentSpan>,
    link: Option<Parent>,
    method: Option<Box<str>>,
}

/// How the request ended.
pub(super) struct Ended<'a> {
    pub(super) facts: &'a RequestFacts,
    pub(super) method: MethodLabel,
    pub(super) https: bool,
    pub(super) status: u16,
    pub(super) error: ErrorLabel,
    pub(super) how: End,
    pub(super) took: Duration,
}

impl ServerTrace {
    pub(super) fn begin(shared: &Shared, facts: &RequestFacts, head: &RequestHead<'_>) -> Self {
        let mut trace = Self { active: None, odd: None, version: head.version, wanted: false };
        if facts.trace().is_some() {
            return trace;
        }
        let wanted = shared.recorder.is_some() && !untraced(shared, facts, head);
        let incoming = parent(head.headers);
        // What a stranger says is worth a link, never a say in what is recorded here.
        let trusted = incoming.filter(|_| facts.peer().is_some_and(|peer| peer.neighbour_trusted));
        trace.active = activate(shared, trusted, wanted, head);
        if wanted {
            trace.wanted = true;
            trace.odd = Odd::of(incoming, trusted, head);
        }
        if let Some(active) = &trace.active {
            facts.set_trace(*active.trace());
        }
        trace
    }

    pub(super) fn active(&self) -> Option<&Active> {
        self.active.as_ref()
    }

    /// Hands the span to the exporter, if it is to be kept.
    pub(super) fn end(&mut self, shared: &Shared, ended: &Ended<'_>) {
        let (true, Some(active), Some(recorder)) = (self.wanted, &self.active, &shared.recorder) else {
            return;
        };
        let failed = ended.status >= 500 || matches!(ended.how, End::BodyFailed | End::ServiceFailed);
        let late = !active.trace().sampled;
        if late && !shared.sampling.keeps(failed, ended.took) {
            return;
        }
        let odd = self.odd.take().map_or_else(Odd::default, |odd| *odd);
        recorder.queue.push(SpanRecord {
            trace: *active.trace(),
            random: active.random(),
            state: active.state().cloned(),
            parent: odd.parent,
            started: shared.clock.now().minus(ended.took),
            took: ended.took,
            failed,
            kind: SpanKind::Server(ServerSpan {
                method: ended.method,
                odd_method: odd.method,
                https: ended.https,
                version: self.version,
                route: ended.facts.route().cloned(),
                status: ended.status,
                error: ended.error,
                cancelled: ended.how == End::Cancelled,
                rejection: ended.facts.rejection().cloned(),
                cost: ended.facts.cost().map(|cost| cost.amount),
                client: ended.facts.peer().and_then(|peer| peer.address).filter(|_| shared.client_address),
                link: odd.link,
                late,
            }),
        });
    }
}

impl Odd {
    fn of(incoming: Option<Parent>, trusted: Option<Parent>, head: &RequestHead<'_>) -> Option<Box<Self>> {
        let other = MethodLabel::of(head.method).is_other();
        (incoming.is_some() || other).then(|| {
            Box::new(Self {
                parent: trusted.map(|parent| ParentSpan { id: parent.span_id, remote: true }),
                link: incoming.filter(|_| trusted.is_none()),
                method: other.then(|| head.method.as_str().chars().take(MOST_METHOD).collect()),
            })
        })
    }
}

/// The new span, in the trace of a trusted parent or in a new one.
fn activate(
    shared: &Shared,
    trusted: Option<Parent>,
    wanted: bool,
    head: &RequestHead<'_>,
) -> Option<Active> {
    let (trace_id, span_id, random) = match &trusted {
        Some(parent) => (parent.trace_id, shared.ids.span()?, parent.random()),
        None => {
            let (trace_id, span_id) = shared.ids.trace_and_span()?;
            (trace_id, span_id, true)
        }
    };
    let sampled = match shared.recorder {
        Some(_) => wanted && shared.sampling.records(&trace_id, trusted.as_ref()),
        // Who records nothing passes on what others decided.
        None => trusted.is_some_and(|parent| parent.sampled()),
    };
    let trace = TraceContext::new(trace_id, span_id, sampled)?;
    let state = trusted.and_then(|_| tracestate::read(head.headers));
    let recorder = shared.recorder.as_ref().filter(|_| sampled).cloned();
    Some(Active::new(trace, random, state, recorder))
}

/// A probe is noise.
fn untraced(shared: &Shared, facts: &RequestFacts, head: &RequestHead<'_>) -> bool {
    let place = facts.route().map_or(head.uri.path(), |route| route.as_str());
    shared.untraced.iter().any(|template| template == place)
}
