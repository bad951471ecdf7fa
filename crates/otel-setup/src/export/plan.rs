//! Where telemetry goes, and how.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, Entropy, HttpTransport, SecretError, SecretRef, SecretResolver, Timer};
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::otlp::{Resource, ServerAddress};

/// Everything that the exporter needs to know; checked before.
pub(crate) struct Plan {
    pub(crate) traces: Option<Target>,
    pub(crate) metrics: Option<Target>,
    /// How long a batch is tried again.
    pub(crate) retry_for: Duration,
    /// How long a span waits for company.
    pub(crate) delay: Duration,
    /// Between two exports of the metrics.
    pub(crate) interval: Duration,
    pub(crate) resource: Resource,
    pub(crate) server: Option<ServerAddress>,
    pub(crate) transport: Arc<dyn HttpTransport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) timer: Arc<dyn Timer>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// Where one signal goes.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
    pub(crate) headers: Headers,
    /// For one attempt.
    pub(crate) timeout: Duration,
}

/// Header fields of each request to the collector, credentials among them.
#[derive(Clone, Default)]
pub(crate) struct Headers {
    pub(crate) fixed: HeaderMap,
    pub(crate) secret: Vec<(HeaderName, SecretRef)>,
    pub(crate) secrets: Option<Arc<dyn SecretResolver>>,
}

impl Headers {
    /// The fields with the secrets as they are now, so that a rotated one is used from the next request on.
    pub(super) async fn resolve(&self) -> Result<HeaderMap, Option<SecretError>> {
        let mut headers = self.fixed.clone();
        for (name, reference) in &self.secret {
            let secrets = self.secrets.as_ref().ok_or(None)?;
            let secret = secrets.resolve(reference).await.map_err(Some)?;
            let mut value = HeaderValue::from_bytes(secret.expose().trim_ascii()).map_err(|_| None)?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

/// Names only.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fixed.keys()).entries(self.secret.iter().map(|(name, _)| name)).finish()
    }
}
