//! Spans of the app, by way of `tracing`.

use std::fmt;
use std::sync::Arc;

use gambeson_core::{Clock, Monotonic, SystemClock};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::context::{self, Active};
use crate::span::{AppSpan, FieldValue, ParentSpan, SpanKind, SpanRecord};

const MOST_FIELDS: usize = 32;
const MOST_CHARS: usize = 1_024;

/// A `tracing-subscriber` layer that makes the app's `tracing` spans children of the request's span.
///
/// It needs no settings: where spans go is known from the request in which they begin, and a span that begins outside of a request
/// whose trace is recorded costs one look at the thread's state. [`logs::init`](crate::logs::init) puts one there.
///
/// A span counts as failed when an event of level `ERROR` is logged within it. Of its fields 32 are kept, texts up to 1,024
/// characters; a field that is named like a secret leaves as `REDACTED`. Events are not exported.
///
/// ```
/// use gambeson_otel_setup::AppSpans;
/// use tracing_subscriber::{Registry, layer::SubscriberExt};
///
/// let subscriber = Registry::default().with(AppSpans::new());
/// tracing::subscriber::with_default(subscriber, || {
///     let _span = tracing::info_span!("load the notes", count = 3).entered();
/// });
/// ```
#[derive(Debug, Clone)]
pub struct AppSpans(Arc<dyn Clock>);

impl Default for AppSpans {
    fn default() -> Self {
        Self::new()
    }
}

impl AppSpans {
    /// The layer, on the system's clock.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(SystemClock::new()))
    }

    /// Another clock: a manual one in tests.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self(clock)
    }
}

/// A span that has not ended.
struct Open {
    active: Active,
    parent: ParentSpan,
    started: Monotonic,
    failed: bool,
    fields: Fields,
}

impl<S> Layer<S> for AppSpans
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some((parent, active)) = begin(attributes, &context) else { return };
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let parent = ParentSpan { id: parent.trace().span_id, remote: false };
        let started = self.0.monotonic();
        span.extensions_mut().insert(Open { active, parent, started, failed: false, fields });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            values.record(&mut open.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if *event.metadata().level() == Level::ERROR
            && let Some(span) = context.event_span(event)
            && let Some(open) = span.extensions_mut().get_mut::<Open>()
        {
            open.failed = true;
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(open) = span.extensions().get::<Open>()
        {
            context::enter(id.into_u64(), open.active.clone());
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        context::exit(id.into_u64());
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(open) = span.extensions_mut().remove::<Open>() else { return };
        let Some(recorder) = open.active.recorder() else { return };
        let took = self.0.monotonic().since(open.started);
        recorder.queue.push(SpanRecord {
            trace: *open.active.trace(),
            random: open.active.random(),
            state: open.active.state().cloned(),
            parent: Some(open.parent),
            started: self.0.now().minus(took),
            took,
            failed: open.failed,
            kind: SpanKind::App(Box::new(AppSpan {
                name: span.metadata().name(),
                target: span.metadata().target(),
                fields: open.fields.kept,
                dropped_fields: open.fields.dropped,
            })),
        });
    }
}

/// The span that the new one is a child of, and the new one; `None` where nothing is recorded.
fn begin<S>(attributes: &Attributes<'_>, context: &Context<'_, S>) -> Option<(Active, Active)>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let parent = match attributes.parent() {
        Some(id) => context.span(id)?.extensions().get::<Open>()?.active.clone(),
        None if attributes.is_root() => return None,
        None => context::active()?,
    };
    let id = parent.recorder()?.ids.span()?;
    let child = parent.child(id)?;
    Some((parent, child))
}

#[derive(Default)]
struct Fields {
    kept: Vec<(&'static str, FieldValue)>,
    dropped: u32,
}

impl Fields {
    fn keep(&mut self, field: &Field, value: FieldValue) {
        if let Some((_, known)) = self.kept.iter_mut().find(|(name, _)| *name == field.name()) {
            *known = value;
        } else if self.kept.len() < MOST_FIELDS {
            self.kept.push((field.name(), value));
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = value.chars().take(MOST_CHARS).collect();
        self.keep(field, FieldValue::Text(text));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, FieldValue::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match i64::try_from(value) {
            Ok(value) => self.record_i64(field, value),
            Err(_) => self.record_str(field, &value.to_string()),
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.keep(field, FieldValue::Double(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, FieldValue::Bool(value));
    }
}
