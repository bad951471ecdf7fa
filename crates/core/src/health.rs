//! Whether the app can do its work.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::Answer;

/// One part's health, as it sees itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// Does its work.
    Healthy,
    /// Does its work, but something is wrong; the reason is for operators only.
    Degraded(String),
    /// Can't do its work; the reason is for operators only.
    Unhealthy(String),
}

/// A part that can be asked for its health.
pub trait HealthCheck: Send + Sync + fmt::Debug {
    /// The part's name, stable, for example `audit-trail`.
    fn name(&self) -> &str;

    /// How it is.
    fn check(&self) -> Answer<Health>;

    /// Whether it can do its work, which is what a start waits for. Default: whether it says at once that it is healthy. A part that
    /// does its work while something is wrong says so here.
    fn is_ready(&self) -> bool {
        matches!(self.check(), Answer::Ready(Health::Healthy))
    }
}

/// Whether the app takes new requests; flipped by the start and by drain, never by a third party's trouble.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicU8>);

/// The three states of [`Readiness`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadinessState {
    /// Not yet.
    Starting,
    /// Takes requests.
    Ready,
    /// Finishes what it has, takes nothing new.
    Draining,
}

impl Readiness {
    /// A handle in the state [`ReadinessState::Starting`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that the app takes requests; does nothing once it drains.
    pub fn set_ready(&self) {
        let _ = self.0.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Says that the app takes no more requests, for good.
    pub fn drain(&self) {
        self.0.store(2, Ordering::Release);
    }

    /// The state.
    pub fn state(&self) -> ReadinessState {
        match self.0.load(Ordering::Acquire) {
            0 => ReadinessState::Starting,
            1 => ReadinessState::Ready,
            _ => ReadinessState::Draining,
        }
    }
}
