//! The client itself: two pools, one exchange at a time.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use gambeson_core::{BoxFuture, HttpTransport, Spawn, TransportError, TransportErrorKind, TransportLimits};
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Response, Uri, Version, header};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy;
use hyper_util::rt::TokioTimer;

use crate::ClientBuilder;
use crate::connect::{Connector, Dialer};
use crate::deadline::within;

/// An HTTP client for small exchanges: HTTP/1.1 and HTTP/2, plain and TLS. A clone shares connections.
///
/// # Cancel safety
///
/// Dropping the future of [`HttpTransport::send`] closes what that exchange had opened; a connection that was still being
/// opened may go on as a task and join the pool.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    dialer: Arc<Dialer>,
    /// Connections to public addresses only.
    public: Pool,
    /// Connections that may lead anywhere. Apart from the others, so that no request travels further than it may.
    anywhere: Pool,
}

type Pool = legacy::Client<Connector, Full<Bytes>>;

impl Client {
    /// Settings of a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(crate) fn new(dialer: Arc<Dialer>, spawn: &Arc<dyn Spawn>) -> Self {
        let pool = |special_use| {
            legacy::Client::builder(Tasks(spawn.clone()))
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(Duration::from_secs(60))
                .pool_max_idle_per_host(4)
                .http1_max_buf_size(64 * 1_024)
                .build(Connector { dialer: dialer.clone(), special_use })
        };
        Self(Arc::new(Shared { public: pool(false), anywhere: pool(true), dialer }))
    }

    async fn exchange(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> Result<Response<Bytes>, TransportError> {
        let request = self.prepare(request)?;
        let pool = match limits.special_use_addresses {
            true => &self.0.anywhere,
            false => &self.0.public,
        };
        let (parts, body) = pool.request(request).await.map_err(classify)?.into_parts();
        let body = read(body, limits.max_body).await?;
        Ok(Response::from_parts(parts, body))
    }

    fn prepare(&self, request: Request<Bytes>) -> Result<Request<Full<Bytes>>, TransportError> {
        let mut request = request.map(Full::new);
        check(request.method(), request.uri())?;
        // What the connection speaks is settled by its handshake, not by the caller.
        *request.version_mut() = Version::HTTP_11;
        request.headers_mut().remove(header::PROXY_AUTHORIZATION);
        if let Some(value) = self.absolute_form_authorization(request.uri()) {
            request.headers_mut().insert(header::PROXY_AUTHORIZATION, value);
        }
        Ok(request)
    }

    fn absolute_form_authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        if uri.scheme() != Some(&Scheme::HTTP) {
            return None;
        }
        self.0.dialer.proxies.for_destination(uri)?.authorization
    }
}

impl HttpTransport for Client {
    fn send(
        &self,
        request: Request<Bytes>,
        limits: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        let this = self.clone();
        Box::pin(async move {
            let dialer = &this.0.dialer;
            let exchange = this.exchange(request, limits);
            within(&*dialer.clock, &*dialer.timer, limits.deadline, exchange)
                .await
                .unwrap_or_else(|| Err(TransportError::new(TransportErrorKind::Timeout)))
        })
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("proxies", &self.0.dialer.proxies).finish_non_exhaustive()
    }
}

fn check(method: &Method, uri: &Uri) -> Result<(), TransportError> {
    let refuse = |why: &'static str| Err(TransportError::new(TransportErrorKind::Request).with_source(why));
    if uri.scheme() != Some(&Scheme::HTTP) && uri.scheme() != Some(&Scheme::HTTPS) {
        return refuse("the address is not absolute with http or https");
    }
    if uri.authority().is_none_or(|authority| authority.as_str().contains('@')) {
        return refuse("the address has no host, or has a user before it");
    }
    if method == Method::CONNECT {
        return refuse("CONNECT is not a request of its own");
    }
    Ok(())
}

/// Reads a body of at most `max` bytes.
async fn read(mut body: Incoming, max: usize) -> Result<Bytes, TransportError> {
    let too_large = || TransportError::new(TransportErrorKind::TooLarge);
    if body.size_hint().lower() > max as u64 {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| TransportError::new(TransportErrorKind::Protocol).with_source(error))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > max - whole.len() {
            return Err(too_large());
        }
        if whole.is_empty() && body.is_end_stream() {
            return Ok(data);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// The class that our connector gave the failure, else what hyper can tell.
fn classify(error: legacy::Error) -> TransportError {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(ours) = cause.downcast_ref::<TransportError>() {
            return TransportError::new(ours.kind()).with_source(error);
        }
        next = cause.source();
    }
    let kind = if error.is_connect() { TransportErrorKind::Connect } else { TransportErrorKind::Protocol };
    TransportError::new(kind).with_source(error)
}

/// Runs hyper's connection tasks through core's seam.
#[derive(Clone)]
struct Tasks(Arc<dyn Spawn>);

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, task: F) {
        self.0.spawn(Box::pin(async move {
            task.await;
        }));
    }
}
