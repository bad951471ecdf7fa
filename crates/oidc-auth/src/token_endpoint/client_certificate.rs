//! The certificate by which this app proves itself, and the transport that shows it.

use super::client_secret::ClientSecret;

/// The certificate of [`ClientAuth::tls_with`](super::ClientAuth::tls_with), in PEM: `CERTIFICATE` blocks, its own first and then those between it and
/// a root; and its private key, one block of PKCS#8, SEC1 or PKCS#1. What comes from a reference is read at each request, so that a
/// renewed certificate is taken up; one that can't be used is told in the log, and the one before goes on. `Debug` shows no secret.
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
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

    use bytes::Bytes;
    use gambeson_client::Client;
    use gambeson_core::{
        BoxError, BoxFuture, Clock, ConfigError, HttpTransport, SecretBytes, SystemClock, Timer,
        TransportError, TransportErrorKind, TransportLimits,
    };
    use http::{Request, Response};

    use super::ClientCertificate;
    use crate::keys::either;
    use crate::telemetry;

    /// The house's own client, with the certificate as it is now.
    #[derive(Debug)]
    pub(in super::super) struct Showing(Arc<Shared>);

    #[derive(Debug)]
    struct Shared {
        certificate: ClientCertificate,
        private: Vec<String>,
        last: Mutex<Last>,
        /// Held by the one who makes a client, which reads the trust store; whoever comes meanwhile takes what comes of it.
        making: tokio::sync::Mutex<()>,
    }

    /// What came of the certificates so far.
    #[derive(Debug, Default)]
    struct Last {
        /// The last client, which keeps its connections.
        good: Option<(Pair, Client)>,
        /// The last pair that could not be used, and why.
        bad: Option<(Pair, ConfigError)>,
    }

    /// A certificate and its key, as they were read.
    #[derive(Debug)]
    struct Pair {
        chain: SecretBytes,
        key: SecretBytes,
    }

    impl Showing {
        /// # Errors
        /// A certificate that is at hand and can't be used.
        pub(in super::super) fn new(
            certificate: ClientCertificate,
            private: &[String],
        ) -> Result<Self, ConfigError> {
            let shared = Shared::new(certificate, private);
            let ClientCertificate { chain, key } = &shared.certificate;
            if let Some((chain, key)) = chain.at_hand().cloned().zip(key.at_hand().cloned()) {
                shared.make(Pair { chain, key })?;
            }
            Ok(Self(Arc::new(shared)))
        }
    }

    impl Shared {
        fn new(certificate: ClientCertificate, private: &[String]) -> Self {
            let (last, making) = Default::default();
            Self { certificate, private: private.to_vec(), last, making }
        }

        fn last(&self) -> MutexGuard<'_, Last> {
            self.last.lock().unwrap_or_else(PoisonError::into_inner)
        }

        async fn client(&self) -> Result<Client, BoxError> {
            let ClientCertificate { chain, key } = &self.certificate;
            let pair = Pair { chain: chain.read().await?, key: key.read().await? };
            if let Some(known) = self.last().known(&pair) {
                return Ok(known?);
            }
            let _making = self.making.lock().await;
            let known = self.last().known(&pair);
            Ok(known.unwrap_or_else(|| self.make(pair))?)
        }

        /// A client of this pair, or the one before if this pair can't be used: half of a renewal may have been read.
        fn make(&self, pair: Pair) -> Result<Client, ConfigError> {
            let builder = Client::builder().proxy_from_env().allow_private(&self.private);
            let made = builder.client_certificate_pem(pair.chain.expose(), pair.key.clone()).build();
            let mut last = self.last();
            match made {
                Ok(client) => *last = Last { good: Some((pair, client)), bad: None },
                Err(error) => {
                    if last.good.is_some() {
                        telemetry::certificate_unusable(&error);
                    }
                    last.bad = Some((pair, error));
                }
            }
            last.outcome()
        }
    }

    impl Last {
        /// What came of this pair; `None` when it was not tried yet.
        fn known(&self, pair: &Pair) -> Option<Result<Client, ConfigError>> {
            let is_good = self.good.as_ref().is_some_and(|(of, _)| of.is(pair));
            let is_bad = self.bad.as_ref().is_some_and(|(of, _)| of.is(pair));
            (is_good || is_bad).then(|| self.outcome())
        }

        fn outcome(&self) -> Result<Client, ConfigError> {
            match (&self.good, &self.bad) {
                (Some((_, client)), _) => Ok(client.clone()),
                (None, Some((_, error))) => Err(error.clone()),
                (None, None) => Err(ConfigError::one("certificate", "", "there is none")),
            }
        }
    }

    impl Pair {
        fn is(&self, other: &Self) -> bool {
            let same = |one: &SecretBytes, other: &SecretBytes| {
                aws_lc_rs::constant_time::verify_slices_are_equal(one.expose(), other.expose()).is_ok()
            };
            same(&self.chain, &other.chain) && same(&self.key, &other.key)
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

    #[cfg(test)]
    mod tests {
        use std::future::Future;
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};

        use gambeson_core::{SecretError, SecretRef, SecretResolver};

        use super::super::super::ClientSecret;
        use super::*;

        /// What stands where the certificate and its key are.
        #[derive(Debug, Clone)]
        struct Files(Arc<Mutex<(String, String)>>);

        impl Files {
            fn hold(&self, (chain, key): &(String, String)) {
                *self.0.lock().unwrap() = (chain.clone(), key.clone());
            }
        }

        impl SecretResolver for Files {
            fn resolve(&self, reference: &SecretRef) -> BoxFuture<Result<SecretBytes, SecretError>> {
                let files = self.0.lock().unwrap();
                let text = if reference.to_string().ends_with("key") { &files.1 } else { &files.0 };
                let secret = SecretBytes::new(text.clone().into_bytes());
                Box::pin(async { Ok(secret) })
            }
        }

        fn pair() -> (String, String) {
            let key = rcgen::KeyPair::generate().unwrap();
            let params = rcgen::CertificateParams::new(["orders.example".to_owned()]).unwrap();
            (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
        }

        fn shared(files: &Files) -> Shared {
            let at = |name: &str| ClientSecret::from_ref(name.parse().unwrap(), Arc::new(files.clone()));
            Shared::new(ClientCertificate::new(at("mem://chain"), at("mem://key")), &[])
        }

        /// The key of the last client, and that of the last pair that could not be used.
        fn kept(shared: &Shared) -> (Option<SecretBytes>, Option<SecretBytes>) {
            let last = shared.last();
            let key = |pair: &Pair| pair.key.clone();
            (last.good.as_ref().map(|(pair, _)| key(pair)), last.bad.as_ref().map(|(pair, _)| key(pair)))
        }

        #[tokio::test]
        async fn a_renewed_pair_that_can_t_be_used_leaves_the_one_before_at_work() {
            let (first, second) = (pair(), pair());
            let files = Files(Arc::new(Mutex::new(first.clone())));
            let shared = shared(&files);
            shared.client().await.unwrap();
            // The renewal has written one of two files.
            let half = (second.0.clone(), first.1.clone());
            for bad in [half, ("junk".into(), first.1.clone())] {
                files.hold(&bad);
                shared.client().await.unwrap();
                let (good, bad) = kept(&shared);
                assert_eq!(good.unwrap().expose(), first.1.as_bytes());
                assert!(bad.is_some());
            }
            files.hold(&second);
            shared.client().await.unwrap();
            let (good, bad) = kept(&shared);
            assert!(good.unwrap().expose() == second.1.as_bytes() && bad.is_none());
        }

        #[tokio::test]
        async fn what_can_t_be_used_is_tried_once() {
            let files = Files(Arc::new(Mutex::new(("junk".into(), "junk".into()))));
            let shared = shared(&files);
            let error = shared.client().await.unwrap_err().to_string();
            // Whoever tries it needs the turn, and nobody gets it now.
            let _making = shared.making.lock().await;
            let again = pin!(shared.client()).poll(&mut Context::from_waker(Waker::noop()));
            let Poll::Ready(Err(again)) = again else { panic!("it is tried again") };
            assert_eq!(again.to_string(), error);
        }
    }
}
