//! From words to an [`Edge`].

use std::fmt;
use std::sync::Arc;

use gambeson_core::{
    Clock, ConfigProblems, EndpointSpec, Entropy, Mode, Profile, SystemClock, SystemEntropy,
};

use crate::check::{Finding, HH008, HH020, HH045, Silences};
use crate::config::{Config, Preset, Variant};
use crate::cookies::Cookies;
use crate::cors::Cors;
use crate::csp::{Csp, Directive, Source};
use crate::csrf::Csrf;
use crate::headers::{HeaderSet, Hsts, Rollout};

/// Collects how the HTTP edge behaves; [`build`](Hardening::build) looks it all through at once.
#[derive(Clone)]
pub struct Hardening {
    pub(super) set: HeaderSet,
    pub(super) named: Vec<(Box<str>, HeaderSet)>,
    pub(super) public_origin: Option<String>,
    pub(super) hosts: Vec<String>,
    pub(super) redirect: bool,
    pub(super) form_targets: Vec<String>,
    pub(super) csrf: Csrf,
    pub(super) cors: Option<Cors>,
    pub(super) cookies: Cookies,
    pub(super) exempt: Vec<EndpointSpec>,
    pub(super) reports: Option<String>,
    pub(super) host_mode: Mode,
    pub(super) profile: Profile,
    pub(super) scrub_5xx: bool,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) problems: ConfigProblems,
    pub(super) silences: Silences,
    /// What was found in the layers beside this one; `None` when nobody looked.
    pub(super) beside: Option<Vec<Finding>>,
    pub(super) quiet: bool,
}

impl Hardening {
    /// For apps with pages: [`Csp::web`] with a lazy nonce, strict transport of one day.
    #[must_use]
    pub fn web() -> Self {
        Self::preset(HeaderSet::web())
    }

    /// For apps with pages whose scripts all carry the nonce: [`Csp::strict`], else as [`web`](Self::web).
    #[must_use]
    pub fn strict() -> Self {
        Self::web().csp(Csp::strict())
    }

    /// For apps without: [`Csp::api`], `Cache-Control: no-store` where an answer has none.
    #[must_use]
    pub fn api() -> Self {
        Self::preset(HeaderSet::api())
    }

    /// For apps whose documents need `SharedArrayBuffer` or precise clocks: [`web`](Self::web), and
    /// [`HeaderSet::isolated`]. Whatever they embed from elsewhere must allow it.
    #[must_use]
    pub fn isolated() -> Self {
        Self::preset(HeaderSet::web().isolated())
    }

    /// For files that somebody uploaded: [`web`](Self::web), and [`HeaderSet::downloads`]. An origin of their own for such files
    /// is better still.
    #[must_use]
    pub fn downloads() -> Self {
        Self::preset(HeaderSet::web().downloads())
    }

    fn preset(set: HeaderSet) -> Self {
        Self {
            set,
            named: Vec::new(),
            public_origin: None,
            hosts: Vec::new(),
            redirect: false,
            form_targets: Vec::new(),
            csrf: Csrf::new(),
            cors: None,
            cookies: Cookies::new(),
            exempt: Vec::new(),
            reports: None,
            host_mode: Mode::Enforce,
            profile: Profile::Production,
            scrub_5xx: true,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy::new()),
            problems: ConfigProblems::new(),
            silences: Silences::default(),
            beside: None,
            quiet: false,
        }
    }

    /// What a configuration says; what is wrong with it is reported by [`build`](Hardening::build).
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        let mut new = match config.preset {
            Preset::Web => Self::web(),
            Preset::Strict => Self::strict(),
            Preset::Api => Self::api(),
            Preset::Isolated => Self::isolated(),
            Preset::Downloads => Self::downloads(),
        };
        new.public_origin.clone_from(&config.public_origin);
        new.hosts.clone_from(&config.hosts);
        new.redirect = config.redirect_to_canonical;
        new.host_mode = config.host_mode;
        new.scrub_5xx = config.scrub_5xx;
        new.csrf.clone_from(&config.csrf);
        new.cors.clone_from(&config.cors);
        new.cookies.clone_from(&config.cookies);
        for (id, reason) in &config.silence {
            new.silences.add(id, reason);
        }
        if let Some(reports) = &config.reports {
            reports.look_through_bounds(&mut new.problems);
            new.reports = Some(reports.path.clone());
        }
        if let Some(days) = config.hsts_days {
            new.set = new.set.hsts((days > 0).then(|| Hsts::days(days)));
        }
        if config.hsts_subdomains {
            new.with_subdomains();
        }
        for (feature, access) in &config.permissions_policy {
            new.permit(feature, access);
        }
        new.with_policy(config).with_variants(&config.variants)
    }

    fn with_subdomains(&mut self) {
        match self.set.strict_transport() {
            Some(hsts) => self.set = self.set.clone().hsts(hsts.include_subdomains()),
            None => self.problems.add(
                "hardening-headers.hsts-subdomains",
                "true",
                "strict transport is left out: write hsts-days, 365 for a year, or take this out",
            ),
        }
    }

    fn permit(&mut self, feature: &str, access: &[String]) {
        match self.set.permissions().clone().with_listed(feature, access) {
            Ok(permissions) => self.set = self.set.clone().permissions_policy(permissions),
            Err(error) => {
                let field = format!("hardening-headers.permissions-policy.{feature}");
                self.problems.add(field, access.join(" "), HH045.says(error));
            }
        }
    }

    /// Last, since a variant starts from the headers as they are.
    fn with_variants(self, variants: &[Variant]) -> Self {
        variants.iter().fold(self, |new, variant| match variant {
            Variant::Isolated => new.named("isolated", HeaderSet::isolated),
            Variant::Downloads => new.named("downloads", HeaderSet::downloads),
        })
    }

    fn with_policy(mut self, config: &Config) -> Self {
        if let Some(text) = &config.csp {
            match Csp::parse(text) {
                Ok(csp) => self.set = self.set.csp(csp),
                Err(error) => self.problems.add("hardening-headers.csp", text, HH020.says(error)),
            }
        }
        for (name, sources) in &config.csp_add {
            let field = format!("hardening-headers.csp-add.{name}");
            let Some(directive) = Directive::parse(name) else {
                let cure = HH020.says("write a directive that lists sources, such as img-src");
                self.problems.add(field, "", cure);
                continue;
            };
            for text in sources {
                match Source::parse(text) {
                    Ok(source) => self.set = self.set.edit_csp(|csp| csp.add(directive, [source])),
                    Err(error) => self.problems.add(field.as_str(), text, HH020.says(error)),
                }
            }
        }
        if let Some(tried) = &config.csp_report_only {
            match Csp::parse(&tried.policy) {
                Ok(csp) => self = self.csp_report_only(csp, Rollout::percent(tried.percent)),
                Err(error) => {
                    let field = "hardening-headers.csp-report-only.policy";
                    self.problems.add(field, &tried.policy, error.to_string());
                }
            }
        }
        self
    }

    /// The origin that people see, such as `https://app.example.com`. Its host is one of [`hosts`](Self::hosts). In production
    /// it is https, or http on this machine.
    #[must_use]
    pub fn public_origin(self, origin: impl Into<String>) -> Self {
        Self { public_origin: Some(origin.into()), ..self }
    }

    /// The hosts that the app answers for, exactly; without a port, a host stands for the usual ones. Without any
    /// host and without a public origin every host is answered for.
    #[must_use]
    pub fn hosts<T: Into<String>>(mut self, hosts: impl IntoIterator<Item = T>) -> Self {
        self.hosts.extend(hosts.into_iter().map(Into::into));
        self
    }

    /// Whether other hosts are refused, or only counted and logged for a while.
    #[must_use]
    pub fn host_mode(self, host_mode: Mode) -> Self {
        Self { host_mode, ..self }
    }

    /// Sends navigations (GET and HEAD) that name another of the [`hosts`](Self::hosts) to the same path under the public
    /// origin, with 307; of `localhost`, `127.0.0.1` and `[::1]` each stands for the others. What may change something
    /// is 421 there. Not 308: browsers keep that for ever, and who later swaps the names would lock them into a circle.
    #[must_use]
    pub fn redirect_to_canonical(self) -> Self {
        Self { redirect: true, ..self }
    }

    /// The cross-site check, which is on unless switched off.
    #[must_use]
    pub fn csrf(self, csrf: Csrf) -> Self {
        Self { csrf, ..self }
    }

    /// Which other origins' scripts may read answers; none unless said.
    #[must_use]
    pub fn cors(self, cors: impl Into<Option<Cors>>) -> Self {
        Self { cors: cors.into(), ..self }
    }

    /// Which marks cookies get on their way out: all, unless said.
    #[must_use]
    pub fn cookies(self, cookies: Cookies) -> Self {
        Self { cookies, ..self }
    }

    /// Origins to which forms of documents may lead beside the app's own, redirects included: that of the identity
    /// provider, for a log-in that begins with a form. Named variants get them too, unless their policy says `form-action 'none'`
    /// where the others' does not.
    #[must_use]
    pub fn form_action<T: Into<String>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        self.form_targets.extend(origins.into_iter().map(Into::into));
        self
    }

    /// The profile; in development refusals of cross-site requests say what was expected and which setting is about it, and
    /// http origins of this machine may be trusted. Production unless said.
    #[must_use]
    pub fn run_in(self, profile: Profile) -> Self {
        Self { profile, ..self }
    }

    /// Endpoints that answer for any host, or to any site's pages, if their [`exempt`](EndpointSpec::exempt) says so.
    #[must_use]
    pub fn exempt<'a>(mut self, endpoints: impl IntoIterator<Item = &'a EndpointSpec>) -> Self {
        self.exempt.extend(endpoints.into_iter().cloned());
        self
    }

    /// The policy of documents.
    #[must_use]
    pub fn csp(self, csp: Csp) -> Self {
        self.headers(|set| set.csp(csp))
    }

    /// Strict transport; `None` leaves it out.
    #[must_use]
    pub fn hsts(self, hsts: impl Into<Option<Hsts>>) -> Self {
        self.headers(|set| set.hsts(hsts))
    }

    /// Changes the headers.
    #[must_use]
    pub fn headers(self, change: impl FnOnce(HeaderSet) -> HeaderSet) -> Self {
        Self { set: change(self.set), ..self }
    }

    /// A variant that answers can ask for with [`Override::named`](crate::Override::named); it starts from the headers as they are now.
    #[must_use]
    pub fn named(mut self, name: &str, change: impl FnOnce(HeaderSet) -> HeaderSet) -> Self {
        if self.named.iter().any(|(known, _)| **known == *name) {
            let cure = HH008.says("give each variant a name of its own");
            self.problems.add("hardening-headers.named", name, cure);
        }
        let set = change(self.set.clone());
        self.named.push((name.into(), set));
        self
    }

    /// Whether the bodies of 5xx answers are replaced by problem details without detail. On unless switched off.
    #[must_use]
    pub fn scrub_5xx(self, scrub_5xx: bool) -> Self {
        Self { scrub_5xx, ..self }
    }

    /// Leaves one finding of [`check`](crate::check), by its id, for a reason that is written down. Errors can't be left.
    #[must_use]
    pub fn silence(mut self, id: impl Into<String>, reason: impl Into<String>) -> Self {
        self.silences.add(id, reason);
        self
    }

    /// What is silenced.
    pub(crate) fn silences(&self) -> &Silences {
        &self.silences
    }

    /// Logs nothing when it is built.
    pub(crate) fn quiet(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// What was found in the layers beside this one is looked at with it.
    pub(crate) fn beside(self, found: Vec<Finding>) -> Self {
        Self { beside: Some(found), ..self }
    }

    /// The clock by which [`Mode::Observe`] ends.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Where nonces come from.
    #[must_use]
    pub fn entropy(self, entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy, ..self }
    }
}

impl fmt::Debug for Hardening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hardening")
            .field("public_origin", &self.public_origin)
            .field("hosts", &self.hosts)
            .field("set", &self.set)
            .finish_non_exhaustive()
    }
}
