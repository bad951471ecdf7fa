//! The client as the innermost service of an outbound stack.

use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;
use gambeson_core::{BoxFuture, HttpTransport, TransportError, TransportLimits};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use crate::Client;

/// [`Client`] as a `tower` service with fixed limits, so that outbound layers (budget, circuit breaker, credentials,
/// trace context) can be put around it.
///
/// ```no_run
/// use bytes::Bytes;
/// use gambeson_client::Client;
/// use gambeson_core::TransportLimits;
/// use http_body_util::Full;
/// use tower_service::Service;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let mut model = Client::builder().build()?.service(TransportLimits::default());
/// let request = http::Request::post("https://model.example/v1/chat/completions").body(Full::from("{}"))?;
/// let answer = model.call(request).await?;
/// # Ok(())
/// # }
/// ```
///
/// Each call is one exchange: it is boxed once, as every exchange of the client is, and its body has arrived whole when
/// it is answered. Always ready; a dropped call ends its exchange.
#[derive(Clone)]
pub struct ClientService {
    client: Client,
    limits: TransportLimits,
}

impl Client {
    /// This client as a `tower` service; every exchange keeps within `limits`.
    #[must_use]
    pub fn service(&self, limits: TransportLimits) -> ClientService {
        ClientService { client: self.clone(), limits }
    }
}

impl Service<Request<Full<Bytes>>> for ClientService {
    type Response = Response<Full<Bytes>>;
    type Error = TransportError;
    type Future = BoxFuture<Result<Self::Response, TransportError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let Self { client, limits } = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = match body.collect().await {
                Ok(body) => body.to_bytes(),
                Err(never) => match never {},
            };
            Ok(client.send(Request::from_parts(head, body), limits).await?.map(Full::new))
        })
    }
}

impl fmt::Debug for ClientService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientService").field("limits", &self.limits).finish_non_exhaustive()
    }
}
