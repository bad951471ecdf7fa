//! Everything is looked through at once and made ready.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use gambeson_core::{ConfigError, ConfigProblems, Scheme};

use super::builder::Hardening;
use super::edge::{Edge, EdgeInner};
use super::reporting::reporting;
use super::telemetry::Once;
use crate::check::{self, Finding, HH001, HH002, HH003, HH006, HH020, Told};
use crate::csp::Source;
use crate::headers::{HeaderSet, Variants};
use crate::hosts::{HostList, HostName};
use crate::origin::Origin;
use crate::random::RandomPool;

impl Hardening {
    /// Looks everything through and makes it ready.
    ///
    /// # Errors
    /// All that is wrong, each with field, value and cure: malformed origins or hosts, a policy that does not parse,
    /// strict transport with preload but without what that demands, variants of the same name, CORS that lets in whom nobody
    /// meant, exempt endpoints with parameters in their paths or without a reason, a redirect without an aim, readable cookies that browsers would not take.
    pub fn build(self) -> Result<Edge, ConfigError> {
        let mut problems = self.problems.clone();
        let own = self.own_origin(&mut problems);
        let hosts = self.host_list(own.as_ref(), &mut problems);
        let targets = self.form_targets(&mut problems);
        let set = self.set.clone().with_form_targets(&targets);
        let forms_lead_nowhere = self.set.forms_lead_nowhere();
        // A variant that is stricter about forms than the rest means it.
        let with_targets = |set: HeaderSet| match set.forms_lead_nowhere() && !forms_lead_nowhere {
            true => set,
            false => set.with_form_targets(&targets),
        };
        let named = self.named.iter().cloned().map(|(name, set)| (name, with_targets(set)));
        let (set, named) = reporting(self.reports.as_deref(), set, named.collect(), &mut problems);
        for set in std::iter::once(&set).chain(named.iter().map(|(_, set)| set)) {
            set.look_through(&mut problems);
        }
        let cors = self.cors.as_ref().map(|cors| cors.prepare(self.profile, &mut problems));
        let csrf = self.csrf.prepare(own.clone(), cors.as_ref(), &self.exempt, self.profile, &mut problems);
        let csrf = csrf.reported_to(self.reports.as_deref());
        let cookies = self.cookies.prepare(&mut problems);
        self.silences.look_through(&mut problems);
        problems.check()?;
        let findings = self.findings(&set, &named, own.as_ref(), !hosts.is_empty());
        if !self.quiet {
            check::log(&findings, &self.silences);
        }
        Ok(Edge::new(EdgeInner {
            variants: Variants::new(set, named),
            canonical: own.filter(|_| self.redirect),
            hosts,
            host_mode: self.host_mode,
            cors,
            csrf,
            cookies,
            profile: self.profile,
            scrub_5xx: self.scrub_5xx,
            clock: self.clock,
            random: Arc::new(RandomPool::new(self.entropy)),
            once: Once::without(&self.silences),
            findings: findings.into(),
            silences: self.silences,
            observed: AtomicU64::new(0),
        }))
    }

    /// What is weak and not silenced.
    fn findings(
        &self,
        set: &HeaderSet,
        named: &[(Box<str>, HeaderSet)],
        own: Option<&Origin>,
        hosts: bool,
    ) -> Vec<Finding> {
        let told = Told {
            own,
            hosts,
            host_mode: self.host_mode,
            set,
            named,
            cors: self.cors.as_ref(),
            csrf: &self.csrf,
            cookies: &self.cookies,
            scrub_5xx: self.scrub_5xx,
            profile: self.profile,
        };
        let found = told.findings(&*self.clock);
        match &self.beside {
            None => self.silences.apply(found, false),
            Some(beside) => {
                self.silences.apply(found.into_iter().chain(beside.iter().cloned()).collect(), true)
            }
        }
    }

    fn own_origin(&self, problems: &mut ConfigProblems) -> Option<Origin> {
        let Some(text) = &self.public_origin else {
            if self.redirect {
                problems.add(
                    "hardening-headers.redirect-to-canonical",
                    "true",
                    HH006.says("say where to: hardening-headers.public-origin"),
                );
            }
            return None;
        };
        let origin = Origin::parse(text);
        let open = |origin: &Origin| origin.scheme() == Scheme::Http && !origin.is_loopback();
        let cure = match &origin {
            None => HH001
                .says("write scheme, host and, if need be, port, and no slash: \"https://app.example.com\""),
            Some(origin) if self.profile.is_production() && open(origin) => HH002.says(
                "write https: whoever is on the way reads and changes what goes over http; an app without TLS names its \
                 hosts in hardening-headers.hosts instead",
            ),
            Some(_) => return origin,
        };
        problems.add("hardening-headers.public-origin", text, cure);
        origin
    }

    fn host_list(&self, own: Option<&Origin>, problems: &mut ConfigProblems) -> HostList {
        let mut list = HostList::default();
        if let Some(own) = own {
            list.add(own.host().clone());
        }
        for host in &self.hosts {
            match HostName::parse(host.as_bytes()) {
                Some(host) => list.add(host),
                None => problems.add(
                    "hardening-headers.hosts",
                    host,
                    HH003.says(
                        "write a host and, if need be, a port, such as \"app.example.com\"; no scheme, no wildcard",
                    ),
                ),
            }
        }
        if let Some(own) = own.filter(|_| self.redirect) {
            list.make_canonical(own.host());
        }
        for endpoint in &self.exempt {
            list.exempt(endpoint, problems);
        }
        list
    }

    fn form_targets(&self, problems: &mut ConfigProblems) -> Vec<Source> {
        let mut targets = Vec::new();
        for origin in &self.form_targets {
            match Source::origin(origin) {
                Ok(source) => targets.push(source),
                Err(error) => {
                    problems.add("hardening-headers.csp-add.form-action", origin, HH020.says(error));
                }
            }
        }
        targets
    }
}
