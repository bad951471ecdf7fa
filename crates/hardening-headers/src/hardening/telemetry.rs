//! What the hardening layer logs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use gambeson_core::{MatchedRoute, Rejection, RequestFacts, RequestId, escape_controls};
use http::StatusCode;

use super::error_body::Beginning;
use crate::check::{HH120, HH121, HH122, HH123, HH124, HH125, Rule, Silences};
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
    unknown_variants: UnknownVariants,
    host: AtomicBool,
    cross_site: AtomicBool,
    preflight: AtomicBool,
}

/// What was refused because of where it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Host,
    CrossSite,
    Preflight,
}

impl Once {
    /// Nothing of what is silenced.
    pub(super) fn without(silences: &Silences) -> Self {
        let said = |rule| AtomicBool::new(silences.holds(rule));
        Self {
            two_policies: said(HH120),
            nonce_unused: said(HH121),
            nonce_shared: said(HH122),
            override_unused: said(HH123),
            framable: said(HH124),
            unknown_variants: UnknownVariants { silenced: silences.holds(HH125), ..Default::default() },
            ..Self::default()
        }
    }

    /// Whether this is the first such refusal, which is worth a louder line.
    pub(super) fn is_first(&self, what: Refusal) -> bool {
        let flag = match what {
            Refusal::Host => &self.host,
            Refusal::CrossSite => &self.cross_site,
            Refusal::Preflight => &self.preflight,
        };
        !flag.swap(true, Ordering::Relaxed)
    }

    /// Most answers have nothing odd about them, and pay for the look only.
    #[inline]
    pub(super) fn say(&self, oddities: &Oddities, facts: &RequestFacts) {
        if oddities.are_any() {
            self.say_each(oddities, facts);
        }
    }

    fn say_each(&self, oddities: &Oddities, facts: &RequestFacts) {
        say_once(oddities.two_policies, &self.two_policies, HH120);
        say_once(oddities.nonce_unused, &self.nonce_unused, HH121);
        say_once(oddities.nonce_shared, &self.nonce_shared, HH122);
        say_once(oddities.override_unused, &self.override_unused, HH123);
        say_once(oddities.framable, &self.framable, HH124);
        if let Some(name) = &oddities.unknown_variant {
            self.unknown_variants.say(name, facts);
        }
    }
}

/// The names of variants that answers asked for and nobody made, each said once. An app may take a name from a request, so that
/// only so many are kept, and no more are said.
#[derive(Debug, Default)]
struct UnknownVariants {
    silenced: bool,
    names: Mutex<Vec<Box<str>>>,
}

impl UnknownVariants {
    const MOST: usize = 16;
    const LONGEST: usize = 64;

    fn say(&self, name: &str, facts: &RequestFacts) {
        let variant: Box<str> = name.chars().take(Self::LONGEST).collect::<String>().into();
        if self.silenced || !self.is_new(&variant) {
            return;
        }
        let (request_id, route) = (id(facts), facts.route().map_or("", MatchedRoute::as_str));
        let variant = escape_controls(&variant);
        tracing::warn!(
            id = HH125.id(), %variant, route, request_id, "{HH125}: {}; {}", HH125.what(), HH125.cure()
        );
    }

    fn is_new(&self, variant: &str) -> bool {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let new = names.len() < Self::MOST && !names.iter().any(|known| **known == *variant);
        if new {
            names.push(variant.into());
        }
        new
    }
}

fn say_once(odd: bool, said: &AtomicBool, rule: &Rule) {
    if odd && !said.swap(true, Ordering::Relaxed) {
        tracing::warn!(id = rule.id(), "{rule}: {}; {}", rule.what(), rule.cure());
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

/// Loud for the first misdirected one: a host of the app's own may be missing in the list.
pub(super) fn host_refused(
    refusal: &Rejection,
    facts: &RequestFacts,
    host: &str,
    enforced: bool,
    loud: bool,
) {
    let (slug, request_id) = (refusal.slug(), id(facts));
    match (enforced, loud) {
        (false, _) => {
            tracing::warn!(slug, request_id, host, "would be refused when the host check enforces");
        }
        (true, true) => tracing::warn!(slug, request_id, host, "{HOST_REFUSED}"),
        (true, false) => tracing::debug!(slug, request_id, host, "{HOST_REFUSED}"),
    }
}

const HOST_REFUSED: &str =
    "refused: host; one that is yours belongs into hardening-headers.hosts (Hardening::hosts)";

/// Loud for the first, and for a developer; strangers can send as many as they like.
pub(super) fn site_refused(what: Refusal, facts: &RequestFacts, why: &str, enforced: bool, loud: bool) {
    let slug = match what {
        Refusal::Host => "misdirected-host",
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
