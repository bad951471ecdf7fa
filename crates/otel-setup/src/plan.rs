//! From settings to what the exporter needs: addresses, headers, the transport.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, ConfigProblems, Entropy, HttpTransport, Profile, SecretResolver, Timer};
use http::uri::Scheme;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::Config;
use crate::environment::Environment;
use crate::export::{Headers, Plan, Target};
use crate::otlp::{Resource, ServerAddress};

/// What a builder holds.
pub(crate) struct Parts<'a> {
    pub(crate) config: &'a Config,
    pub(crate) environment: &'a Environment,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) profile: Profile,
    pub(crate) transport: Option<&'a Arc<dyn HttpTransport>>,
    pub(crate) secrets: Option<&'a Arc<dyn SecretResolver>>,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) timer: &'a Arc<dyn Timer>,
    pub(crate) entropy: &'a Arc<dyn Entropy>,
}

/// What the exporter is to do; `None` when nothing is exported.
pub(crate) fn plan(parts: &Parts<'_>, problems: &mut ConfigProblems) -> Option<Plan> {
    let (config, environment) = (parts.config, parts.environment);
    let traces = address(config, config.traces_endpoint.as_deref(), "v1/traces", "telemetry.traces_endpoint");
    let metrics =
        address(config, config.metrics_endpoint.as_deref(), "v1/metrics", "telemetry.metrics_endpoint");
    if !config.enabled {
        return None;
    }
    let mut target = |address: Option<Address>, headers: &HeaderMap, timeout: Option<Duration>| {
        let uri = address?.check(parts, problems)?;
        let headers = all_headers(parts, headers, problems);
        Some(Target { uri, headers, timeout: timeout.unwrap_or(config.timeout) })
    };
    let traces =
        target(traces.filter(|_| config.traces), &environment.trace_headers, environment.traces_timeout);
    let metrics =
        target(metrics.filter(|_| config.metrics), &environment.metric_headers, environment.metrics_timeout);
    if traces.is_none() && metrics.is_none() {
        return None;
    }
    let transport = parts.transport.cloned().or_else(|| default_transport(environment, problems))?;
    Some(Plan {
        traces,
        metrics,
        retry_for: config.retry_for,
        delay: config.batch_delay,
        interval: config.metric_interval,
        resource: resource(parts),
        server: config.server_address.clone().map(|host| ServerAddress { host, port: config.server_port }),
        transport,
        clock: parts.clock.clone(),
        timer: parts.timer.clone(),
        entropy: parts.entropy.clone(),
    })
}

/// An address as it was given, and by which setting.
struct Address {
    text: String,
    field: &'static str,
}

/// The address of one signal: its own, whole, or the general one with the signal's path.
fn address(config: &Config, own: Option<&str>, path: &str, field: &'static str) -> Option<Address> {
    match (own, config.endpoint.as_deref()) {
        (Some(own), _) => Some(Address { text: own.to_owned(), field }),
        (None, Some(base)) => {
            let text = format!("{}/{path}", base.trim_end_matches('/'));
            Some(Address { text, field: "telemetry.endpoint" })
        }
        (None, None) => None,
    }
}

impl Address {
    fn check(self, parts: &Parts<'_>, problems: &mut ConfigProblems) -> Option<Uri> {
        let uri = self.text.parse::<Uri>().ok().filter(is_usable);
        let Some(uri) = uri else {
            // It may hold a credential.
            let cure = "write an address such as https://collector.example:4318, without user or password";
            problems.add(self.field, "", cure);
            return None;
        };
        let plain = uri.scheme() == Some(&Scheme::HTTP);
        if plain && parts.profile.is_production() && !is_loopback(&uri) {
            if !parts.config.dangerously_plain_http {
                let cure = "use https; or, inside a network that you trust, set dangerously-plain-http or \
                            OTEL_EXPORTER_OTLP_INSECURE=true";
                problems.add(self.field, self.text, cure);
                return None;
            }
            tracing::warn!(field = self.field, "telemetry leaves for another machine without TLS");
        }
        Some(uri)
    }
}

fn is_usable(uri: &Uri) -> bool {
    let scheme = uri.scheme();
    (scheme == Some(&Scheme::HTTP) || scheme == Some(&Scheme::HTTPS))
        && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
}

fn is_loopback(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let address = host.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// General ones first, then those of the environment, then those of the code.
fn all_headers(parts: &Parts<'_>, environment: &HeaderMap, problems: &mut ConfigProblems) -> Headers {
    let mut headers = Headers { secrets: parts.secrets.cloned(), ..Headers::default() };
    for (name, value) in &parts.config.headers {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => drop(headers.fixed.insert(name, value)),
            _ => {
                problems.add(
                    "telemetry.headers",
                    name,
                    "each name and value must be those of a header field",
                );
            }
        }
    }
    for (name, secret) in &parts.config.secret_headers {
        match HeaderName::try_from(name) {
            Ok(name) => headers.secret.push((name, secret.clone())),
            Err(_) => {
                problems.add("telemetry.secret_headers", name, "the name must be that of a header field");
            }
        }
    }
    if !headers.secret.is_empty() && headers.secrets.is_none() {
        let cure = "say where secrets come from: TelemetryBuilder::secrets";
        problems.add("telemetry.secret_headers", "", cure);
    }
    for (name, value) in environment.iter().chain(parts.headers) {
        headers.fixed.insert(name, value.clone());
    }
    headers
}

fn resource(parts: &Parts<'_>) -> Resource {
    let mut resource = Resource::default();
    resource.set("telemetry.sdk.name", "gambeson");
    resource.set("telemetry.sdk.language", "rust");
    resource.set("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
    let mut random = [0; 16];
    if parts.entropy.fill(&mut random).is_ok() {
        let id = random.iter().fold(String::new(), |id, byte| format!("{id}{byte:02x}"));
        resource.set("service.instance.id", &id);
    }
    for (key, value) in &parts.config.resource {
        resource.set(key, value);
    }
    resource.set("service.name", &parts.config.service);
    if !parts.config.version.is_empty() {
        resource.set("service.version", &parts.config.version);
    }
    resource
}

#[cfg(feature = "client")]
fn default_transport(
    environment: &Environment,
    problems: &mut ConfigProblems,
) -> Option<Arc<dyn HttpTransport>> {
    const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
    let mut client = gambeson_client::Client::builder().proxy_from_env();
    if let Some(path) = &environment.certificate {
        match std::fs::read(path) {
            Ok(pem) => client = client.extra_root_certificates_pem(pem),
            Err(error) => problems.add(CERTIFICATE, path, format!("name a file that can be read ({error})")),
        }
    }
    match client.build() {
        Ok(client) => Some(Arc::new(client)),
        Err(error) => {
            problems.extend(error);
            None
        }
    }
}

#[cfg(not(feature = "client"))]
fn default_transport(
    environment: &Environment,
    problems: &mut ConfigProblems,
) -> Option<Arc<dyn HttpTransport>> {
    let _ = &environment.certificate;
    let cure = "enable the feature `client` of gambeson-otel-setup, or give TelemetryBuilder::transport";
    problems.add("telemetry.transport", "", cure);
    None
}
