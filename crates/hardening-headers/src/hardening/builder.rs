//! From words to an [`Edge`].

use std::fmt;
use std::sync::Arc;

use gambeson_core::{
    Clock, ConfigError, ConfigProblems, EndpointSpec, Entropy, Mode, SystemClock, SystemEntropy,
};

use super::config::{Config, Preset};
use super::edge::{Edge, EdgeInner};
use super::telemetry::Once;
use crate::csp::Csp;
use crate::headers::{HeaderSet, Hsts, Variants};
use crate::hosts::{HostList, HostName};
use crate::random::RandomPool;

/// Collects how the HTTP edge behaves; [`build`](Hardening::build) looks it all through at once.
#[derive(Clone)]
pub struct Hardening {
    set: HeaderSet,
    named: Vec<(Box<str>, HeaderSet)>,
    public_origin: Option<String>,
    hosts: Vec<String>,
    exempt: Vec<EndpointSpec>,
    host_mode: Mode,
    scrub_5xx: bool,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    problems: ConfigProblems,
}

impl Hardening {
    /// For apps with pages: [`Csp::web`] with a lazy nonce, strict transport of one day.
    #[must_use]
    pub fn web() -> Self {
        Self::preset(HeaderSet::web())
    }

    /// For apps without: [`Csp::api`], `Cache-Control: no-store` where an answer has none.
    #[must_use]
    pub fn api() -> Self {
        Self::preset(HeaderSet::api())
    }

    fn preset(set: HeaderSet) -> Self {
        Self {
            set,
            named: Vec::new(),
            public_origin: None,
            hosts: Vec::new(),
            exempt: Vec::new(),
            host_mode: Mode::Enforce,
            scrub_5xx: true,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy::new()),
            problems: ConfigProblems::new(),
        }
    }

    /// What a configuration says; what is wrong with it is reported by [`build`](Hardening::build).
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        let mut new = match config.preset {
            Preset::Web => Self::web(),
            Preset::Api => Self::api(),
        };
        new.public_origin.clone_from(&config.public_origin);
        new.hosts.clone_from(&config.hosts);
        new.host_mode = config.host_mode;
        new.scrub_5xx = config.scrub_5xx;
        if let Some(days) = config.hsts_days {
            new.set = new.set.hsts((days > 0).then(|| Hsts::days(days)));
        }
        if let Some(text) = &config.csp {
            match Csp::parse(text) {
                Ok(csp) => new.set = new.set.csp(csp),
                Err(error) => new.problems.add("hardening.csp", text, error.to_string()),
            }
        }
        new
    }

    /// The origin that people see, such as `https://app.example.com`. Its host is one of [`hosts`](Self::hosts).
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

    /// Endpoints that answer for any host if their [`exempt`](EndpointSpec::exempt) says so: probes call by address.
    #[must_use]
    pub fn exempt(mut self, endpoints: &[EndpointSpec]) -> Self {
        self.exempt.extend_from_slice(endpoints);
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
            self.problems.add("hardening.named", name, "give each variant a name of its own");
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

    /// Looks everything through and makes it ready.
    ///
    /// # Errors
    /// All that is wrong, each with field, value and cure: malformed origin or hosts, a policy that does not parse,
    /// strict transport with preload but without what that demands, variants of the same name, exempt
    /// endpoints with parameters in their paths.
    pub fn build(self) -> Result<Edge, ConfigError> {
        let mut problems = self.problems.clone();
        let hosts = self.host_list(&mut problems);
        for set in std::iter::once(&self.set).chain(self.named.iter().map(|(_, set)| set)) {
            set.look_through(&mut problems);
        }
        problems.check()?;
        Ok(Edge::new(EdgeInner {
            variants: Variants::new(self.set, self.named),
            hosts,
            host_mode: self.host_mode,
            scrub_5xx: self.scrub_5xx,
            clock: self.clock,
            random: Arc::new(RandomPool::new(self.entropy)),
            once: Once::default(),
        }))
    }

    fn host_list(&self, problems: &mut ConfigProblems) -> HostList {
        let mut list = HostList::default();
        if let Some(origin) = &self.public_origin {
            match origin_host(origin) {
                Some(host) => list.add(host),
                None => problems.add(
                    "hardening.public_origin",
                    origin,
                    "write scheme, host and, if need be, port: \"https://app.example.com\"",
                ),
            }
        }
        for host in &self.hosts {
            match HostName::parse(host.as_bytes()) {
                Some(host) => list.add(host),
                None => problems.add(
                    "hardening.hosts",
                    host,
                    "write a host and, if need be, a port, such as \"app.example.com\"; no scheme, no wildcard",
                ),
            }
        }
        for endpoint in &self.exempt {
            list.exempt(endpoint, problems);
        }
        list
    }
}

fn origin_host(origin: &str) -> Option<HostName> {
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"))?;
    HostName::parse(host.as_bytes())
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
