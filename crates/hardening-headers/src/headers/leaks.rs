//! Fields that no client needs.
//!
//! Names are of the OWASP Secure Headers Project's list of headers to remove (Apache-2.0, state of 2026-07-19), without those that
//! clients or proxies of the app's own may be there for: `Host-Header`, `Product`, `SourceMap` and `X-SourceMap` (debuggers), trace
//! ids (`X-B3-…`, `X-Datadog-…`, `X-Tyk-Trace-Id`, `X-Kong-Request-Id`), what LiteSpeed and Next.js say to their own proxies and
//! pages (`X-LiteSpeed-…`, `X-Nextjs-…`), `X-Atmosphere-…`, `X-Old-Content-Length`, and the agents that find themselves by
//! `X-OneAgent-JS-Injection`, `X-dt…` and `X-ruxit-JS-Agent`. `X-Runtime` and `X-Version` are ours.
//! `X-XSS-Protection`, `Expect-CT`, `Feature-Policy` and `Public-Key-Pins` are obsolete and harmful (its tests ask for their absence).

use http::HeaderName;

/// Whether a field tells strangers what the app is made of, or switches on something that is obsolete and harmful.
pub(crate) fn is_leak(name: &HeaderName) -> bool {
    let name = name.as_str();
    // Few lengths and few beginnings are on the list: most fields of an app end here.
    if !matches!(name.as_bytes().first(), Some(b'x' | b's' | b'p' | b'l' | b'o' | b'k' | b'e' | b'f' | b'$'))
    {
        return false;
    }
    of_length(name.len()).contains(&name)
}

const fn of_length(length: usize) -> &'static [&'static str] {
    match length {
        5 => &["$wsep", "x-cms"],
        6 => &["server"],
        9 => &["expect-ct", "pega-host", "x-runtime", "x-version"],
        10 => &["powered-by", "x-beserver", "x-diaginfo", "x-feserver"],
        11 => &["x-framework", "x-generator"],
        12 => &["x-page-speed", "x-powered-by"],
        13 => &[
            "x-gitlab-meta",
            "x-owa-version",
            "x-php-version",
            "x-powered-cms",
            "x-redirect-by",
            "x-sourcefiles",
        ],
        14 => &["feature-policy", "liferay-portal", "x-generated-by"],
        15 => {
            &["k-proxy-request", "public-key-pins", "x-cf-powered-by", "x-jitsi-release", "x-mod-pagespeed"]
        }
        16 => &[
            "x-aspnet-version",
            "x-cocoon-version",
            "x-envoy-internal",
            "x-joomla-version",
            "x-varnish-server",
            "x-xss-protection",
        ],
        17 => &["x-umbraco-version", "x-varnish-backend"],
        18 => &["x-powered-by-plesk", "x-turbo-charged-by"],
        19 => &["x-aspnetmvc-version", "x-server-powered-by"],
        20 => &[
            "x-backside-transport",
            "x-calculatedbetarget",
            "x-content-encoded-by",
            "x-kong-admin-latency",
            "x-kong-proxy-latency",
            "x-kong-total-latency",
            "x-woodpecker-version",
        ],
        21 => &["x-envoy-attempt-count", "x-kong-client-latency"],
        22 => &["x-kong-upstream-status"],
        23 => &["x-kong-response-latency", "x-kong-upstream-latency"],
        24 => &["x-envoy-external-address"],
        25 => &["x-envoy-original-dst-host"],
        26 => &["x-kong-third-party-latency"],
        27 => &["oraclecommercecloud-version"],
        29 => &["x-envoy-upstream-service-time", "x-kubernetes-pf-flowschema-ui"],
        33 => &["x-kubernetes-pf-prioritylevel-uid"],
        _ => &[],
    }
}
