//! What is decided about a request before the app sees it.

use std::sync::atomic::Ordering;

use gambeson_core::{Mode, Rejection, RejectionClass, RequestFacts, RequestHead, escape_controls};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, StatusCode};

use super::edge::Edge;
use super::telemetry::{self, Refusal};
use crate::PACKAGE;
use crate::cors::Grant;
use crate::csrf::asks_for_more;
use crate::hosts::HostVerdict;

/// What the request claims for a host, fit for a log: without controls, and cut.
#[cold]
fn claimed(head: &RequestHead<'_>, host: Option<&str>) -> String {
    const LONGEST: usize = 200;
    let authority = head.uri.authority().map(|authority| authority.as_str().as_bytes());
    let fields = head.headers.get_all(header::HOST).iter().map(HeaderValue::as_bytes);
    let all: Vec<&[u8]> = match host {
        Some(host) => vec![host.as_bytes()],
        None => authority.into_iter().chain(fields).take(4).collect(),
    };
    let text = all.join(b", ".as_slice());
    let short = text.get(..text.len().min(LONGEST)).unwrap_or_default();
    escape_controls(&String::from_utf8_lossy(short)).into_owned()
}

/// An answer without the app.
pub(super) enum Early {
    /// A refusal.
    Refuse(Rejection),
    /// The way to the same path under the name that people see.
    Redirect(HeaderValue),
    /// A granted preflight.
    Preflight(Box<HeaderMap>),
}

impl Edge {
    /// What the request's origin may read of the answer.
    pub(super) fn grant(&self, head: &RequestHead<'_>) -> Grant {
        self.inner().cors.as_ref().map_or(Grant::Nothing, |cors| cors.grant(head.headers))
    }

    /// Whether the request goes on to the app.
    ///
    /// # Errors
    /// What is answered in place of it.
    pub(super) fn admit(
        &self,
        head: &RequestHead<'_>,
        facts: &RequestFacts,
        grant: Grant,
    ) -> Result<(), Early> {
        self.own_host(head, facts)?;
        self.preflight(head, facts, grant)?;
        self.own_site(head, facts)
    }

    fn own_host(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Result<(), Early> {
        let host = facts.peer().and_then(|peer| peer.host.as_deref());
        let refusal = match self.inner().hosts.verdict(head, host) {
            HostVerdict::Ours => return Ok(()),
            HostVerdict::Alias => match self.canonical_location(head) {
                Some(location) => return Err(Early::Redirect(location)),
                None => self.misdirected(),
            },
            HostVerdict::Foreign => self.misdirected(),
            HostVerdict::Invalid => {
                Rejection::new(PACKAGE, RejectionClass::Limit, "bad-host", StatusCode::BAD_REQUEST)
                    .detail("the request must name exactly one valid host")
            }
        };
        let enforced = self.carries_out(self.inner().host_mode);
        let first =
            refusal.status() == StatusCode::MISDIRECTED_REQUEST && self.inner().once.is_first(Refusal::Host);
        let loud = first || !enforced || !self.inner().profile.is_production();
        telemetry::host_refused(&refusal, facts, &claimed(head, host), enforced, loud);
        if enforced { Err(Early::Refuse(refusal)) } else { Ok(()) }
    }

    fn misdirected(&self) -> Rejection {
        let status = StatusCode::MISDIRECTED_REQUEST;
        let refusal = Rejection::new(PACKAGE, RejectionClass::Limit, "misdirected-host", status);
        match self.inner().profile.is_production() {
            true => refusal.detail("this app does not answer for that host"),
            false => refusal.detail(
                "this app does not answer for that host; if it should, add it to hardening-headers.hosts",
            ),
        }
    }

    /// The same path and query under the origin that people see; `None` for what may change something.
    fn canonical_location(&self, head: &RequestHead<'_>) -> Option<HeaderValue> {
        let origin = self.inner().canonical.as_ref()?;
        if !matches!(*head.method, Method::GET | Method::HEAD) || asks_for_more(head.headers) {
            return None;
        }
        let path = head.uri.path_and_query()?.as_str();
        // The origin stands before it, so that "//evil.example" stays a path.
        let path = path.starts_with('/').then_some(path)?;
        HeaderValue::try_from(format!("{}{path}", origin.text())).ok()
    }

    fn preflight(&self, head: &RequestHead<'_>, facts: &RequestFacts, grant: Grant) -> Result<(), Early> {
        let Some(cors) = &self.inner().cors else { return Ok(()) };
        match cors.preflight(head, grant) {
            None => Ok(()),
            Some(Ok(answer)) => Err(Early::Preflight(Box::new(answer))),
            Some(Err(refused)) => {
                let explained = refused.explained(head);
                self.say(Refusal::Preflight, facts, &explained, true);
                Err(Early::Refuse(refused.rejection(explained, self.inner().profile)))
            }
        }
    }

    fn own_site(&self, head: &RequestHead<'_>, facts: &RequestFacts) -> Result<(), Early> {
        let csrf = &self.inner().csrf;
        let Err(cross_site) = csrf.look(head, facts) else { return Ok(()) };
        let enforced = self.carries_out(csrf.mode);
        self.say(Refusal::CrossSite, facts, &cross_site.to_string(), enforced);
        match enforced {
            true => Err(Early::Refuse(cross_site.rejection(self.inner().profile))),
            false => Ok(()),
        }
    }

    fn say(&self, what: Refusal, facts: &RequestFacts, why: &str, enforced: bool) {
        let inner = self.inner();
        let loud = inner.once.is_first(what) || !inner.profile.is_production() || !enforced;
        telemetry::site_refused(what, facts, escape_controls(why).as_ref(), enforced, loud);
    }

    /// Whether a refusal is carried out; else it is counted.
    fn carries_out(&self, mode: Mode) -> bool {
        let enforced = match mode {
            Mode::Enforce => true,
            mode => mode.enforces(self.inner().clock.now()),
        };
        if !enforced {
            self.inner().observed.fetch_add(1, Ordering::Relaxed);
        }
        enforced
    }
}
