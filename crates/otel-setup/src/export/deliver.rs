//! One request to the collector.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{HttpTransport, TransportError, TransportErrorKind, TransportLimits};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Request, Response, StatusCode, Uri};

use super::plan::Target;
use super::report::Loss;
use crate::otlp;

/// The longest answer that is read; a collector's is a few bytes.
const MOST_ANSWER: usize = 64 * 1_024;
/// The longest pause that a collector may ask for.
const MOST_PAUSE: Duration = Duration::from_secs(300);

/// Why an attempt failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) loss: Loss,
    /// Whether the same request may be sent again (OTLP/HTTP, "Retryable Response Codes").
    pub(super) retryable: bool,
    /// How long the collector asked to be left alone.
    pub(super) pause: Option<Duration>,
    why: Why,
}

#[derive(Debug)]
enum Why {
    Transport(TransportError),
    Status(StatusCode),
    NoCollector,
    Secret,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.why {
            Why::Transport(error) => error.fmt(f),
            Why::Status(status) => write!(f, "the collector answered {}", status.as_u16()),
            Why::NoCollector => f.write_str("the answer is not that of a collector"),
            Why::Secret => f.write_str("a header's secret could not be had"),
        }
    }
}

impl Failure {
    const fn new(loss: Loss, retryable: bool, why: Why) -> Self {
        Self { loss, retryable, pause: None, why }
    }
}

/// Sends once; gives the number of items that the collector took but rejected.
pub(super) async fn attempt(
    transport: &dyn HttpTransport,
    target: &Target,
    body: Bytes,
) -> Result<u64, Failure> {
    let headers =
        target.headers.resolve().await.map_err(|_| Failure::new(Loss::ExportFailed, true, Why::Secret))?;
    let limits = TransportLimits::default()
        .deadline(target.timeout)
        .max_body(MOST_ANSWER)
        // A person wrote this address into the configuration: it is most often inside the own network.
        .allow_special_use_addresses(true);
    match transport.send(request(&target.uri, headers, body), limits).await {
        Ok(answer) => judge(&answer),
        Err(error) => Err(broken(error)),
    }
}

fn request(uri: &Uri, headers: HeaderMap, body: Bytes) -> Request<Bytes> {
    let mut request = Request::new(body);
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = uri.clone();
    *request.headers_mut() = headers;
    let media_type = http::HeaderValue::from_static(otlp::CONTENT_TYPE);
    request.headers_mut().insert(CONTENT_TYPE, media_type);
    request
}

fn broken(error: TransportError) -> Failure {
    use TransportErrorKind::{AddressRefused, Request, Timeout, TooLarge};
    let loss = if error.kind() == Timeout { Loss::Timeout } else { Loss::ExportFailed };
    // An endless answer would be endless again.
    let retryable = !matches!(error.kind(), TooLarge | Request | AddressRefused);
    Failure::new(loss, retryable, Why::Transport(error))
}

fn judge(answer: &Response<Bytes>) -> Result<u64, Failure> {
    let status = answer.status();
    if status.is_success() {
        // A log-in page of some gateway is a success too, for HTTP.
        let no_collector = Failure::new(Loss::ExportFailed, false, Why::NoCollector);
        return otlp::rejected(answer.body()).ok_or(no_collector);
    }
    let retryable = matches!(status.as_u16(), 429 | 502 | 503 | 504);
    let pause = answer.headers().get(RETRY_AFTER).filter(|_| retryable);
    let pause = pause.and_then(|value| value.to_str().ok()?.trim().parse().ok()).map(Duration::from_secs);
    let mut failure = Failure::new(Loss::ExportFailed, retryable, Why::Status(status));
    failure.pause = pause.map(|pause| pause.min(MOST_PAUSE));
    Err(failure)
}
