//! All layers as one, in their right order.

use gambeson_audit_trail::AuditLayer;
use gambeson_core::{ConfigError, ConfigProblems, Profile};
use gambeson_cost_guard::{CostLayer, QuotaLayer};
use gambeson_hardening_headers::{EdgeLimitLayer, HardeningLayer, LimitsLayer, PeerLayer};
use gambeson_oidc_auth::{AuthLayer, CertificateLayer, LoginLayer};
use gambeson_otel_setup::TelemetryLayer;
use gambeson_rbac::AuthorizeLayer;
use tower_layer::Layer;

type Charged<S> = <CostLayer as Layer<S>>::Service;
type Authorized<S> = <AuthorizeLayer as Layer<Charged<S>>>::Service;
type Counted<S> = <QuotaLayer as Layer<Authorized<S>>>::Service;
type Authenticated<S> = <AuthLayer as Layer<Counted<S>>>::Service;
type Certified<S> = <CertificateLayer as Layer<Authenticated<S>>>::Service;
type LoggedIn<S> = <LoginLayer as Layer<Certified<S>>>::Service;
type EdgeLimited<S> = <EdgeLimitLayer as Layer<LoggedIn<S>>>::Service;
type Limited<S> = <LimitsLayer as Layer<EdgeLimited<S>>>::Service;
type Told<S> = <AuditLayer as Layer<Limited<S>>>::Service;
type Hardened<S> = <HardeningLayer as Layer<Told<S>>>::Service;
type Telemetered<S> = <TelemetryLayer as Layer<Hardened<S>>>::Service;

/// The service that [`Stack`] makes: the layers from the outermost to the innermost.
pub type Stacked<S> = <PeerLayer as Layer<Telemetered<S>>>::Service;

/// One layer that is all layers, in the order of the [crate page](crate#the-order).
///
/// A layer that was not given stays in place in its `off()` state, so that the type is always the same.
///
/// # What it stops
///
/// A stack in the wrong order, and in production a stack in which a layer was forgotten: [`StackBuilder::build`] lists
/// them. It does **not** look into the layers it is given (each refuses its own shortcuts when it is built), nor stop a
/// route that is added to a router after the stack was applied.
///
/// # Errors
///
/// The stack itself refuses nothing: each layer's page lists its refusals.
#[derive(Debug, Clone)]
pub struct Stack {
    pub(crate) profile: Profile,
    pub(crate) peer: PeerLayer,
    pub(crate) telemetry: TelemetryLayer,
    pub(crate) hardening: HardeningLayer,
    pub(crate) outcomes: AuditLayer,
    pub(crate) limits: LimitsLayer,
    pub(crate) edge_limit: EdgeLimitLayer,
    pub(crate) login: LoginLayer,
    pub(crate) certificates: CertificateLayer,
    pub(crate) authentication: AuthLayer,
    pub(crate) quota: QuotaLayer,
    pub(crate) authorization: AuthorizeLayer,
    pub(crate) cost: CostLayer,
}

impl Stack {
    /// A stack behind the proxies that `peer` declares; [`none`](gambeson_hardening_headers::TrustedProxies::none) is
    /// a declaration.
    pub fn builder(peer: PeerLayer) -> StackBuilder {
        StackBuilder {
            peer,
            telemetry: None,
            hardening: None,
            outcomes: None,
            limits: None,
            edge_limit: None,
            login: None,
            certificates: None,
            authentication: None,
            quota: None,
            authorization: None,
            cost: None,
        }
    }
}

impl<S> Layer<S> for Stack {
    type Service = Stacked<S>;

    fn layer(&self, app: S) -> Stacked<S> {
        let app = self.cost.layer(app);
        let app = self.authorization.layer(app);
        let app = self.quota.layer(app);
        let app = self.authentication.layer(app);
        let app = self.certificates.layer(app);
        let app = self.login.layer(app);
        let app = self.edge_limit.layer(app);
        let app = self.limits.layer(app);
        let app = self.outcomes.layer(app);
        let app = self.hardening.layer(app);
        let app = self.telemetry.layer(app);
        self.peer.layer(app)
    }
}

/// Collects the layers of a [`Stack`], in any order.
#[derive(Debug)]
#[must_use = "a stack does nothing until it is built and applied"]
pub struct StackBuilder {
    peer: PeerLayer,
    telemetry: Option<TelemetryLayer>,
    hardening: Option<HardeningLayer>,
    outcomes: Option<AuditLayer>,
    limits: Option<LimitsLayer>,
    edge_limit: Option<EdgeLimitLayer>,
    login: Option<LoginLayer>,
    certificates: Option<CertificateLayer>,
    authentication: Option<AuthLayer>,
    quota: Option<QuotaLayer>,
    authorization: Option<AuthorizeLayer>,
    cost: Option<CostLayer>,
}

impl StackBuilder {
    /// Place 1: what happened.
    pub fn telemetry(self, layer: TelemetryLayer) -> Self {
        Self { telemetry: Some(layer), ..self }
    }

    /// Place 2: headers, host check, panics.
    pub fn hardening(self, layer: HardeningLayer) -> Self {
        Self { hardening: Some(layer), ..self }
    }

    /// Place 2, between: how acts end, for the audit trail. Without it only decisions are on record.
    pub fn outcomes(self, layer: AuditLayer) -> Self {
        Self { outcomes: Some(layer), ..self }
    }

    /// Place 2: body size and handler time.
    pub fn limits(self, layer: LimitsLayer) -> Self {
        Self { limits: Some(layer), ..self }
    }

    /// Place 3: requests of one network. What place 2 answers itself is counted too.
    pub fn edge_limit(self, layer: EdgeLimitLayer) -> Self {
        Self { edge_limit: Some(layer), ..self }
    }

    /// Place 4, outer: browsers sign in and out, and call with a session. Without it nobody signs in here.
    pub fn login(self, layer: LoginLayer) -> Self {
        Self { login: Some(layer), ..self }
    }

    /// Place 4, between: which service is calling with a certificate. Without it certificates only bind tokens.
    pub fn certificates(self, layer: CertificateLayer) -> Self {
        Self { certificates: Some(layer), ..self }
    }

    /// Place 4, inner: who is calling with a token.
    pub fn authentication(self, layer: AuthLayer) -> Self {
        Self { authentication: Some(layer), ..self }
    }

    /// Place 5: requests of one caller. Without it they are not counted.
    pub fn quota(self, layer: QuotaLayer) -> Self {
        Self { quota: Some(layer), ..self }
    }

    /// Place 6: what they may do.
    pub fn authorization(self, layer: AuthorizeLayer) -> Self {
        Self { authorization: Some(layer), ..self }
    }

    /// Place 7: what it may cost. Without it nothing is charged.
    pub fn cost(self, layer: CostLayer) -> Self {
        Self { cost: Some(layer), ..self }
    }

    /// The stack.
    ///
    /// # Errors
    /// In production, every hole at once: a layer that was not given (give its `off()` to say that it is meant so), and a log-in without
    /// the cross-site check of `HardeningLayer`. Outcomes, log-in, certificates, quotas and costs are no holes: an app without them is whole.
    /// In both profiles authorization without authentication, which would answer 500 to everything, and permissions with
    /// strict audit but no sink, which would answer 503.
    pub fn build(self, profile: Profile) -> Result<Stack, ConfigError> {
        let mut problems = ConfigProblems::new();
        if profile.is_production() {
            self.note_holes(&mut problems);
        } else if self.authentication.is_none() && self.certificates.is_none() && self.authorization.is_some()
        {
            problems.add(
                "stack.authentication",
                "",
                "authorization needs to know who is calling: give AuthLayer",
            );
        }
        if let Err(error) = self.peer.check() {
            problems.extend(error);
        }
        if let Some(Err(error)) = self.authorization.as_ref().map(AuthorizeLayer::check) {
            problems.extend(error);
        }
        problems.check()?;
        let edge_limit = self.edge_limit.unwrap_or_else(EdgeLimitLayer::off);
        Ok(Stack {
            profile,
            peer: self.peer,
            telemetry: self.telemetry.unwrap_or_else(TelemetryLayer::off),
            hardening: self.hardening.unwrap_or_else(HardeningLayer::off).counted_by(&edge_limit),
            outcomes: self.outcomes.unwrap_or_else(AuditLayer::off),
            limits: self.limits.unwrap_or_else(LimitsLayer::off).counted_by(&edge_limit),
            edge_limit,
            login: self.login.unwrap_or_else(LoginLayer::off),
            certificates: self.certificates.unwrap_or_else(CertificateLayer::off),
            authentication: self.authentication.unwrap_or_else(AuthLayer::off),
            quota: self.quota.unwrap_or_else(QuotaLayer::off),
            authorization: self.authorization.unwrap_or_else(AuthorizeLayer::off),
            cost: self.cost.unwrap_or_else(CostLayer::off),
        })
    }

    fn note_holes(&self, problems: &mut ConfigProblems) {
        let signs_in = self.login.as_ref().is_some_and(|login| !login.is_off());
        if signs_in && self.hardening.as_ref().is_some_and(HardeningLayer::is_off) {
            let cure = "sessions need the cross-site check: give Hardening::web() or strict()";
            problems.add("stack.hardening", "off", cure);
        }
        for (field, given, layer) in [
            ("stack.telemetry", self.telemetry.is_some(), "TelemetryLayer"),
            ("stack.hardening", self.hardening.is_some(), "HardeningLayer"),
            ("stack.limits", self.limits.is_some(), "LimitsLayer"),
            ("stack.edge_limit", self.edge_limit.is_some(), "EdgeLimitLayer"),
            ("stack.authentication", self.authentication.is_some(), "AuthLayer"),
            ("stack.authorization", self.authorization.is_some(), "AuthorizeLayer"),
        ] {
            if !given {
                problems.add(
                    field,
                    "",
                    format!("give {layer}, or {layer}::off() if the app is meant to go without"),
                );
            }
        }
    }
}
