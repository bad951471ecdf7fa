//! Which neighbours are believed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{ConfigError, ConfigProblems, Timestamp};
use http::HeaderName;
use ipnet::IpNet;

use super::presets::ProxyPreset;
use crate::check::{Finding, HH081, HH082, HH085, HH086, HH087, Rule};

const RANGES: &str = "hardening-headers.proxies.ranges";
const HEADER: &str = "hardening-headers.proxies.header";
const HOST: &str = "hardening-headers.proxies.forwarded-host";
const CERTIFICATE: &str = "hardening-headers.proxies.client-certificate";

/// Which header field the proxies in front write the client's address into. Only that one is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, with `X-Forwarded-Proto` and, if trusted, `X-Forwarded-Host` beside it.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239), with its `for`, `proto` and, if trusted, `host`.
    Forwarded,
}

/// The proxies in front of the app, as its operator declares them.
///
/// What a client claims about itself counts only as far as declared proxies wrote it. [`TrustedProxies::none`] is a
/// declaration too: "clients connect directly".
///
/// ```
/// use gambeson_hardening_headers::{ForwardedHeader, TrustedProxies};
///
/// let proxies = TrustedProxies::ranges(["10.0.3.0/24", "2001:db8::/48"])?.header(ForwardedHeader::Forwarded);
/// assert!(TrustedProxies::ranges(["10.0.3.0/33", "nginx"]).unwrap_err().problems().len() == 2);
/// # Ok::<(), gambeson_core::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies {
    pub(super) who: Who,
    pub(super) field: Field,
    /// The day as of which the networks are known, where they are somebody else's to change.
    pub(super) as_of: Option<Timestamp>,
    /// The product whose ways are fixed; `None` for proxies that do as their operator says, nginx too.
    pub(super) product: Option<ProxyPreset>,
    /// Whether another field was asked for than the one that the product writes.
    pub(super) other_field: bool,
    pub(super) host: bool,
    pub(super) certificate: bool,
    /// Whether the names of a certificate count without the certificate.
    pub(super) names: bool,
}

/// The field that says who the client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field {
    /// A list to which each proxy adds.
    List(ForwardedHeader),
    /// One address, which the one proxy in front writes over whatever the client sent.
    Single(HeaderName),
}

impl Field {
    /// How what stands beside the client's address is written.
    pub(super) fn beside(&self) -> ForwardedHeader {
        match self {
            Self::List(header) => *header,
            Self::Single(_) => ForwardedHeader::XForwardedFor,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::List(ForwardedHeader::XForwardedFor) => "x-forwarded-for",
            Self::List(ForwardedHeader::Forwarded) => "forwarded",
            Self::Single(name) => name.as_str(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    Nobody,
    Ranges(Arc<[IpNet]>),
    Hops(usize),
}

impl TrustedProxies {
    /// No proxy: every neighbour is the client, and forwarding fields are ignored. The default.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            who: Who::Nobody,
            field: Field::List(ForwardedHeader::XForwardedFor),
            as_of: None,
            product: None,
            other_field: false,
            host: false,
            certificate: false,
            names: false,
        }
    }

    /// Neighbours and hops in these networks, in CIDR notation; a single address stands for itself.
    ///
    /// # Errors
    /// Every text that is neither a network nor an address; networks that alone or together are wider than any that one owner
    /// has (IPv4 /8, IPv6 /7); none at all.
    pub fn ranges<T: AsRef<str>>(ranges: impl IntoIterator<Item = T>) -> Result<Self, ConfigError> {
        let mut problems = ConfigProblems::new();
        let mut networks = Vec::new();
        for range in ranges {
            match network(range.as_ref()) {
                Ok(network) => networks.push(network),
                Err((rule, cure)) => problems.add(RANGES, range.as_ref(), rule.says(cure)),
            }
        }
        for joined in IpNet::aggregate(&networks).into_iter().filter(is_too_wide) {
            let cure = "the ranges together are this network, which trusts strangers: write the proxies' networks, or use hops";
            problems.add(RANGES, joined.to_string(), HH082.says(cure));
        }
        if networks.is_empty() && problems.is_empty() {
            problems.add(
                RANGES,
                "",
                HH081
                    .says("write the proxies' networks; TrustedProxies::none() declares that there are none"),
            );
        }
        problems.into_result(Self { who: Who::Ranges(networks.into()), ..Self::none() })
    }

    /// Exactly this many proxies in front, whatever their addresses; 0 is [`TrustedProxies::none`].
    ///
    /// Safe only where nobody can reach the app except through all of them: a request with fewer forwarded addresses
    /// is taken as coming from its neighbour directly.
    #[must_use]
    pub fn hops(count: u8) -> Self {
        let who = match count {
            0 => Who::Nobody,
            count => Who::Hops(usize::from(count)),
        };
        Self { who, ..Self::none() }
    }

    /// Which field the proxies write; [`ForwardedHeader::XForwardedFor`] unless said. A preset other than [`nginx`](Self::nginx) keeps its
    /// own: any other its product passes on as the client sent it, and [`check`](Self::check) refuses it.
    #[must_use]
    pub fn header(self, header: ForwardedHeader) -> Self {
        match self.product {
            Some(_) => Self { other_field: self.field != Field::List(header), ..self },
            None => Self { field: Field::List(header), ..self },
        }
    }

    /// Looks for trust that these proxies can't give. It is not given, whatever this says.
    ///
    /// # Errors
    /// For the presets [`aws_alb`](Self::aws_alb), [`cloudflare`](Self::cloudflare), [`fly`](Self::fly) and [`cloud_run`](Self::cloud_run):
    /// [`forwarded_host`](Self::forwarded_host), [`client_certificate`](Self::client_certificate) and another [`header`](Self::header), as
    /// these products pass on what the client sent. Otherwise client certificates without [`ranges`](Self::ranges).
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut problems = ConfigProblems::new();
        if self.product.is_some() {
            let cure = "leave it out: this product passes on the field that its client sent";
            let said = [(self.other_field, HEADER), (self.host, HOST), (self.certificate, CERTIFICATE)];
            for (_, field) in said.into_iter().filter(|(said, _)| *said) {
                problems.add(field, "", HH086.says(cure));
            }
        } else if self.certificate && !matches!(self.who, Who::Ranges(_)) {
            let cure = "declare the proxies by ranges: of proxies that are only counted, or of none, anybody could write the field";
            problems.add(CERTIFICATE, "true", HH085.says(cure));
        }
        problems.into_result(())
    }

    /// What is weak about this declaration at this moment.
    #[must_use]
    pub fn findings(&self, now: Timestamp) -> Vec<Finding> {
        const YEAR: Duration = Duration::from_secs(365 * 86_400);
        let old = self.as_of.filter(|as_of| now.since(*as_of) > YEAR);
        old.map(|as_of| {
            let day = as_of.to_string();
            let day = day.get(..10).unwrap_or(&day);
            Finding::new(HH087, "hardening-headers.proxies.preset", format!("networks of {day}"))
        })
        .into_iter()
        .collect()
    }

    /// [`findings`](Self::findings), each in a few words with its id at the front.
    #[must_use]
    pub fn weaknesses(&self, now: Timestamp) -> Vec<String> {
        self.findings(now).iter().map(ToString::to_string).collect()
    }

    /// Believes the host that the proxies forward (`X-Forwarded-Host`, or `host` in `Forwarded`) too. Off unless said:
    /// many proxies pass on whatever the client sent, those of every preset but [`nginx`](Self::nginx) among them; see [`check`](Self::check).
    #[must_use]
    pub fn forwarded_host(self) -> Self {
        Self { host: true, ..self }
    }

    /// Believes what the proxies say of their clients' certificates (`X-Forwarded-Client-Cert`, as Envoy writes it) too: of the
    /// nearest proxy's client, which with several proxies is a proxy. Off unless said. The proxy must set or clear the field
    /// (Envoy: `SANITIZE_SET`, `SANITIZE`) and send the certificate itself (`cert: true`), which also says when it ends: a field with
    /// more than one element, or without `Cert`, says nothing.
    ///
    /// Counts only with [`TrustedProxies::ranges`] and [`TrustedProxies::nginx`]: proxies that are only counted could be anybody, and the
    /// products of the other presets pass on the field that a client sent. [`check`](Self::check) refuses it elsewhere.
    #[must_use]
    pub fn client_certificate(self) -> Self {
        Self { certificate: true, ..self }
    }

    /// As [`client_certificate`](Self::client_certificate), and believes the names of an element without `Cert`.
    ///
    /// Envoy does not quote them, so that whoever gets a certificate with a name such as `x://shop;URI=x://admin` has both.
    /// Safe where the authority signs no names with `;` in them, such as one that signs SPIFFE ids only.
    #[must_use]
    pub fn client_certificate_names(self) -> Self {
        Self { certificate: true, names: true, ..self }
    }

    /// Whether the field that tells certificates counts from a trusted neighbour.
    pub(super) fn tell_certificates(&self) -> bool {
        self.certificate && self.product.is_none() && matches!(self.who, Who::Ranges(_))
    }

    /// Whether the host that a trusted neighbour forwards counts.
    pub(super) fn tell_hosts(&self) -> bool {
        self.host && self.product.is_none()
    }

    pub(super) fn summary(&self) -> String {
        let host = match (self.tell_hosts(), self.tell_certificates()) {
            (true, true) => ", host and client certificates too",
            (true, false) => ", host too",
            (false, true) => ", client certificates too",
            (false, false) => "",
        };
        let header = self.field.name();
        match &self.who {
            Who::Nobody => "clients connect directly".to_owned(),
            Who::Hops(hops) => format!("{hops} proxies in front, {header}{host}"),
            Who::Ranges(ranges) => {
                let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
                format!("proxies in {}, {header}{host}", ranges.join(" "))
            }
        }
    }

    /// Whether a hop at this address is one of the declared networks.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        match &self.who {
            Who::Ranges(ranges) => ranges.iter().any(|range| range.contains(&address)),
            Who::Nobody | Who::Hops(_) => false,
        }
    }
}

impl Default for TrustedProxies {
    fn default() -> Self {
        Self::none()
    }
}

fn network(text: &str) -> Result<IpNet, (&'static Rule, &'static str)> {
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => {
            text.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical())).map_err(|_| {
                (HH081, "write a network such as \"10.0.3.0/24\" or an address; names are not looked up")
            })?
        }
    };
    let network = canonical(network);
    match is_too_wide(&network) {
        true => Err((HH082, "trusts strangers: write the proxies' networks, or use hops")),
        false => Ok(network.trunc()),
    }
}

/// Wider than `10.0.0.0/8` and `fc00::/7`, the widest networks that are one owner's.
fn is_too_wide(network: &IpNet) -> bool {
    let widest = match network {
        IpNet::V4(_) => 8,
        IpNet::V6(_) => 7,
    };
    network.prefix_len() < widest
}

/// IPv4 written inside IPv6 (`::ffff:10.0.3.0/120`) as IPv4: that is how addresses are compared.
fn canonical(network: IpNet) -> IpNet {
    let inside = network.prefix_len().checked_sub(96);
    match (network.addr().to_canonical(), inside) {
        (address @ IpAddr::V4(_), Some(length)) if matches!(network, IpNet::V6(_)) => {
            IpNet::new(address, length).unwrap_or(network)
        }
        _ => network,
    }
}
