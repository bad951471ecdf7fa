//! What a configuration describes, built and running.

use std::collections::BTreeMap;
use std::fmt::Display;
#[cfg(feature = "serve")]
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use gambeson_audit_trail::{AuditLayer, AuditTrail, Head, PersonalData, TrailError};
use gambeson_core::{
    AuditSink, ConfigError, ConfigProblems, CostSink, EndpointSpec, Profile, SecretResolver,
};
use gambeson_cost_guard::{CostGuard, CostGuardBuilder, CostLayer};
use gambeson_hardening_headers::Layers;
use gambeson_hardening_headers::reports::Reports;
use gambeson_oidc_auth::login::LoginBuilder;
use gambeson_oidc_auth::outgoing::Resend;
use gambeson_oidc_auth::{
    CertificateLayer, CertificateLayerBuilder, Configured, Denylist, Login, LoginLayer, Shared, TokenLayer,
    VerifierBuilder,
};
use gambeson_otel_setup::{Telemetry, TelemetryBuilder};
#[cfg(feature = "axum")]
use gambeson_rbac::Routes;
use gambeson_rbac::{Activations, AuthorizeLayer, PolicyHandle};
use gambeson_secrets::{Secrets, SecretsBuilder};

pub use self::readiness::NotReady;
use self::readiness::{Brought, Named, Parts};
use self::record::Record;
use self::rights::Rights;
use self::trail::Trails;
use crate::{Config, Stack};

mod anchors;
mod copies;
mod readiness;
mod record;
mod rights;
mod trail;

/// The parts that [`Config`] describes, for an app to use and for [`Kit::stack`] to put around it.
///
/// ```no_run
/// use axum::Router;
/// use gambeson::rbac::{Routes, need};
/// use gambeson::{Config, Kit};
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let kit = Kit::open(&Config::load()?).await?; // gambeson.toml, then the environment
/// let routes = Routes::new(kit.policy())
///     .run_in(kit.profile())
///     .get("/api/notes", need("notes:read"), async || "the notes");
/// let (router, authorize): (Router, _) = kit.mount(routes).into_parts()?; // and the probes
/// let app = kit.stack(authorize)?.protect(router);
/// # let _ = app;
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Kit {
    profile: Profile,
    rights: Rights,
    telemetry: Telemetry,
    trails: Option<Trails>,
    outcomes: AuditLayer,
    secrets: Option<Secrets>,
    identity: Configured,
    certificates: Option<CertificateLayer>,
    outgoing: BTreeMap<String, TokenLayer<Resend>>,
    guard: CostGuard,
    reports: Option<Reports>,
    parts: Parts,
    config: Config,
}

/// How long secrets that are needed at start may take.
const SECRETS_WITHIN: Duration = Duration::from_secs(10);

impl Kit {
    /// Builds everything; the identity provider and the collector are not asked yet, required secrets are.
    ///
    /// # Errors
    /// Everything that is wrong with any part, and all that production refuses, at once.
    pub async fn open(config: &Config) -> Result<Self, ConfigError> {
        let mut problems = ConfigProblems::new();
        refuse_shortcuts(config, &mut problems);
        let record = config.audit_trail.directory.as_ref().map(|_| Record::default());
        let sink = || record.clone().map(|record| Arc::new(record) as Arc<dyn AuditSink>);
        let rights = rights::open(config, sink(), &mut problems);
        let secrets = open_secrets(config, sink(), &mut problems).await;
        let resolver = secrets.clone().map(|secrets| Arc::new(secrets) as Arc<dyn SecretResolver>);
        let trails = trail::open(config, secrets.as_ref(), &mut problems).await;
        if let Some((record, trails)) = record.as_ref().zip(trails.as_ref()) {
            record.begin(trails.sink());
        }
        let shared = noted("oidc-auth", open_shared(config, resolver.as_ref()).await, &mut problems);
        let shared = shared.unwrap_or_default();
        #[cfg(feature = "redis")]
        let redis = shared.redis.clone();
        let identity = noted(
            "oidc-auth",
            open_identity(config, sink().as_ref(), resolver.clone(), shared),
            &mut problems,
        );
        let certificates =
            config.oidc_auth.certificates(|builder| with(builder, sink(), CertificateLayerBuilder::audit));
        let certificates = noted("oidc-auth", certificates, &mut problems).flatten();
        let outgoing = config.oidc_auth.outgoing_layers(config.profile, resolver.as_ref(), |builder| builder);
        let outgoing = noted("oidc-auth", outgoing, &mut problems).unwrap_or_default();
        let parts = identity.as_ref().map(Parts::of).unwrap_or_default();
        #[cfg(feature = "redis")]
        let parts = parts.and_redis(redis);
        let telemetry = open_telemetry(config, trails.clone(), resolver, &parts, &outgoing);
        let (telemetry, brought) = noted("otel-setup", telemetry, &mut problems).unzip();
        let guard = noted("cost-guard", open_guard(config, sink(), telemetry.as_ref()), &mut problems);
        // Looked at now, so that all problems are told together; the stack builds them again with the exempt endpoints.
        let reports = noted("hardening-headers", collector(config), &mut problems).flatten();
        #[cfg(feature = "serve")]
        noted("hardening-headers", open_server(config), &mut problems);
        problems.check()?;
        match (rights, identity, telemetry.zip(brought), guard) {
            (Some(rights), Some(identity), Some((telemetry, brought)), Some(guard)) => {
                brought.start();
                Ok(Self {
                    profile: config.profile,
                    rights,
                    telemetry,
                    outcomes: trail::outcomes(config.audit_trail.outcomes.as_ref(), sink()),
                    trails,
                    secrets,
                    identity,
                    certificates,
                    outgoing,
                    guard,
                    reports,
                    parts,
                    config: config.clone(),
                })
            }
            _ => Err(ConfigError::one("gambeson", "", "a part is missing")),
        }
    }

    /// The server that `[hardening-headers.serve]` describes, with its TLS, and with the readiness that the probes tell.
    ///
    /// # Errors
    /// What [`Kit::open`] found right is wrong by now: a certificate has ended, a file is gone.
    #[cfg(feature = "serve")]
    pub fn server(&self) -> Result<gambeson_hardening_headers::Server, ConfigError> {
        let server = open_server(&self.config)?;
        Ok(server.readiness(self.telemetry.readiness()))
    }

    /// The profile.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// The policy in force.
    pub fn policy(&self) -> &PolicyHandle {
        &self.rights.policy
    }

    /// The next policy, which decides beside the one in force, if `[rbac]` names one: reload it as its file changes.
    pub fn shadow(&self) -> Option<&PolicyHandle> {
        self.rights.next.as_ref()
    }

    /// The roles that callers take for a time, for the app's own routes, if there is a table `[rbac.activations]`.
    pub fn activations(&self) -> Option<&Activations> {
        self.rights.activations.as_ref()
    }

    /// Telemetry, with its endpoints.
    pub fn telemetry(&self) -> &Telemetry {
        &self.telemetry
    }

    /// The audit trail, if `[audit-trail]` names a directory; of several the first.
    pub fn trail(&self) -> Option<&AuditTrail> {
        self.trails.as_ref().map(|trails| &trails.first)
    }

    /// Closes the trail and its copies, as [`AuditTrail::close`] does, waits until the last head is published to each anchor, and
    /// tells the first trail's head; `None` without a trail. Drops from the file of `[rbac.activations]` what is over. Await it last, after the server has ended: what is recorded from now on
    /// is answered with an error.
    ///
    /// # Errors
    /// What failed with the first trail, else with a copy, else with an anchor; or it takes longer than `deadline`. What is left goes on
    /// for as long as the process.
    pub async fn close(&self, deadline: Duration) -> Result<Option<Head>, TrailError> {
        self.rights.forget_ended();
        match &self.trails {
            Some(trails) => trails.close(deadline).await.map(Some),
            None => Ok(None),
        }
    }

    /// The secrets, if `[secrets]` allows any.
    pub fn secrets(&self) -> Option<&Secrets> {
        self.secrets.as_ref()
    }

    /// The log-in, if `[oidc-auth.login]` describes one.
    pub fn login(&self) -> Option<&Login> {
        self.identity.login.as_ref()
    }

    /// What log-outs feed and access tokens are held against, for the app to end tokens by itself, if there is a table
    /// `[oidc-auth.denylist]`.
    pub fn denylist(&self) -> Option<&Denylist> {
        self.identity.denylist.as_ref()
    }

    /// What browsers report, if `[hardening-headers]` has `reports`: violations of the pages' policy, and what they would have it say
    /// ([`Reports::suggest`]). In development each is logged once with the line to add.
    pub fn reports(&self) -> Option<&Reports> {
        self.reports.as_ref()
    }

    /// Mounts the public endpoints of the parts: the probes, the back-channel logout of the log-in and the collector of browsers'
    /// reports, if there are any.
    #[cfg(feature = "axum")]
    #[must_use]
    pub fn mount<S: Clone + Send + Sync + 'static>(&self, routes: Routes<S>) -> Routes<S> {
        let probes = self.telemetry.endpoints().public().into_iter();
        let routes = probes.fold(routes, |routes, (spec, endpoint)| routes.mount(spec, endpoint));
        let routes = match self.reports() {
            Some(reports) => routes.mount(reports.endpoint(), reports.method_router()),
            None => routes,
        };
        match self.login() {
            Some(login) => {
                let service = login.backchannel_logout::<axum::body::Body>();
                routes.mount(login.backchannel_endpoint(), axum::routing::post_service(service))
            }
            None => routes,
        }
    }

    /// Waits until all is there that requests need: Redis, what other instances have denied, and the identity provider's endpoints and
    /// keys. Not needed: `/readyz` waits by itself for what is this app's own (and for the provider with
    /// [`StackTable::wait_for_provider`](crate::config::StackTable::wait_for_provider)), and requests wait for the provider. But the policy of the
    /// app's pages names the origins of those endpoints that are known when [`Kit::stack`] is called, and browsers check the way
    /// of a log-out's form against it: where they differ from the issuer's, wait, or name them in `oidc-auth.login.form-action`.
    ///
    /// # Errors
    /// Each part that is not there, and why; all at once. Ask again as long as you like.
    pub async fn ready(&self) -> Result<(), NotReady> {
        self.parts.ready().await
    }

    /// The layer that puts tokens on calls to the other service that `[oidc-auth.outgoing.<name>]` describes.
    pub fn outgoing(&self, name: &str) -> Option<&TokenLayer<Resend>> {
        self.outgoing.get(name)
    }

    /// Budgets, quotas and prices.
    pub fn guard(&self) -> &CostGuard {
        &self.guard
    }

    /// The stack around routes whose permissions `authorization` decides; nothing is charged.
    ///
    /// # Errors
    /// As [`StackBuilder::build`](crate::StackBuilder::build).
    pub fn stack(&self, authorization: AuthorizeLayer) -> Result<Stack, ConfigError> {
        self.stack_with_costs(authorization, CostLayer::off())
    }

    /// The stack, with what requests cost.
    ///
    /// # Errors
    /// As [`StackBuilder::build`](crate::StackBuilder::build).
    pub fn stack_with_costs(
        &self,
        authorization: AuthorizeLayer,
        cost: CostLayer,
    ) -> Result<Stack, ConfigError> {
        let Layers { peer, hardening, limits, edge_limit, .. } = self.edge()?;
        let sink = self.trails.as_ref().map(Trails::sink);
        let authorization = with(self.rights.applied_to(authorization), sink, AuthorizeLayer::audit);
        let tokens = self.identity.auth_layer();
        let login = self.login().cloned().map_or_else(LoginLayer::off, LoginLayer::new).beside(&tokens);
        let certificates = self.certificates.clone().unwrap_or_else(CertificateLayer::off).beside(&tokens);
        Stack::builder(peer)
            .telemetry(self.telemetry.layer())
            .hardening(hardening)
            .outcomes(self.outcomes.clone())
            .limits(limits)
            .edge_limit(edge_limit)
            .login(login)
            .certificates(certificates)
            .authentication(tokens)
            .quota(self.guard.quota_layer().exempt(&self.probes()))
            .authorization(authorization.mode(self.config.rbac.mode))
            .cost(cost)
            .build(self.profile)
    }

    /// The edge, which knows where the log-in's forms lead: see [`Kit::ready`].
    fn edge(&self) -> Result<Layers, ConfigError> {
        let mut config = self.config.hardening_headers.clone();
        if let Some(login) = self.login() {
            config.csp_add.entry("form-action".into()).or_default().extend(login.csp_sources().form_action);
        }
        let told = self.login().map(Login::backchannel_endpoint);
        config.layers(self.profile, &self.probes().into_iter().chain(told).collect::<Vec<_>>())
    }

    fn probes(&self) -> Vec<EndpointSpec> {
        self.telemetry.endpoints().specs()
    }
}

/// What no crate can see alone.
fn refuse_shortcuts(config: &Config, problems: &mut ConfigProblems) {
    if !config.profile.is_production() {
        return;
    }
    if config.audit_trail.directory.is_none() {
        let cure = "production keeps who did what: name the trail's folder";
        problems.add("audit-trail.directory", "", cure);
    } else if config.audit_trail.keys.is_none()
        && config.audit_trail.limits.personal_data == PersonalData::AsKeyed
    {
        let cure = "production keeps no names of people in the clear: name a secret, or say limits.personal-data = \"plain\"";
        problems.add("audit-trail.keys", "", cure);
    }
    if config.stack.instances != Some(1) {
        refuse_memory(config, problems);
    }
    if !config.cost_guard.budgets.is_empty() && !config.stack.dangerously_forget_spending_on_restart {
        let cure = "money spent is in memory and a restart refills every budget: say true if that may be";
        problems.add("stack.dangerously-forget-spending-on-restart", "", cure);
    }
}

/// What is kept in one process's memory is wrong for several.
fn refuse_memory(config: &Config, problems: &mut ConfigProblems) {
    let instances = config.stack.instances.map(text).unwrap_or_default();
    let identity = &config.oidc_auth;
    let has_state = identity.login.is_some() || identity.dpop.is_some() || identity.denylist.is_some();
    match is_shared(config) {
        false if has_state => {
            let cure = "sessions, used proofs and denials are in this process's memory: say instances = 1, and run one; or let \
                        instances share them, by the table [oidc-auth.redis] (feature `redis`)";
            problems.add("stack.instances", &*instances, cure);
        }
        true if instances.is_empty() => {
            problems.add("stack.instances", "", "say how many processes serve this app");
        }
        _ => {}
    }
    if config.rbac.activations.is_some() {
        let cure = "roles that are taken for a time are known to one process: say instances = 1, and run one";
        problems.add("stack.instances", &*instances, cure);
    }
    if !config.cost_guard.quotas.is_empty() {
        let cure = "quotas are in this process's memory: say instances = 1, and run one";
        problems.add("stack.instances", &*instances, cure);
    }
}

/// Whether instances share what they know of people and tokens.
#[cfg(feature = "redis")]
fn is_shared(config: &Config) -> bool {
    config.oidc_auth.redis.is_some()
}

#[cfg(not(feature = "redis"))]
fn is_shared(_: &Config) -> bool {
    false
}

#[cfg(feature = "redis")]
async fn open_shared(
    config: &Config,
    secrets: Option<&Arc<dyn SecretResolver>>,
) -> Result<Shared, ConfigError> {
    config.oidc_auth.shared(config.profile, secrets).await
}

#[cfg(not(feature = "redis"))]
async fn open_shared(_: &Config, _: Option<&Arc<dyn SecretResolver>>) -> Result<Shared, ConfigError> {
    Ok(Shared::default())
}

fn text(value: impl Display) -> String {
    value.to_string()
}

/// An error with what is behind it, in one line.
fn cause(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(text(error), |said, behind| format!("{said}: {behind}"))
}

async fn open_secrets(
    config: &Config,
    sink: Option<Arc<dyn AuditSink>>,
    problems: &mut ConfigProblems,
) -> Option<Secrets> {
    if config.secrets == gambeson_secrets::Config::default() {
        return None;
    }
    let mut settings = config.secrets.clone();
    for root in settings.file_roots.values_mut() {
        // Roots are absolute for the store; one that can't be made so is refused there.
        *root = std::path::absolute(config.path(root)).unwrap_or_default();
    }
    let builder = Secrets::from_config(&settings).run_in(config.profile);
    let builder = with(builder, sink, SecretsBuilder::audit);
    let missing = match builder.connect(SECRETS_WITHIN).await {
        Ok(secrets) => return Some(secrets),
        Err(missing) => missing,
    };
    match missing.configuration() {
        Some(error) => problems.extend(error.clone()),
        None => problems.add("secrets.require", "", text(missing)),
    }
    None
}

fn open_identity(
    config: &Config,
    sink: Option<&Arc<dyn AuditSink>>,
    secrets: Option<Arc<dyn SecretResolver>>,
    shared: Shared,
) -> Result<Configured, ConfigError> {
    let profile = config.profile;
    config.oidc_auth.build_shared(
        |builder| with(builder.run_in(profile), sink.cloned(), VerifierBuilder::audit),
        |builder| with(builder.run_in(profile), sink.cloned(), LoginBuilder::audit),
        secrets,
        shared,
    )
}

fn open_telemetry(
    config: &Config,
    trails: Option<Trails>,
    secrets: Option<Arc<dyn SecretResolver>>,
    parts: &Parts,
    outgoing: &BTreeMap<String, TokenLayer<Resend>>,
) -> Result<(Telemetry, Brought), ConfigError> {
    let builder = Telemetry::builder("", "").config(config.otel_setup.clone()).env().run_in(config.profile);
    #[cfg(feature = "axum")]
    let builder = builder.routes(gambeson_otel_setup::AxumRoute);
    let builder = with(builder, trails, |builder, trails| trails.told_to(builder));
    let (builder, brought) = parts.clone().told_to(builder, config.stack.wait_for_provider);
    let sources = outgoing.iter().filter_map(|(name, layer)| Some((name, layer.source()?)));
    let builder = sources.fold(builder, |builder, (name, source)| {
        builder.health(Named { name: format!("outgoing.{name}"), check: source.clone() })
    });
    Ok((with(builder, secrets, TelemetryBuilder::secrets).build()?, brought))
}

#[cfg(feature = "serve")]
fn open_server(config: &Config) -> Result<gambeson_hardening_headers::Server, ConfigError> {
    config.hardening_headers.serve.clone().in_folder(config.path(Path::new(""))).server()
}

fn open_guard(
    config: &Config,
    sink: Option<Arc<dyn AuditSink>>,
    telemetry: Option<&Telemetry>,
) -> Result<CostGuard, ConfigError> {
    let mut settings = config.cost_guard.clone();
    settings.prices = settings.prices.map(|path| config.path(&path));
    let builder = with(CostGuard::from_config(&settings), sink, CostGuardBuilder::audit);
    let costs = telemetry.map(|telemetry| Arc::new(telemetry.cost_sink()) as Arc<dyn CostSink>);
    with(builder, costs, CostGuardBuilder::costs).build()
}

/// The collector of browsers' reports, if there is one; what is wrong with the edge is told too.
fn collector(config: &Config) -> Result<Option<Reports>, ConfigError> {
    config.hardening_headers.check(config.profile)?;
    Reports::from_config(&config.hardening_headers, config.profile)
}

/// A builder with a part that may be missing.
fn with<B, P>(builder: B, part: Option<P>, give: impl FnOnce(B, P) -> B) -> B {
    match part {
        Some(part) => give(builder, part),
        None => builder,
    }
}

/// Notes what is wrong under the names that the file has for it.
fn noted<T>(table: &str, result: Result<T, ConfigError>, problems: &mut ConfigProblems) -> Option<T> {
    let note = |error: ConfigError| {
        for problem in error.problems() {
            problems.add(in_table(table, &problem.field), &*problem.value, &*problem.cure);
        }
    };
    result.map_err(note).ok()
}

/// A field as the file names it: crates that are used alone leave their table out, or call it by what it is about.
fn in_table(table: &str, field: &str) -> String {
    let (first, rest) = field.split_once('.').unwrap_or((field, ""));
    match first {
        "telemetry" if table == "otel-setup" => format!("{table}.{rest}"),
        first if first == table || first.chars().any(|letter| letter.is_ascii_uppercase()) => {
            field.to_owned()
        }
        _ => format!("{table}.{field}"),
    }
}
