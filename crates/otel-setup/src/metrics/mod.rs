//! What is counted, in bounded memory.

mod calls;
mod costs;
mod exposition;
mod histogram;
mod table;

use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use gambeson_core::{MatchedRoute, Rejection};
use http::Method;

pub(crate) use calls::{CallLabels, CallSeries};
pub use costs::CostCounter;
pub(crate) use exposition::{Exports, Exposition, text};
pub(crate) use histogram::{BOUNDS, Histogram};
pub(crate) use table::OnceTable;

/// The media type of what `/metrics` answers: OpenMetrics 1.0.
pub const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Methods that are a label as they are; all others are `_OTHER`, so that a stranger's words make no series.
pub(crate) const METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "_OTHER"];

/// A method as a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MethodLabel(u8);

impl MethodLabel {
    const OTHER: u8 = 9;

    pub(crate) fn of(method: &Method) -> Self {
        Self(match *method {
            Method::GET => 0,
            Method::HEAD => 1,
            Method::POST => 2,
            Method::PUT => 3,
            Method::DELETE => 4,
            Method::CONNECT => 5,
            Method::OPTIONS => 6,
            Method::TRACE => 7,
            Method::PATCH => 8,
            _ => Self::OTHER,
        })
    }

    pub(crate) fn as_str(self) -> &'static str {
        METHODS.get(usize::from(self.0)).copied().unwrap_or("_OTHER")
    }

    pub(crate) fn is_other(self) -> bool {
        self.0 == Self::OTHER
    }

    /// As a span is named for it.
    pub(crate) fn span_name(self) -> &'static str {
        if self.is_other() { "HTTP" } else { self.as_str() }
    }
}

/// Why a request went wrong, as the label `error.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ErrorLabel {
    None,
    /// The status code itself.
    Status,
    /// A word: a class of refusals, `cancelled`, `body` or `service`.
    Word(&'static str),
}

/// What tells one series of durations from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Labels<'a> {
    pub(crate) method: MethodLabel,
    pub(crate) https: bool,
    /// 0: there was no answer.
    pub(crate) status: u16,
    pub(crate) error: ErrorLabel,
    pub(crate) route: Option<&'a str>,
}

/// In as few words as there can be: each request pays for it.
impl Hash for Labels<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (kind, word) = match self.error {
            ErrorLabel::None => (0_u64, None),
            ErrorLabel::Status => (1, None),
            ErrorLabel::Word(word) => (2, Some(word)),
        };
        let small = u64::from(self.status) << 32 | kind << 16 | u64::from(self.https) << 8;
        state.write_u64(small | u64::from(self.method.0));
        for text in [self.route, word].into_iter().flatten() {
            state.write(text.as_bytes());
        }
    }
}

pub(crate) struct Series {
    method: MethodLabel,
    https: bool,
    status: u16,
    error: ErrorLabel,
    route: Option<MatchedRoute>,
    pub(crate) durations: Histogram,
}

impl Series {
    pub(crate) fn labels(&self) -> Labels<'_> {
        Labels {
            method: self.method,
            https: self.https,
            status: self.status,
            error: self.error,
            route: self.route.as_ref().map(MatchedRoute::as_str),
        }
    }
}

pub(crate) struct Refusals {
    pub(crate) package: &'static str,
    pub(crate) class: &'static str,
    pub(crate) slug: &'static str,
    pub(crate) count: AtomicU64,
}

/// All that the layers count.
pub(crate) struct Metrics {
    pub(crate) series: OnceTable<Series>,
    pub(crate) overflow: Histogram,
    pub(crate) calls: OnceTable<CallSeries>,
    pub(crate) calls_overflow: Histogram,
    pub(crate) refusals: OnceTable<Refusals>,
    pub(crate) refusals_overflow: AtomicU64,
    pub(crate) costs: costs::Costs,
    pub(crate) active: [[AtomicI64; 2]; METHODS.len()],
}

impl Metrics {
    /// At most `most_series` series of durations.
    pub(crate) fn new(most_series: usize) -> Self {
        Self {
            series: OnceTable::new(most_series),
            overflow: Histogram::default(),
            calls: OnceTable::new(most_series),
            calls_overflow: Histogram::default(),
            costs: costs::Costs::new(most_series),
            refusals: OnceTable::new(500),
            refusals_overflow: AtomicU64::new(0),
            active: Default::default(),
        }
    }

    pub(crate) fn started(&self, method: MethodLabel, https: bool) {
        self.change_active(method, https, 1);
    }

    /// Counts one request that is over.
    pub(crate) fn ended(&self, labels: Labels<'_>, route: Option<&MatchedRoute>, took: Duration) {
        self.change_active(labels.method, labels.https, -1);
        let make = || Series {
            method: labels.method,
            https: labels.https,
            status: labels.status,
            error: labels.error,
            route: route.cloned(),
            durations: Histogram::default(),
        };
        match self.series.get_or_insert(&labels, |series| series.labels() == labels, make) {
            Some(series) => series.durations.record(took),
            None => self.overflow.record(took),
        }
    }

    pub(crate) fn refused(&self, rejection: &Rejection) {
        let key = (rejection.package(), rejection.class().as_str(), rejection.slug());
        let is = |known: &Refusals| (known.package, known.class, known.slug) == key;
        let make = || Refusals { package: key.0, class: key.1, slug: key.2, count: AtomicU64::new(0) };
        let counter = match self.refusals.get_or_insert(&key, is, make) {
            Some(refusals) => &refusals.count,
            None => &self.refusals_overflow,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn change_active(&self, method: MethodLabel, https: bool, by: i64) {
        if let Some(gauge) =
            self.active.get(usize::from(method.0)).and_then(|pair| pair.get(usize::from(https)))
        {
            gauge.fetch_add(by, Ordering::Relaxed);
        }
    }
}
