//! What the hardening layer logs.

use std::sync::atomic::{AtomicBool, Ordering};

use gambeson_core::{Rejection, RequestFacts, RequestId, escape_controls};
use http::StatusCode;

use super::error_body::Beginning;
use crate::headers::Oddities;
use crate::panic::Panicked;

/// Says once each what would otherwise be said per answer.
#[derive(Debug, Default)]
pub(super) struct Once {
    two_policies: AtomicBool,
    nonce_unused: AtomicBool,
    nonce_shared: AtomicBool,
    override_unused: AtomicBool,
    framable: AtomicBool,
    unknown_variant: AtomicBool,
    cross_site: AtomicBool,
    preflight: AtomicBool,
}

/// What was refused because of where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    CrossSite,
    Preflight,
}

impl Once {
    /// Whether this is the first such refusal, which is worth a louder line.
    pub(super) fn is_first(&self, what: Refusal) -> bool {
        let flag = match what {
            Refusal::CrossSite => &self.cross_site,
            Refusal::Preflight => &self.preflight,
        };
        !flag.swap(true, Ordering::Relaxed)
    }

    /// Most answers have nothing odd about them, and pay for the look only.
    #[inline]
    pub(super) fn say(&self, oddities: Oddities) {
        if oddities != Oddities::default() {
            self.say_each(oddities);
        }
    }

    fn say_each(&self, oddities: Oddities) {
        let first = |odd: bool, flag: &AtomicBool| odd && !flag.swap(true, Ordering::Relaxed);
        if first(oddities.two_policies, &self.two_policies) {
            tracing::warn!(
                "an answer has two content security policies: browsers enforce only what both allow"
            );
        }
        if first(oddities.nonce_unused, &self.nonce_unused) {
            tracing::warn!(
                "a handler took the nonce and set a policy of its own, which does not name the nonce"
            );
        }
        if first(oddities.nonce_shared, &self.nonce_shared) {
            tracing::warn!(
                "an answer with a nonce was meant for shared caches, whose readers would all know it: it is sent as private"
            );
        }
        if first(oddities.override_unused, &self.override_unused) {
            tracing::warn!(
                "an answer asks for frame ancestors and has a policy of its own, which is sent as it is: name them there"
            );
        }
        if first(oddities.framable, &self.framable) {
            tracing::warn!(
                "an answer's own policy names no frame-ancestors and nothing else does: every page can frame it"
            );
        }
        if first(oddities.unknown_variant, &self.unknown_variant) {
            tracing::warn!("an answer asks for a header variant that Hardening::named did not make");
        }
    }
}

fn id(facts: &RequestFacts) -> &str {
    facts.request_id().map_or("", RequestId::as_str)
}

pub(super) fn panicked(facts: &RequestFacts, panic: &Panicked) {
    tracing::error!(request_id = id(facts), panic = %escape_controls(panic.message()), "the app panicked");
}

pub(super) fn scrubbed(facts: &RequestFacts, status: StatusCode, body: &Beginning) {
    tracing::error!(
        request_id = id(facts),
        status = status.as_u16(),
        body = %escape_controls(&body.text),
        read = body.note.as_str(),
        "server error; its body was not sent"
    );
}

pub(super) fn host_refused(refusal: &Rejection, host: Option<&str>, enforced: bool) {
    let host = host.unwrap_or_default();
    if enforced {
        tracing::debug!(slug = refusal.slug(), host, "refused: host");
    } else {
        tracing::warn!(slug = refusal.slug(), host, "would be refused when the host check enforces");
    }
}

/// Loud for the first, and for a developer; strangers can send as many as they like.
pub(super) fn site_refused(what: Refusal, facts: &RequestFacts, why: &str, enforced: bool, loud: bool) {
    let slug = match what {
        Refusal::CrossSite => "cross-site",
        Refusal::Preflight => "cors-preflight",
    };
    let request_id = id(facts);
    match (enforced, loud) {
        (false, _) => {
            tracing::warn!(slug, request_id, why, "would be refused when the cross-site check enforces");
        }
        (true, true) => tracing::warn!(slug, request_id, why, "refused: another site's request"),
        (true, false) => tracing::debug!(slug, request_id, why, "refused: another site's request"),
    }
}
