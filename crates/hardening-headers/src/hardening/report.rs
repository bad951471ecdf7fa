//! What a built edge says about itself.

use std::sync::atomic::Ordering;

use gambeson_core::Mode;

use super::edge::Edge;
use super::layer::HardeningLayer;
use crate::check::{self, Finding, Part, Severity};
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

    /// How often the host check or the cross-site check would have refused a request and did not, as they observe; of all layers of
    /// the same edge.
    #[must_use]
    pub fn observed(&self) -> u64 {
        self.edge().map_or(0, |edge| edge.inner().observed.load(Ordering::Relaxed))
    }

    /// What it was told to do, in a few words for a report; empty for a layer that is off.
    #[must_use]
    pub fn summary(&self) -> String {
        self.edge().map(Edge::summary).unwrap_or_default()
    }

    /// What of it is weaker than it could be, each in a few words with its id and cure: the warnings among
    /// [`findings`](Self::findings).
    #[must_use]
    pub fn weaknesses(&self) -> Vec<String> {
        self.own(Severity::Warning)
    }

    /// What is worth knowing about it: the infos among [`findings`](Self::findings).
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        self.own(Severity::Info)
    }

    fn own(&self, severity: Severity) -> Vec<String> {
        let of_this =
            |finding: &&Finding| finding.rule().part == Part::Edge && finding.severity() == severity;
        self.findings().iter().filter(of_this).map(ToString::to_string).collect()
    }

    /// What is weak and not silenced, as [`Edge::findings`] says it; nothing for a layer that is off.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        self.edge().map(Edge::findings).unwrap_or_default()
    }

    /// Whether findings under this id are silenced.
    #[must_use]
    pub fn is_silenced(&self, id: &str) -> bool {
        let silenced = |edge: &Edge| check::rule(id).is_some_and(|rule| edge.inner().silences.holds(rule));
        self.edge().is_some_and(silenced)
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
}
