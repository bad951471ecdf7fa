//! A whole policy.

use std::fmt;

use super::directive::Directive;
use super::report::ReportTargets;
use super::sandbox::SandboxAllow;
use super::source::Source;
use super::trusted_types::TrustedTypes;

/// A Content Security Policy, made of checked parts only.
///
/// Directives keep their order; setting one again replaces its list. An empty list is `'none'`. The text can be read
/// back: `Csp::parse(&policy.to_string())` is the same policy.
///
/// ```
/// use gambeson_hardening_headers::{Csp, Source};
///
/// let policy = Csp::strict().img_src([Source::SELF, Source::origin("https://cdn.example.com")?]);
/// assert!(policy.to_string().contains("img-src 'self' https://cdn.example.com"));
/// assert_eq!(Csp::parse(&policy.to_string())?, policy);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Csp {
    pub(super) lists: Vec<(Directive, Vec<Source>)>,
    pub(super) trusted_types: bool,
    pub(super) trusted_types_policies: Option<TrustedTypes>,
    pub(super) sandbox: Option<Vec<SandboxAllow>>,
    pub(super) upgrade: bool,
    pub(super) reports: ReportTargets,
}

impl Csp {
    /// A policy that says nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Sets a directive's sources; none at all is `'none'`.
    #[must_use]
    pub fn set(mut self, directive: Directive, sources: impl IntoIterator<Item = Source>) -> Self {
        let sources = unique(sources);
        match self.lists.iter_mut().find(|(known, _)| *known == directive) {
            Some((_, list)) => *list = sources,
            None => self.lists.push((directive, sources)),
        }
        self
    }

    /// Adds sources to what a directive allows already; one that is not there starts from what stands for it, such as
    /// `script-src` for `script-src-elem`, and `default-src` last (CSP 3 §6.8.3).
    #[must_use]
    pub fn add(self, directive: Directive, sources: impl IntoIterator<Item = Source>) -> Self {
        let sources: Vec<Source> = sources.into_iter().collect();
        // For workers `child-src` stands before `script-src`: a new one must not take from them what they have.
        let workers = match directive {
            Directive::ChildSrc if self.sources(directive).is_none() => self.effective(Directive::WorkerSrc),
            _ => None,
        };
        let known = self.effective(directive).unwrap_or_default().to_vec();
        let policy = match workers.map(<[Source]>::to_vec) {
            Some(workers) => self.set(Directive::WorkerSrc, workers.into_iter().chain(sources.clone())),
            None => self,
        };
        policy.set(directive, known.into_iter().chain(sources))
    }

    /// What a directive allows, itself or by what stands for it (CSP 3 §6.8.3); `None` when it limits nothing.
    #[must_use]
    pub fn effective(&self, directive: Directive) -> Option<&[Source]> {
        let fallbacks = directive.fallbacks().iter();
        std::iter::once(&directive).chain(fallbacks).find_map(|directive| self.sources(*directive))
    }

    /// Sets `form-action`: where forms may lead, redirects included.
    #[must_use]
    pub fn form_action(self, sources: impl IntoIterator<Item = Source>) -> Self {
        self.set(Directive::FormAction, sources)
    }

    /// Sets `script-src`.
    #[must_use]
    pub fn script_src(self, sources: impl IntoIterator<Item = Source>) -> Self {
        self.set(Directive::ScriptSrc, sources)
    }

    /// Sets `style-src`.
    #[must_use]
    pub fn style_src(self, sources: impl IntoIterator<Item = Source>) -> Self {
        self.set(Directive::StyleSrc, sources)
    }

    /// Sets `img-src`.
    #[must_use]
    pub fn img_src(self, sources: impl IntoIterator<Item = Source>) -> Self {
        self.set(Directive::ImgSrc, sources)
    }

    /// Sets `connect-src`.
    #[must_use]
    pub fn connect_src(self, sources: impl IntoIterator<Item = Source>) -> Self {
        self.set(Directive::ConnectSrc, sources)
    }

    /// Sets `frame-ancestors`: who may frame the page.
    #[must_use]
    pub fn frame_ancestors(self, sources: impl IntoIterator<Item = Source>) -> Self {
        self.set(Directive::FrameAncestors, sources)
    }

    /// Strings may reach the DOM's script sinks only through a trusted-types policy.
    #[must_use]
    pub fn require_trusted_types(self) -> Self {
        Self { trusted_types: true, ..self }
    }

    /// Which trusted-types policies scripts may make; any unless said.
    #[must_use]
    pub fn trusted_types(self, policies: TrustedTypes) -> Self {
        Self { trusted_types_policies: Some(policies), ..self }
    }

    /// Treats the document as a stranger's: no origin of its own, no scripts, no forms, but for what is allowed here.
    #[must_use]
    pub fn sandbox(self, allowed: impl IntoIterator<Item = SandboxAllow>) -> Self {
        Self { sandbox: Some(unique(allowed)), ..self }
    }

    /// Loads over https what the page names over http; only ever sent over https.
    #[must_use]
    pub fn upgrade_insecure_requests(self) -> Self {
        Self { upgrade: true, ..self }
    }

    /// The sources of a directive, if it is there.
    #[must_use]
    pub fn sources(&self, directive: Directive) -> Option<&[Source]> {
        self.lists.iter().find_map(|(known, sources)| (*known == directive).then_some(sources.as_slice()))
    }

    /// Each directive that lists sources, in the policy's order; an empty list is `'none'`.
    pub fn directives(&self) -> impl Iterator<Item = (Directive, &[Source])> {
        self.lists.iter().map(|(directive, sources)| (*directive, sources.as_slice()))
    }

    /// Whether it says [`require_trusted_types`](Self::require_trusted_types).
    #[must_use]
    pub const fn requires_trusted_types(&self) -> bool {
        self.trusted_types
    }

    /// The trusted-types policies that scripts may make; `None` when every one.
    #[must_use]
    pub const fn trusted_types_policies(&self) -> Option<&TrustedTypes> {
        self.trusted_types_policies.as_ref()
    }

    /// What a document may do in its sandbox; `None` when it is in none.
    #[must_use]
    pub fn sandboxed(&self) -> Option<&[SandboxAllow]> {
        self.sandbox.as_deref()
    }

    /// Whether it says [`upgrade_insecure_requests`](Self::upgrade_insecure_requests).
    #[must_use]
    pub const fn upgrades_insecure_requests(&self) -> bool {
        self.upgrade
    }

    /// Whether a nonce has a place in it.
    #[must_use]
    pub fn has_nonce(&self) -> bool {
        self.lists.iter().any(|(_, sources)| sources.iter().any(Source::is_nonce))
    }

    /// Whether it says nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is sent when no nonce was taken: its place left out, and lists that then allow nothing written `'none'`.
    ///
    /// `'unsafe-inline'` beside a nonce is for old browsers, others ignore it there (CSP 3 §8.4); alone it would count.
    pub(crate) fn without_nonce(&self) -> Self {
        let mut policy = self.clone();
        for (_, sources) in &mut policy.lists {
            if sources.iter().any(Source::is_nonce) {
                let inline = Source::dangerously_unsafe_inline();
                sources.retain(|source| !source.is_nonce() && *source != inline);
                if sources.iter().all(|source| *source == Source::STRICT_DYNAMIC) {
                    sources.clear();
                }
            }
        }
        policy
    }

    /// The same without what counts in an enforced policy only: `sandbox` and `upgrade-insecure-requests`.
    pub(crate) fn for_reports_only(&self) -> Self {
        Self { upgrade: false, sandbox: None, ..self.clone() }
    }

    /// What is sent over this scheme: over http without `upgrade-insecure-requests` and `report-to`.
    pub(crate) fn for_scheme(&self, https: bool) -> Self {
        let mut policy = Self { upgrade: self.upgrade && https, ..self.clone() };
        policy.reports.to = policy.reports.to.filter(|_| https);
        policy
    }
}

fn unique<T: PartialEq>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut list = Vec::new();
    for item in items {
        if !list.contains(&item) {
            list.push(item);
        }
    }
    list
}

/// The policy's text, with `'nonce-{nonce}'` where the nonce goes.
impl fmt::Display for Csp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut divider = "";
        for (directive, sources) in &self.lists {
            write!(f, "{divider}{}", directive.as_str())?;
            if sources.is_empty() {
                f.write_str(" 'none'")?;
            }
            for source in sources {
                write!(f, " {source}")?;
            }
            divider = "; ";
        }
        if self.trusted_types {
            write!(f, "{divider}require-trusted-types-for 'script'")?;
            divider = "; ";
        }
        if let Some(policies) = &self.trusted_types_policies {
            write!(f, "{divider}{policies}")?;
            divider = "; ";
        }
        if let Some(allowed) = &self.sandbox {
            write!(f, "{divider}sandbox")?;
            for allowed in allowed {
                write!(f, " {}", allowed.as_str())?;
            }
            divider = "; ";
        }
        if self.upgrade {
            write!(f, "{divider}upgrade-insecure-requests")?;
            divider = "; ";
        }
        if let Some(uri) = &self.reports.uri {
            write!(f, "{divider}report-uri {uri}")?;
            divider = "; ";
        }
        if let Some(endpoint) = &self.reports.to {
            write!(f, "{divider}report-to {endpoint}")?;
        }
        Ok(())
    }
}
