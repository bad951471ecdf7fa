//! Which headers answers get, in words.

use gambeson_core::ConfigProblems;

use super::hsts::Hsts;
use super::permissions::PermissionsPolicy;
use super::rollout::Rollout;
use super::values::{EmbedderPolicy, FrameOptions, OpenerPolicy, ReferrerPolicy, ResourcePolicy};
use crate::check::HH010;
use crate::csp::{Csp, Directive, Source};

/// The headers of one kind of answers; a preset's, or a named variant of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderSet {
    /// Of documents.
    pub(super) csp: Csp,
    /// Of everything else but scripts.
    pub(super) other_csp: Csp,
    pub(super) hsts: Option<Hsts>,
    pub(super) referrer: ReferrerPolicy,
    pub(super) permissions: PermissionsPolicy,
    pub(super) opener: Option<OpenerPolicy>,
    pub(super) embedder: Option<EmbedderPolicy>,
    pub(super) resource: Option<ResourcePolicy>,
    pub(super) frame: Option<FrameOptions>,
    pub(super) attachment: bool,
    pub(super) no_store: bool,
    pub(super) no_store_signed_in: bool,
    pub(super) report_only: Option<Box<(Csp, Rollout)>>,
    /// Names and addresses, each name once.
    pub(super) endpoints: Vec<(Box<str>, Box<str>)>,
}

impl HeaderSet {
    /// For apps with pages.
    pub(crate) fn web() -> Self {
        Self {
            csp: Csp::web(),
            other_csp: Csp::api(),
            hsts: Some(Hsts::days(1)),
            referrer: ReferrerPolicy::StrictOriginWhenCrossOrigin,
            permissions: PermissionsPolicy::none(),
            opener: Some(OpenerPolicy::SameOrigin),
            embedder: None,
            resource: Some(ResourcePolicy::SameOrigin),
            frame: Some(FrameOptions::Deny),
            attachment: false,
            no_store: false,
            no_store_signed_in: true,
            report_only: None,
            endpoints: Vec::new(),
        }
    }

    /// For apps without.
    pub(crate) fn api() -> Self {
        Self { csp: Csp::api(), referrer: ReferrerPolicy::NoReferrer, no_store: true, ..Self::web() }
    }

    /// Makes documents `crossOriginIsolated`: nobody else holds their window, and what they embed from elsewhere must allow it.
    /// The browser then gives them `SharedArrayBuffer` and precise clocks.
    #[must_use]
    pub fn isolated(self) -> Self {
        self.opener_policy(OpenerPolicy::SameOrigin)
            .embedder_policy(EmbedderPolicy::RequireCorp)
            .resource_policy(ResourcePolicy::SameOrigin)
    }

    /// For files that somebody uploaded: every answer is in a sandbox ([`Csp::downloads`]) and an
    /// [`attachment`](Self::attachment).
    #[must_use]
    pub fn downloads(self) -> Self {
        Self { csp: Csp::downloads(), other_csp: Csp::downloads(), ..self }.attachment(true)
    }

    /// The strictest of all: [`downloads`](Self::downloads) that nobody else embeds, opens or frames, and that nobody keeps.
    pub(super) fn locked(self) -> Self {
        self.downloads().isolated().frame_options(FrameOptions::Deny).no_store(true)
    }

    /// The policy of documents. Scripts get what follows from it for workers, everything else [`Csp::api`].
    #[must_use]
    pub fn csp(self, csp: Csp) -> Self {
        Self { csp, ..self }
    }

    /// Strict transport; `None` leaves it out.
    #[must_use]
    pub fn hsts(self, hsts: impl Into<Option<Hsts>>) -> Self {
        Self { hsts: hsts.into(), ..self }
    }

    /// What of the address other sites see.
    #[must_use]
    pub fn referrer_policy(self, referrer: ReferrerPolicy) -> Self {
        Self { referrer, ..self }
    }

    /// Which powerful features documents may use.
    #[must_use]
    pub fn permissions_policy(self, permissions: PermissionsPolicy) -> Self {
        Self { permissions, ..self }
    }

    /// Which powerful features documents may use as it is.
    #[must_use]
    pub const fn permissions(&self) -> &PermissionsPolicy {
        &self.permissions
    }

    /// Who may hold a reference to a document's window; `None` leaves it out.
    #[must_use]
    pub fn opener_policy(self, opener: impl Into<Option<OpenerPolicy>>) -> Self {
        Self { opener: opener.into(), ..self }
    }

    /// What documents and workers demand of what they embed; `None` leaves it out.
    #[must_use]
    pub fn embedder_policy(self, embedder: impl Into<Option<EmbedderPolicy>>) -> Self {
        Self { embedder: embedder.into(), ..self }
    }

    /// Whether browsers keep every answer as a file and show none (`Content-Disposition`, RFC 6266 §4.2). The handler's name of
    /// the file stays; its `inline` does not.
    #[must_use]
    pub fn attachment(self, attachment: bool) -> Self {
        Self { attachment, ..self }
    }

    /// Who may embed answers; `None` leaves it out.
    #[must_use]
    pub fn resource_policy(self, resource: impl Into<Option<ResourcePolicy>>) -> Self {
        Self { resource: resource.into(), ..self }
    }

    /// `X-Frame-Options`; `None` leaves it out. Browsers go by the policy's `frame-ancestors`.
    #[must_use]
    pub fn frame_options(self, frame: impl Into<Option<FrameOptions>>) -> Self {
        Self { frame: frame.into(), ..self }
    }

    /// Whether answers without a `Cache-Control` of their own get `no-store`.
    #[must_use]
    pub fn no_store(self, no_store: bool) -> Self {
        Self { no_store, ..self }
    }

    /// Whether answers to who was recognised (an authentication layer verified somebody) get `no-store` when they have
    /// no `Cache-Control` of their own. Yes unless said: after a sign-out the back button then shows nothing private.
    #[must_use]
    pub fn no_store_signed_in(self, no_store_signed_in: bool) -> Self {
        Self { no_store_signed_in, ..self }
    }

    /// Changes the policy of documents.
    #[must_use]
    pub fn edit_csp(self, change: impl FnOnce(Csp) -> Csp) -> Self {
        Self { csp: change(self.csp), ..self }
    }

    /// Forms of documents may lead there too. A policy without `form-action` lets them lead everywhere already.
    pub(crate) fn with_form_targets(self, targets: &[Source]) -> Self {
        let add = |csp: Csp| match csp.sources(Directive::FormAction) {
            Some(_) if !targets.is_empty() => csp.add(Directive::FormAction, targets.iter().cloned()),
            _ => csp,
        };
        self.edit_csp(add).edit_report_only(add)
    }

    /// Whether the policy says `form-action 'none'`.
    pub(crate) fn forms_lead_nowhere(&self) -> bool {
        self.csp.sources(Directive::FormAction).is_some_and(<[Source]>::is_empty)
    }

    /// Notes what is wrong.
    pub(crate) fn look_through(&self, problems: &mut ConfigProblems) {
        if let Some((hsts, cure)) = self.hsts.and_then(|hsts| Some((hsts, hsts.problem()?))) {
            let value = hsts.value();
            let text = value.as_ref().and_then(|value| value.to_str().ok());
            problems.add("hardening-headers.hsts", text.unwrap_or_default(), HH010.says(cure));
        }
        self.look_through_reports(problems);
    }

    /// The policy of documents.
    pub(crate) fn policy(&self) -> &Csp {
        &self.csp
    }

    /// Strict transport, if it is promised.
    pub(crate) fn strict_transport(&self) -> Option<Hsts> {
        self.hsts
    }

    /// What of the address other sites see.
    pub(crate) fn referrer(&self) -> ReferrerPolicy {
        self.referrer
    }

    /// Whether documents share their window with who opened them.
    pub(crate) fn opens_to_openers(&self) -> bool {
        self.opener.is_none()
    }

    /// Whether documents embed only what says who may embed it, and answers don't say that.
    pub(crate) fn embeds_not_itself(&self) -> bool {
        self.embedder.is_some() && self.resource.is_none()
    }

    /// Whether every page may embed answers.
    pub(crate) fn is_embeddable(&self) -> bool {
        matches!(self.resource, None | Some(ResourcePolicy::CrossOrigin))
    }

    /// Whether no feature is switched off for documents.
    pub(crate) fn leaves_features_on(&self) -> bool {
        self.permissions.value().is_none_or(|value| !value.as_bytes().windows(2).any(|pair| pair == b"()"))
    }
}
