//! The certificate by which this app proves itself, and the transport that shows it.

use super::client_secret::ClientSecret;

/// The certificate of [`ClientAuth::tls_with`](super::ClientAuth::tls_with), in PEM: `CERTIFICATE` blocks, its own first and then those between it and
/// a root; and its private key, one block of PKCS#8, SEC1 or PKCS#1. What comes from a reference is read at each request, so that a
/// renewed certificate is taken up. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct ClientCertificate {
    #[cfg_attr(not(feature = "client"), expect(dead_code, reason = "only the default transport shows it"))]
    chain: ClientSecret,
    #[cfg_attr(not(feature = "client"), expect(dead_code, reason = "only the default transport shows it"))]
    key: ClientSecret,
}

impl ClientCertificate {
    /// This certificate, with this key.
    #[must_use]
    pub fn new(chain: impl Into<ClientSecret>, key: impl Into<ClientSecret>) -> Self {
        Self { chain: chain.into(), key: key.into() }
    }
}

#[cfg(feature = "client")]
pub(super) use self::shown::Showing;

#[cfg(feature = "client")]
mod shown {
    use std::sync::{Arc, Mutex, PoisonError};

    use bytes::Bytes;
    use gambeson_client::Client;
    use gambeson_core::{
        BoxError, BoxFuture, Clock, ConfigError, HttpTransport, SecretBytes, SystemClock, Timer,
        TransportError, TransportErrorKind, TransportLimits,
    };
    use http::{Request, Response};

    use super::ClientCertificate;
    use crate::keys::either;

    /// The house's own client, with the certificate as it is now.
    #[derive(Debug)]
    pub(in super::super) struct Showing(Arc<Shared>);

    #[derive(Debug)]
    struct Shared {
        certificate: ClientCertificate,
        private: Vec<String>,
        last: Mutex<Option<Made>>,
    }

    /// A client, and what it was made from.
    #[derive(Debug, Clone)]
    struct Made {
        chain: SecretBytes,
        key: SecretBytes,
        client: Client,
    }

    impl Showing {
        /// # Errors
        /// A certificate that is at hand and can't be used.
        pub(in super::super) fn new(
            certificate: ClientCertificate,
            private: &[String],
        ) -> Result<Self, ConfigError> {
            let shared = Shared { certificate, private: private.to_vec(), last: Mutex::default() };
            if let Some((chain, key)) =
                shared.certificate.chain.at_hand().zip(shared.certificate.key.at_hand())
            {
                shared.with(chain, key)?;
            }
            Ok(Self(Arc::new(shared)))
        }
    }

    impl Shared {
        async fn client(&self) -> Result<Client, BoxError> {
            let chain = self.certificate.chain.read().await?;
            let key = self.certificate.key.read().await?;
            Ok(self.with(&chain, &key)?)
        }

        /// The last client, if that is of this certificate: it keeps its connections.
        fn with(&self, chain: &SecretBytes, key: &SecretBytes) -> Result<Client, ConfigError> {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(made) = last.as_ref().filter(|made| made.is_of(chain, key)) {
                return Ok(made.client.clone());
            }
            let builder = Client::builder().proxy_from_env().allow_private(&self.private);
            let client = builder.client_certificate_pem(chain.expose(), key.clone()).build()?;
            *last = Some(Made { chain: chain.clone(), key: key.clone(), client: client.clone() });
            Ok(client)
        }
    }

    impl Made {
        fn is_of(&self, chain: &SecretBytes, key: &SecretBytes) -> bool {
            let same = |one: &SecretBytes, other: &SecretBytes| {
                aws_lc_rs::constant_time::verify_slices_are_equal(one.expose(), other.expose()).is_ok()
            };
            same(&self.chain, chain) && same(&self.key, key)
        }
    }

    impl HttpTransport for Showing {
        fn send(
            &self,
            request: Request<Bytes>,
            limits: TransportLimits,
        ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
            let shared = Arc::clone(&self.0);
            Box::pin(async move {
                let clock = SystemClock::new();
                let deadline = clock.until(clock.monotonic().plus(limits.deadline));
                let mut read = None;
                either(deadline, async { read = Some(shared.client().await) }).await;
                let client = match read {
                    Some(Ok(client)) => client,
                    Some(Err(error)) => {
                        return Err(TransportError::new(TransportErrorKind::Request).with_source(error));
                    }
                    None => return Err(TransportError::new(TransportErrorKind::Timeout)),
                };
                client.send(request, limits).await
            })
        }
    }
}
