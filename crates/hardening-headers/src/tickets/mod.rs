//! One-use tickets for WebSocket and EventSource handshakes, to which a page can't add a token.
//!
//! # What it stops
//!
//! Tokens in addresses, where proxies, logs and histories keep them for as long as they are good. A page that has a token asks for a
//! ticket and puts that into the handshake's query. It is good once, for thirty seconds, for one path, and for who asked for it; the
//! layer takes it out of the address before any other layer or the app sees it. Nobody can fill the table for others: each
//! subject has a few places.
//!
//! It does **not** help pages that have a session cookie: the browser adds that to handshakes by itself, and the [cross-site check](crate::csrf)
//! looks at them. It counts in one process: with several, the handshake has to reach the one that gave the ticket. What a proxy
//! in front has logged is used up by then, or over in thirty seconds. Nor does a ticket make another origin's page one of the app's own: its
//! WebSocket handshake needs [`Csrf::trust`](crate::Csrf::trust), also where [`Cors`](crate::Cors) lists that origin, since no browser asks by a
//! preflight whether it may open one. An `EventSource` of such a page needs `Cors` alone, to read what comes.
//!
//! # Place in the stack
//!
//! Outermost, outside of [`PeerLayer`](crate::PeerLayer) and of `Stack`: `router.layer((tickets.layer(), stack))`. So nothing else sees the
//! ticket: with feature `axum` it is taken out of axum's `OriginalUri` too, which a router keeps in the extensions. It answers nothing and refuses nothing: who redeems no ticket is nobody to it, and authorization says so. A session or token of
//! somebody else in the same request is a conflict for the layer that finds it (400).
//!
//! # Example
//!
//! ```
//! use gambeson_core::{Principal, RequestFacts};
//! use gambeson_hardening_headers::tickets::{TicketRules, Tickets};
//! use http::{Request, Response, StatusCode};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let tickets = Tickets::new(TicketRules::new()).unwrap();
//! let app = tickets.layer().layer(service_fn(async |request: Request<()>| {
//!     assert_eq!(request.uri(), "/live?room=7", "nobody sees the ticket");
//!     let known = RequestFacts::of(request.extensions()).is_some_and(|facts| facts.principal().is_some());
//!     let status = if known { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
//!     Ok::<_, std::convert::Infallible>(Response::builder().status(status).body(()).unwrap())
//! }));
//! // In a handler that knows its caller: POST /live/ticket
//! let alice = Principal::user("https://id.example", "alice").build();
//! let ticket = tickets.issue(&alice, "/live").unwrap();
//! // In the page: new WebSocket(`/live?room=7&ticket=${ticket}`)
//! let handshake = || {
//!     let path = format!("/live?room=7&ticket={}", ticket.as_str());
//!     Request::get(path).header("connection", "upgrade").header("upgrade", "websocket").body(()).unwrap()
//! };
//! assert_eq!(app.clone().oneshot(handshake()).await.unwrap().status(), StatusCode::OK);
//! assert_eq!(app.oneshot(handshake()).await.unwrap().status(), StatusCode::UNAUTHORIZED, "it was used");
//! # }
//! ```
//!
//! # Customised
//!
//! ```
//! use gambeson_hardening_headers::tickets::{TicketRules, Tickets};
//! use std::time::Duration;
//!
//! let rules = TicketRules::new().lifetime(Duration::from_secs(10)).places(1 << 16).per_subject(4).parameter("t");
//! let tickets = Tickets::new(rules)?;
//! # let _ = tickets;
//! # Ok::<(), gambeson_core::ConfigError>(())
//! ```
//!
//! # Defaults
//!
//! | setting | default | why |
//! |---|---|---|
//! | lifetime | 30 s | a handshake follows at once |
//! | places | 4,096 | in use at the same time, of all callers |
//! | places of one subject | 8 | some tabs that connect anew together |
//! | parameter | `ticket` | |
//! | handshakes | GET with `Upgrade` or `Accept: text/event-stream`; CONNECT (RFC 8441) | elsewhere a page can send a token |
//!
//! An `EventSource` that connects anew by itself repeats its address, and with it a ticket that is used: the page has to ask for another
//! one when it sees the error.
//!
//! # Rejections
//!
//! It refuses nothing; [`TicketError::rejection`] is for the handler that gives tickets.
//!
//! | slug | status | when |
//! |---|---|---|
//! | `too-many-tickets` | 429 | the subject has as many as it may |
//! | `tickets-full` | 503 | all places are taken |
//! | `no-randomness` | 503 | the system has none to give |
//! | `ticket-path` | 400 | the path is none, or longer than 256 bytes |
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `a ticket was not redeemed` (`why`) | debug | a handshake with a ticket that is no good |
//! | `tickets: all places are taken` (count) | warn | at the 1st, 2nd, 4th, 8th … |
//!
//! No event and no `Debug` has the ticket in it.
//!
//! # Cancel safety
//!
//! A ticket is used up when the handshake comes, whatever becomes of it.
//!
//! # Errors
//!
//! [`Tickets::new`] lists all values out of range at once. The service's error is the inner service's.
//!
//! # Standards
//!
//! RFC 6455 §1.3 and §10.5 (authentication of handshakes), RFC 8441 (over HTTP/2), HTML §9.2 (EventSource), RFC 6750 §2.3 and §5.3 (no tokens in addresses);
//! OWASP ASVS 5 4.4.3, 14.2.1; CWE-598.

mod error;
mod layer;
mod query;
mod rules;
mod table;
mod telemetry;

use std::fmt;
use std::sync::Arc;

use gambeson_core::{Clock, ConfigError, Entropy, Principal, SystemClock, SystemEntropy};

pub use error::{TicketError, TicketErrorKind};
pub use layer::{Redeem, TicketLayer};
pub use rules::TicketRules;
use table::{Held, Table};

/// The longest path that a ticket can be for, in bytes.
const LONGEST_PATH: usize = 256;

/// Gives tickets and takes them back; see the [module](self). A clone shares the table.
#[derive(Debug, Clone)]
pub struct Tickets {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    rules: TicketRules,
    table: Table,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Tickets {
    /// An empty table by these rules.
    ///
    /// # Errors
    /// Every value out of its range.
    pub fn new(rules: TicketRules) -> Result<Self, ConfigError> {
        Self::with(rules, Arc::new(SystemClock::new()), Arc::new(SystemEntropy::new()))
    }

    /// An empty table by these rules, with another clock and another source of randomness than the system's.
    ///
    /// # Errors
    /// Every value out of its range.
    pub fn with(
        rules: TicketRules,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, ConfigError> {
        rules.check()?;
        let table = Table::new(rules.places, rules.per_subject);
        Ok(Self { shared: Arc::new(Shared { rules, table, clock, entropy }) })
    }

    /// A ticket by which this caller, and nobody else, can make one handshake at this path. The path is the handshake's, without a query.
    ///
    /// # Errors
    /// The caller has as many as it may, all places are taken, there is no randomness, or the path is none; see [`TicketErrorKind`].
    pub fn issue(&self, caller: &Principal, path: &str) -> Result<Ticket, TicketError> {
        if !path.starts_with('/') || path.contains(['?', '#']) || path.len() > LONGEST_PATH {
            return Err(TicketError::new(TicketErrorKind::Path));
        }
        let Shared { rules, table, clock, entropy } = &*self.shared;
        let mut secret = [0; table::SECRET];
        entropy.fill(&mut secret).map_err(|_| TicketError::new(TicketErrorKind::NoRandomness))?;
        let now = clock.monotonic();
        let held = Held::new(caller.clone(), path, now.plus(rules.lifetime));
        let given = table.give(held, &secret, now).map_err(TicketError::new);
        if given.as_ref().is_err_and(|error| error.kind() == TicketErrorKind::Full) {
            telemetry::full();
        }
        given.map(Ticket)
    }

    /// Who may make a handshake at this path with this ticket. It is used up, also when it is for another path.
    ///
    /// `None`: it was never given, is used, over or for another path, or the credential of who asked for it has ended.
    #[must_use]
    pub fn redeem(&self, ticket: &str, path: &str) -> Option<Principal> {
        let Shared { table, clock, .. } = &*self.shared;
        let held = table.take(ticket)?;
        let caller = held.open(path, clock.monotonic())?;
        let over = caller.expires_at().is_some_and(|end| end <= clock.now());
        (!over && !caller.end_signal().has_ended()).then_some(caller)
    }

    /// The layer that redeems the tickets of handshakes.
    #[must_use]
    pub fn layer(&self) -> TicketLayer {
        TicketLayer::new(self.clone())
    }

    fn parameter(&self) -> &str {
        &self.shared.rules.parameter
    }
}

/// A ticket. Whoever has it can use it: it belongs into an answer that is not stored, and into no log.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket(Box<str>);

impl Ticket {
    /// The ticket as it goes into the query: 48 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Shows no ticket.
impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(..)")
    }
}
