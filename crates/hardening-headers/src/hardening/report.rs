//! What a built edge says about itself.

use gambeson_core::Mode;

use super::edge::Edge;
use super::layer::HardeningLayer;
use crate::cors::CorsPolicy;

impl<R> HardeningLayer<R> {
    /// Whether the layer was switched off.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.edge().is_none()
    }

    /// Enforce, or observe until when: of the host check and the cross-site check the one that observes longer. Enforce
    /// for a layer that is off.
    #[must_use]
    pub fn current_mode(&self) -> Mode {
        self.edge().map_or(Mode::Enforce, Edge::mode)
    }

    /// What it was told to do, in a few words for a report; empty for a layer that is off.
    #[must_use]
    pub fn summary(&self) -> String {
        self.edge().map(Edge::summary).unwrap_or_default()
    }

    /// What of it is weaker than it could be, each in a few words.
    #[must_use]
    pub fn weaknesses(&self) -> Vec<String> {
        self.edge().map(Edge::weaknesses).unwrap_or_default()
    }
}

impl Edge {
    fn mode(&self) -> Mode {
        match (self.inner().host_mode, self.inner().csrf.mode) {
            (Mode::Observe { until: host }, Mode::Observe { until: site }) => {
                Mode::Observe { until: host.max(site) }
            }
            (Mode::Enforce, mode) | (mode, _) => mode,
        }
    }

    fn summary(&self) -> String {
        let inner = self.inner();
        let hosts = match inner.hosts.is_empty() {
            true => "any host".to_owned(),
            false => format!("hosts {}", inner.hosts.names().collect::<Vec<_>>().join(" ")),
        };
        let csrf = if inner.csrf.off { "no cross-site check" } else { "cross-site check" };
        let cors = inner.cors.as_ref().map_or(0, CorsPolicy::listed);
        let cors = if cors == 0 { String::new() } else { format!(", {cors} CORS origins") };
        let nonce = if inner.variants.has_nonce() { ", nonce CSP" } else { "" };
        format!("{hosts}, {csrf}{cors}{nonce}")
    }

    fn weaknesses(&self) -> Vec<String> {
        let inner = self.inner();
        let found = [
            (inner.hosts.is_empty(), "every host name is answered: set hardening-headers.public-origin"),
            (
                inner.csrf.off,
                "pages of every site can act in their visitors' names: the cross-site check is off",
            ),
            (
                inner.cookies.is_none(),
                "cookies go out as the app writes them: hardening-headers.cookies is off",
            ),
            (!inner.scrub_5xx, "bodies of 5xx answers reach clients as they are"),
        ];
        found.into_iter().filter(|(weak, _)| *weak).map(|(_, what)| what.to_owned()).collect()
    }
}
