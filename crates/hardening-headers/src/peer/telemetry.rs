//! What the peer layer logs.

use std::sync::atomic::{AtomicBool, Ordering};

use gambeson_core::{PeerInfo, Timestamp};

use super::proxies::TrustedProxies;
use crate::check::{HH126, HH127, Silences};
use crate::own_network::is_own;

/// Says once each what would otherwise be said per request.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    from_inside: AtomicBool,
    from_outside: AtomicBool,
    no_address: AtomicBool,
    certificate: AtomicBool,
}

impl Warnings {
    /// Says nothing of what is silenced.
    pub(super) fn leave(&self, silences: &Silences) {
        let undeclared = silences.holds(HH126);
        self.from_inside.fetch_or(undeclared, Ordering::Relaxed);
        self.from_outside.fetch_or(undeclared, Ordering::Relaxed);
        self.no_address.fetch_or(silences.holds(HH127), Ordering::Relaxed);
    }

    /// Forwarding fields came from a neighbour that is no declared proxy.
    pub(super) fn undeclared(&self, peer: &PeerInfo) {
        let Some(neighbour) = peer.neighbour else {
            return;
        };
        // Two flags: a stranger who sends such a field must not use up the warning about a real proxy.
        let flag = match is_own(neighbour) {
            true => &self.from_inside,
            false => &self.from_outside,
        };
        if !flag.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                id = HH126.id(),
                %neighbour,
                "forwarding headers from a neighbour that is not a declared proxy are ignored; if it is your proxy, \
                 declare it: TrustedProxies::ranges([\"{neighbour}\"]) or hardening-headers.proxies.ranges = [\"{neighbour}\"]"
            );
        }
    }

    /// A declared proxy's word about a certificate is none.
    pub(super) fn certificate(&self, peer: &PeerInfo) {
        if !self.certificate.swap(true, Ordering::Relaxed) {
            let neighbour = peer.neighbour.map(tracing::field::display);
            tracing::warn!(
                neighbour,
                "x-forwarded-client-cert can't be read and counts as none: it has to be one element as Envoy writes it (SANITIZE_SET), with \
                 the keys By, Hash, Cert, Chain, Subject, URI and DNS; without Cert only with client-certificate-names"
            );
        }
    }

    /// The server does not tell who is connected.
    pub(super) fn no_address(&self) {
        if !self.no_address.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                id = HH127.id(),
                "requests carry no neighbour address: serve with gambeson_hardening_headers::serve, or with axum's \
                 into_make_service_with_connect_info::<SocketAddr>() and the feature `axum`"
            );
        }
    }
}

/// What is refused or weak about the declared proxies, when a layer is made of them.
pub(super) fn weak(proxies: &TrustedProxies, now: Timestamp) {
    if let Err(error) = proxies.check() {
        for problem in error.problems() {
            tracing::error!(field = %problem.field, "trusted proxies: not believed: {}", problem.cure);
        }
    }
    for finding in proxies.findings(now) {
        tracing::warn!(
            id = finding.id(),
            field = finding.field(),
            value = finding.value(),
            "trusted proxies: {}; {}",
            finding.rule().what(),
            finding.rule().cure()
        );
    }
}
