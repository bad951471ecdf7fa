//! The exact list of hosts, and the decision about one request.

use gambeson_core::{ConfigProblems, EndpointSpec, RequestHead};

use super::name::parts;
use super::{HostName, host_of, is_nameless, is_public_name};
use crate::exempt::ExemptEndpoints;
use crate::origin::is_loopback;

/// The hosts that this app answers for, and the endpoints that answer for any.
#[derive(Debug, Clone, Default)]
pub(crate) struct HostList {
    hosts: Vec<HostName>,
    /// Which of them are public names, in the same order.
    public: Vec<bool>,
    /// The host that people see, when navigations to the others are sent there.
    canonical: Option<HostName>,
    exempt: ExemptEndpoints,
}

/// What the list says about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HostVerdict {
    /// One of ours, an exempt endpoint, or without a list any host.
    Ours,
    /// One of ours, but not the one that people see.
    Alias,
    /// More than one host, a malformed one, or with a list none.
    Invalid,
    /// Somebody else's.
    Foreign,
}

impl HostList {
    /// Adds a host; without a port it stands for no port, 80 and 443.
    pub(crate) fn add(&mut self, host: HostName) {
        if !self.hosts.contains(&host) {
            self.public.push(is_public_name(host.text()));
            self.hosts.push(host);
        }
    }

    /// Whether there is no list, so that every host is ours.
    pub(crate) fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// The hosts, as they were written.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(HostName::text)
    }

    /// Makes all other hosts aliases of this one; of a name of this machine the other names too.
    pub(crate) fn make_canonical(&mut self, host: &HostName) {
        if is_loopback(host.host()) {
            let port = host.port().map(|port| format!(":{port}")).unwrap_or_default();
            for name in ["localhost", "127.0.0.1", "[::1]"] {
                HostName::parse(format!("{name}{port}").as_bytes())
                    .into_iter()
                    .for_each(|name| self.add(name));
            }
        }
        self.canonical = Some(host.clone());
    }

    /// Lets an endpoint answer for any host, if it says that it must.
    pub(crate) fn exempt(&mut self, endpoint: &EndpointSpec, problems: &mut ConfigProblems) {
        if endpoint.exempt.host_check {
            self.exempt.add(endpoint, "hardening-headers.exempt", problems);
        }
    }

    /// Whether strict transport can be promised for this host.
    pub(crate) fn is_public(&self, host: &str) -> bool {
        // Most requests name one of ours letter by letter, of which it is known.
        let known = self.hosts.iter().zip(&self.public).find(|(ours, _)| ours.text() == host);
        known.map_or_else(|| is_public_name(host), |(_, public)| *public)
    }

    /// What the list says about this request; `host` is what the peer layer made of it.
    pub(crate) fn verdict(&self, head: &RequestHead<'_>, host: Option<&str>) -> HostVerdict {
        // Most requests name one of ours letter by letter.
        let seen = self.canonical.as_ref().map_or(self.hosts.as_slice(), std::slice::from_ref);
        let exactly = |host| seen.iter().any(|ours| ours.text() == host);
        if host.is_some_and(exactly) || self.exempt.holds(head) {
            return HostVerdict::Ours;
        }
        // The peer layer lets no malformed host through, so that only a missing one is looked for again.
        let named = match host {
            Some(host) => parts(host).map(|(host, port)| self.named(host, port)),
            // Without a list, who names no host claims none.
            None if self.hosts.is_empty() && is_nameless(head) => Some(HostVerdict::Ours),
            None => host_of(head).map(|host| self.named(host.host(), host.port())),
        };
        named.unwrap_or(HostVerdict::Invalid)
    }

    fn named(&self, host: &str, port: Option<u16>) -> HostVerdict {
        if self.hosts.is_empty() {
            return HostVerdict::Ours;
        }
        let alias = self.canonical.as_ref().is_some_and(|canonical| !matches(canonical, host, port));
        match self.hosts.iter().any(|ours| matches(ours, host, port)) {
            true if alias => HostVerdict::Alias,
            true => HostVerdict::Ours,
            false => HostVerdict::Foreign,
        }
    }
}

fn matches(ours: &HostName, host: &str, port: Option<u16>) -> bool {
    let dotless = |host: &str| host.len() - usize::from(host.ends_with('.'));
    let (our_host, their_host) = (ours.host(), host);
    let same = match (our_host.get(..dotless(our_host)), their_host.get(..dotless(their_host))) {
        (Some(ours), Some(theirs)) => ours.eq_ignore_ascii_case(theirs),
        _ => false,
    };
    let port = match (ours.port(), port) {
        (None, theirs) => matches!(theirs, None | Some(80 | 443)),
        (Some(80 | 443), None) => true,
        (ours, theirs) => ours == theirs,
    };
    same && port
}
