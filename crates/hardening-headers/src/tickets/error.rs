//! Why there is no ticket.

use std::fmt;
use std::time::Duration;

use gambeson_core::{Rejection, RejectionClass};
use http::StatusCode;

use crate::PACKAGE;

/// There is no ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TicketError {
    kind: TicketErrorKind,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TicketErrorKind {
    /// The subject has as many as it may.
    TooMany,
    /// All places are taken.
    Full,
    /// The system has no randomness to give.
    NoRandomness,
    /// The path is none, has a query, or is longer than 256 bytes.
    Path,
}

impl TicketError {
    pub(super) const fn new(kind: TicketErrorKind) -> Self {
        Self { kind }
    }

    /// Why.
    #[must_use]
    pub const fn kind(&self) -> TicketErrorKind {
        self.kind
    }

    /// The answer to who asked for the ticket.
    #[must_use]
    pub fn rejection(&self) -> Rejection {
        let rejection = |class, slug, status| Rejection::new(PACKAGE, class, slug, status);
        match self.kind {
            TicketErrorKind::TooMany => {
                rejection(RejectionClass::Limit, "too-many-tickets", StatusCode::TOO_MANY_REQUESTS)
                    .detail("use the tickets that you have")
                    .retry_after(Duration::from_secs(1))
            }
            TicketErrorKind::Full => {
                rejection(RejectionClass::Limit, "tickets-full", StatusCode::SERVICE_UNAVAILABLE)
                    .detail("there are no tickets left at the moment")
                    .retry_after(Duration::from_secs(1))
            }
            TicketErrorKind::NoRandomness => {
                rejection(RejectionClass::Dependency, "no-randomness", StatusCode::SERVICE_UNAVAILABLE)
            }
            TicketErrorKind::Path => rejection(RejectionClass::Limit, "ticket-path", StatusCode::BAD_REQUEST)
                .detail("a ticket is for one path, without a query"),
        }
    }
}

impl fmt::Display for TicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TicketErrorKind::TooMany => "the caller has as many tickets as it may",
            TicketErrorKind::Full => "all places for tickets are taken",
            TicketErrorKind::NoRandomness => "no randomness for a ticket",
            TicketErrorKind::Path => "a ticket is for one path, without a query",
        })
    }
}

impl std::error::Error for TicketError {}
