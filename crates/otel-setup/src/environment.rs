//! The `OTEL_…` variables of the OpenTelemetry specification, as far as they mean something here.

use std::time::Duration;

use gambeson_core::ConfigProblems;
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Config, Sampling};

/// What the environment says that a file must not hold.
#[derive(Default)]
pub(crate) struct Environment {
    /// Header fields by signal, credentials among them.
    pub(crate) trace_headers: HeaderMap,
    pub(crate) metric_headers: HeaderMap,
    pub(crate) traces_timeout: Option<Duration>,
    pub(crate) metrics_timeout: Option<Duration>,
    /// A file of PEM certificates that the collector's is checked against too.
    pub(crate) certificate: Option<String>,
}

/// Writes what the variables say into `config`.
pub(crate) fn read(
    lookup: &dyn Fn(&str) -> Option<String>,
    config: &mut Config,
    problems: &mut ConfigProblems,
) -> Environment {
    let mut variables = Variables { lookup, problems };
    variables.general(config);
    variables.sampler(config);
    variables.batches(config);
    variables.otlp(config)
}

struct Variables<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: &'a mut ConfigProblems,
}

impl Variables<'_> {
    /// An empty variable counts as not set, as the specification says.
    fn get(&self, name: &str) -> Option<String> {
        (self.lookup)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn general(&mut self, config: &mut Config) {
        if let Some(service) = self.get("OTEL_SERVICE_NAME") {
            config.service = service.into();
        }
        for (key, value) in self.pairs("OTEL_RESOURCE_ATTRIBUTES") {
            config.resource.insert(key, value);
        }
        if let Some(off) = self.truth("OTEL_SDK_DISABLED") {
            config.enabled = !off;
        }
        for (name, signal) in
            [("OTEL_TRACES_EXPORTER", &mut config.traces), ("OTEL_METRICS_EXPORTER", &mut config.metrics)]
        {
            match self.get(name).as_deref() {
                None => {}
                Some("otlp") => *signal = true,
                Some("none") => *signal = false,
                Some(other) => self.problems.add(name, other, "write otlp or none"),
            }
        }
    }

    fn sampler(&mut self, config: &mut Config) {
        const NAME: &str = "OTEL_TRACES_SAMPLER";
        let Some(sampler) = self.get(NAME) else { return };
        let share = match self.get("OTEL_TRACES_SAMPLER_ARG").map(|text| text.parse::<f64>()) {
            None => 1.0,
            Some(Ok(share)) => share,
            Some(Err(_)) => {
                let cure = "write a share from 0 to 1, such as 0.1";
                self.problems.add("OTEL_TRACES_SAMPLER_ARG", "", cure);
                1.0
            }
        };
        config.sampling = match sampler.as_str() {
            "always_on" => Sampling::always(),
            "always_off" => Sampling::never(),
            "traceidratio" => Sampling::ratio(share),
            "parentbased_always_on" => Sampling::parent_ratio(1.0),
            "parentbased_always_off" => Sampling::parent_ratio(0.0).keep_errors(false),
            "parentbased_traceidratio" => Sampling::parent_ratio(share),
            other => {
                let cure = "write always_on, always_off, traceidratio or one of the three with parentbased_ before it";
                return self.problems.add(NAME, other, cure);
            }
        };
    }

    fn batches(&mut self, config: &mut Config) {
        self.millis("OTEL_BSP_SCHEDULE_DELAY", &mut config.batch_delay);
        self.millis("OTEL_METRIC_EXPORT_INTERVAL", &mut config.metric_interval);
        self.number("OTEL_BSP_MAX_QUEUE_SIZE", &mut config.queue);
        self.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", &mut config.batch);
    }

    fn otlp(&mut self, config: &mut Config) -> Environment {
        for (name, slot) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &mut config.endpoint),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &mut config.traces_endpoint),
            ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &mut config.metrics_endpoint),
        ] {
            if let Some(endpoint) = self.get(name) {
                *slot = Some(endpoint.into());
            }
        }
        if let Some(plain) = self.truth("OTEL_EXPORTER_OTLP_INSECURE") {
            config.dangerously_plain_http = plain;
        }
        self.millis("OTEL_EXPORTER_OTLP_TIMEOUT", &mut config.timeout);
        for signal in ["", "_TRACES", "_METRICS"] {
            self.only(&format!("OTEL_EXPORTER_OTLP{signal}_PROTOCOL"), "http/protobuf");
            self.only(&format!("OTEL_EXPORTER_OTLP{signal}_COMPRESSION"), "none");
        }
        let mut general = HeaderMap::new();
        self.headers("OTEL_EXPORTER_OTLP_HEADERS", &mut general);
        let mut environment = Environment {
            trace_headers: general.clone(),
            metric_headers: general,
            traces_timeout: self.optional_millis("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"),
            metrics_timeout: self.optional_millis("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT"),
            certificate: self.get("OTEL_EXPORTER_OTLP_CERTIFICATE"),
        };
        self.headers("OTEL_EXPORTER_OTLP_TRACES_HEADERS", &mut environment.trace_headers);
        self.headers("OTEL_EXPORTER_OTLP_METRICS_HEADERS", &mut environment.metric_headers);
        environment
    }

    /// A variable of which one value is supported.
    fn only(&mut self, name: &str, supported: &str) {
        if let Some(value) = self.get(name).filter(|value| value != supported) {
            self.problems.add(name, value, format!("write {supported} or take the variable away"));
        }
    }

    fn truth(&mut self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        let truth = [("true", true), ("false", false)];
        let found = truth.into_iter().find(|(word, _)| value.eq_ignore_ascii_case(word));
        if found.is_none() {
            self.problems.add(name, value, "write true or false");
        }
        found.map(|(_, truth)| truth)
    }

    fn number(&mut self, name: &str, slot: &mut usize) {
        match self.get(name).map(|text| (text.parse(), text)) {
            None => {}
            Some((Ok(number), _)) => *slot = number,
            Some((Err(_), text)) => self.problems.add(name, text, "write a whole number"),
        }
    }

    fn millis(&mut self, name: &str, slot: &mut Duration) {
        if let Some(duration) = self.optional_millis(name) {
            *slot = duration;
        }
    }

    fn optional_millis(&mut self, name: &str) -> Option<Duration> {
        let text = self.get(name)?;
        match text.parse() {
            Ok(millis) => Some(Duration::from_millis(millis)),
            Err(_) => {
                self.problems.add(name, text, "write whole milliseconds, such as 10000");
                None
            }
        }
    }

    fn headers(&mut self, name: &str, headers: &mut HeaderMap) {
        for (key, value) in self.pairs(name) {
            match (HeaderName::try_from(key), HeaderValue::try_from(value)) {
                (Ok(key), Ok(mut value)) => {
                    value.set_sensitive(true);
                    headers.insert(key, value);
                }
                // The value may be a secret.
                _ => self.problems.add(name, "", "each name and value must be those of a header field"),
            }
        }
    }

    /// `key=value` with percent-encoded values, parted by commas.
    fn pairs(&mut self, name: &str) -> Vec<(String, String)> {
        let text = self.get(name).unwrap_or_default();
        let mut pairs = Vec::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let found = pair.split_once('=').filter(|(key, _)| !key.trim().is_empty());
            match found.and_then(|(key, value)| Some((key.trim().to_owned(), decode(value.trim())?))) {
                Some(pair) => pairs.push(pair),
                None => {
                    self.problems.add(name, "", "write key=value,key=value; encode odd characters as %20");
                }
            }
        }
        pairs
    }
}

/// Percent-decoding; `None` for what is no encoding or no text.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}
