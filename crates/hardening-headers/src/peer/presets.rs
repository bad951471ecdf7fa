//! Proxies of products, whose ways are known.

use gambeson_core::{ConfigError, Timestamp};
use http::HeaderName;

use super::proxies::{Field, TrustedProxies};

/// What Cloudflare says of itself, with the day as of which it does.
const CLOUDFLARE: &str = include_str!("cloudflare.txt");
/// That day in seconds since 1970; a test holds it against the file.
const CLOUDFLARE_AS_OF: i64 = 1_787_356_800;
const CF_CONNECTING_IP: HeaderName = HeaderName::from_static("cf-connecting-ip");
const FLY_CLIENT_IP: HeaderName = HeaderName::from_static("fly-client-ip");
/// Where Fly Proxy connects from. Other machines of the same organisation call from `fdaa::/16` and are not believed.
const FLY: [&str; 1] = ["172.16.0.0/12"];

/// A product in front of the app, as a configuration file names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(rename_all = "kebab-case"))]
#[non_exhaustive]
pub enum ProxyPreset {
    /// [`TrustedProxies::nginx`]; needs `ranges`.
    Nginx,
    /// [`TrustedProxies::aws_alb`]; needs `ranges`.
    AwsAlb,
    /// [`TrustedProxies::cloudflare`].
    Cloudflare,
    /// [`TrustedProxies::fly`].
    Fly,
    /// [`TrustedProxies::cloud_run`].
    CloudRun,
}

impl TrustedProxies {
    /// nginx at these addresses, as `proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;` and
    /// `proxy_set_header X-Forwarded-Proto $scheme;` have it: it adds its client's address to the right, and says the scheme anew.
    /// Without the first line it passes on what the client wrote, and without the second too.
    ///
    /// ```nginx
    /// proxy_set_header Host $host;
    /// proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    /// proxy_set_header X-Forwarded-Proto $scheme;
    /// ```
    ///
    /// # Errors
    /// As [`TrustedProxies::ranges`].
    pub fn nginx<T: AsRef<str>>(ranges: impl IntoIterator<Item = T>) -> Result<Self, ConfigError> {
        Self::ranges(ranges)
    }

    /// An Application Load Balancer of AWS in these networks, which are those of its subnets. It adds its client's address to the right of
    /// `X-Forwarded-For` (attribute `routing.http.xff_header_processing.mode` at `append`, its default; with `preserve` anybody chooses
    /// their address) and says the scheme anew. Client certificates are in fields of its own, which are not read; `X-Forwarded-Client-Cert`,
    /// `X-Forwarded-Host` and `Forwarded` are as the client sent them, and never believed.
    ///
    /// # Errors
    /// As [`TrustedProxies::ranges`].
    pub fn aws_alb<T: AsRef<str>>(ranges: impl IntoIterator<Item = T>) -> Result<Self, ConfigError> {
        Ok(Self { product: Some(ProxyPreset::AwsAlb), ..Self::ranges(ranges)? })
    }

    /// Cloudflare, connected to the app without another proxy between: `CF-Connecting-IP`, and only from the networks that Cloudflare
    /// lists. The list is part of this crate and has a date; [`findings`](Self::findings) tells when that is over a year ago, and
    /// [`PeerLayer`](super::PeerLayer) logs it when it is made.
    ///
    /// Everybody can have Cloudflare's network call the app: [`Hardening::hosts`](crate::Hardening::hosts) and authenticated origin
    /// pulls keep other customers' zones out. With "Pseudo IPv4: overwrite headers" IPv6 clients have made-up addresses.
    #[must_use]
    pub fn cloudflare() -> Self {
        let networks = CLOUDFLARE.lines().filter(|line| !line.starts_with('#'));
        let as_of = Some(Timestamp::from_unix_seconds(CLOUDFLARE_AS_OF));
        // A test holds every line to be a network; should one not be, nobody is trusted.
        let proxies = Self::ranges(networks).unwrap_or_else(|_| Self::none());
        let product = Some(ProxyPreset::Cloudflare);
        Self { field: Field::Single(CF_CONNECTING_IP), as_of, product, ..proxies }
    }

    /// Fly Proxy in front of a machine on Fly.io: `Fly-Client-IP`, which it writes over what the client sent, from neighbours in
    /// 172.16.0.0/12. Other machines of the same organisation call from `fdaa::/16` and are not believed. `X-Forwarded-For` ends there in
    /// the app's own address and is not read.
    #[must_use]
    pub fn fly() -> Self {
        let proxies = Self::ranges(FLY).unwrap_or_else(|_| Self::none());
        Self { field: Field::Single(FLY_CLIENT_IP), product: Some(ProxyPreset::Fly), ..proxies }
    }

    /// Google's front end before a Cloud Run service that is called by its own address: the right-most of `X-Forwarded-For`, which it
    /// adds. Nothing else can reach the container. Behind a load balancer of one's own it is [`hops`](Self::hops)`(2)`, as the load
    /// balancer adds its own address to the right of its client's, and the service must not be reachable without it (ingress `internal-and-cloud-load-balancing`).
    #[must_use]
    pub fn cloud_run() -> Self {
        Self { product: Some(ProxyPreset::CloudRun), ..Self::hops(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_cloudflare_is_whole_and_of_the_day_that_it_says() {
        let networks = CLOUDFLARE.lines().filter(|line| !line.starts_with('#'));
        assert_eq!(networks.clone().count(), 22);
        for network in networks {
            let network: ipnet::IpNet = network.parse().unwrap();
            assert!(TrustedProxies::cloudflare().holds(network.addr()), "{network}");
        }
        assert!(TrustedProxies::fly().holds("172.16.0.1".parse().unwrap()));
        let day = Timestamp::from_unix_seconds(CLOUDFLARE_AS_OF).to_string();
        assert!(CLOUDFLARE.contains(&format!("# As of: {}\n", day.get(..10).unwrap())));
    }
}
