//! What of hosts, CORS and the cross-site check is weak.

use std::time::Duration;

use gambeson_core::{Clock, Mode, Profile, Scheme};

use super::finding::Finding;
use super::policy;
use super::rules::*;
use crate::cookies::Cookies;
use crate::cors::Cors;
use crate::csrf::Csrf;
use crate::headers::{HeaderSet, ReferrerPolicy};
use crate::origin::Origin;

/// All that the edge was told, as far as it matters here.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) own: Option<&'a Origin>,
    pub(crate) hosts: bool,
    pub(crate) host_mode: Mode,
    pub(crate) set: &'a HeaderSet,
    pub(crate) named: &'a [(Box<str>, HeaderSet)],
    pub(crate) cors: Option<&'a Cors>,
    pub(crate) csrf: &'a Csrf,
    pub(crate) cookies: &'a Cookies,
    pub(crate) scrub_5xx: bool,
    pub(crate) profile: Profile,
}

impl Told<'_> {
    /// What of it is weak.
    pub(crate) fn findings(&self, clock: &dyn Clock) -> Vec<Finding> {
        let mut found = Vec::new();
        if !self.hosts {
            found.push(Finding::new(HH004, "hardening-headers.hosts", ""));
        }
        if observes(self.host_mode, clock) {
            found.push(Finding::new(HH005, "hardening-headers.host-mode", shown(self.host_mode, clock)));
        }
        if !self.scrub_5xx {
            found.push(Finding::new(HH009, "hardening-headers.scrub-5xx", "false"));
        }
        if self.cookies.dangerously_off {
            found.push(Finding::new(HH068, "hardening-headers.cookies.dangerously-off", "true"));
        }
        let scheme = self.own.map(Origin::scheme);
        found.extend(policy::headers(self.set, None, scheme));
        found.extend(self.variants(scheme));
        found.extend(self.cors.map(|cors| self.cross_origin(cors)).into_iter().flatten());
        found.extend(self.cross_site(clock));
        found.extend(self.nameless_forms());
        found
    }

    /// A variant is told of only where it is weaker than the base.
    fn variants(&self, scheme: Option<Scheme>) -> impl Iterator<Item = Finding> {
        let base: Vec<&str> = policy::headers(self.set, None, scheme).iter().map(Finding::id).collect();
        let each = self.named.iter().flat_map(move |(name, set)| policy::headers(set, Some(name), scheme));
        each.filter(move |finding| !base.contains(&finding.id()))
    }

    fn cross_origin(&self, cors: &Cors) -> Vec<Finding> {
        const ORIGINS: &str = "hardening-headers.cors.origins";
        let mut found = Vec::new();
        if cors.dangerously_null {
            found.push(Finding::new(HH054, "hardening-headers.cors.dangerously-null", "true"));
        }
        if cors.dangerously_http && cors.credentials {
            found.push(Finding::new(HH053, "hardening-headers.cors.dangerously-http", "true"));
        }
        let local = cors.origins.iter().filter(|origin| is_local(origin));
        if self.profile.is_production() {
            found.extend(local.map(|origin| Finding::new(HH055, ORIGINS, origin)));
        }
        found
    }

    fn cross_site(&self, clock: &dyn Clock) -> Vec<Finding> {
        let mut found = Vec::new();
        if self.csrf.dangerously_off {
            found.push(Finding::new(HH063, "hardening-headers.csrf.dangerously-off", "true"));
            found.extend(self.told_in_vain());
        } else if observes(self.csrf.mode, clock) {
            found.push(Finding::new(HH064, "hardening-headers.csrf.mode", shown(self.csrf.mode, clock)));
        }
        if self.csrf.dangerously_http {
            found.push(Finding::new(HH062, "hardening-headers.csrf.dangerously-http", "true"));
        }
        found
    }

    /// What stands beside a check that is off. It may be off for an hour only, so that it is no error.
    fn told_in_vain(&self) -> Option<Finding> {
        let beside = [
            ("trusted-origins", self.csrf.trusted_origins.is_empty()),
            ("session-cookies", self.csrf.session_cookies.is_empty()),
            ("exempt", self.csrf.exempt.is_empty()),
            ("mode", self.csrf.mode == Mode::Enforce),
        ];
        let given: Vec<&str> = beside.iter().filter(|(_, absent)| !absent).map(|(key, _)| *key).collect();
        let value = format!("true beside {}", given.join(", "));
        (!given.is_empty()).then(|| Finding::new(HH070, "hardening-headers.csrf.dangerously-off", value))
    }

    /// Over plain http browsers send no Fetch Metadata but to this machine, so that the origin is all there is.
    fn nameless_forms(&self) -> Option<Finding> {
        let quiet = |set: &HeaderSet| set.referrer() == ReferrerPolicy::NoReferrer;
        let sets = std::iter::once(self.set).chain(self.named.iter().map(|(_, set)| set));
        let open = |origin: &Origin| origin.scheme() == Scheme::Http && !origin.is_loopback();
        let trusted = self.csrf.trusted_origins.iter().filter_map(|text| Origin::parse(text));
        let http = self.own.cloned().into_iter().chain(trusted).find(open)?;
        let finding = || Finding::new(HH044, "hardening-headers: referrer-policy", http.text());
        (!self.csrf.dangerously_off && sets.into_iter().any(quiet)).then(finding)
    }
}

fn is_local(origin: &str) -> bool {
    Origin::parse(origin).is_some_and(|origin| origin.is_loopback())
}

/// Whether it lets pass now what it would refuse.
pub(super) fn observes(mode: Mode, clock: &dyn Clock) -> bool {
    mode != Mode::Enforce && !mode.enforces(clock.now())
}

/// After so long nobody remembers that something only observes.
const LONG: Duration = Duration::from_secs(90 * 86_400);

pub(super) fn shown(mode: Mode, clock: &dyn Clock) -> String {
    match mode {
        Mode::Observe { until } if until > clock.now().plus(LONG) => {
            format!("observe until {until}, more than 90 days from now")
        }
        Mode::Observe { until } => format!("observe until {until}"),
        _ => String::new(),
    }
}
