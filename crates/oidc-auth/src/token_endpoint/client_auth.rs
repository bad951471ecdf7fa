//! How this app shows the provider who it is.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::byte_serialize;
use gambeson_core::{ConfigError, ConfigProblems, Entropy, HttpTransport, SecretBytes, Timestamp};
use http::HeaderValue;

use super::assertion::AssertionKey;
use super::client_certificate::ClientCertificate;
#[cfg(feature = "client")]
use super::client_certificate::Showing;
use super::client_secret::ClientSecret;
use crate::issuer::Issuer;

/// This app as its provider registered it: the client id, and how it proves at the token endpoint that it is that client
/// (RFC 6749 §2.3, OpenID Connect Core 1.0 §9). `Debug` shows no secret.
///
/// ```
/// use gambeson_core::SecretBytes;
/// use gambeson_oidc_auth::{AssertionAlgorithm, AssertionKey, ClientAuth};
///
/// # fn read(name: &str) -> SecretBytes { SecretBytes::new(name.as_bytes().to_vec()) }
/// let by_secret = ClientAuth::secret("orders", read("orders-secret"));
/// let by_key = ClientAuth::private_key_jwt("orders", AssertionKey::new(AssertionAlgorithm::Es256, read("orders.pem")).key_id("2026-11"));
/// # let _ = (by_secret, by_key);
/// ```
#[derive(Debug, Clone)]
pub struct ClientAuth {
    id: Box<str>,
    method: Method,
}

#[derive(Debug, Clone)]
enum Method {
    Public,
    Secret(ClientSecret, Place),
    Assertion(AssertionKey),
    /// `None`: the transport has the certificate.
    Tls(Option<ClientCertificate>),
}

/// Where a secret goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Into the header, but for providers that take it in the form only.
    AsMetadataSays,
    Header,
    Form,
}

/// What a proof is made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Occasion<'a> {
    pub(super) issuer: &'a str,
    pub(super) secret_in_form: bool,
    pub(super) now: Timestamp,
    pub(super) entropy: &'a dyn Entropy,
}

/// What goes along with an exchange.
pub(super) struct Proof {
    pub(super) authorization: Option<HeaderValue>,
    pub(super) fields: Vec<(&'static str, String)>,
}

impl ClientAuth {
    fn by(id: impl Into<Box<str>>, method: Method) -> Self {
        Self { id: id.into(), method }
    }

    /// A client that can keep no secret. It sends its id only (RFC 6749 §2.3.1, last paragraph).
    #[must_use]
    pub fn public(id: impl Into<Box<str>>) -> Self {
        Self::by(id, Method::Public)
    }

    /// A client with a secret: `client_secret_basic`, or `client_secret_post` where the provider's metadata lists only that.
    #[must_use]
    pub fn secret(id: impl Into<Box<str>>, secret: impl Into<ClientSecret>) -> Self {
        Self::by(id, Method::Secret(secret.into(), Place::AsMetadataSays))
    }

    /// `client_secret_basic`: id and secret, each form-encoded first, as HTTP Basic (RFC 6749 §2.3.1).
    #[must_use]
    pub fn secret_basic(id: impl Into<Box<str>>, secret: impl Into<ClientSecret>) -> Self {
        Self::by(id, Method::Secret(secret.into(), Place::Header))
    }

    /// `client_secret_post`: id and secret as fields of the form (RFC 6749 §2.3.1).
    #[must_use]
    pub fn secret_post(id: impl Into<Box<str>>, secret: impl Into<ClientSecret>) -> Self {
        Self::by(id, Method::Secret(secret.into(), Place::Form))
    }

    /// `private_key_jwt`: a short assertion signed for each exchange (RFC 7523 §2.2), so that no secret leaves this app.
    #[must_use]
    pub fn private_key_jwt(id: impl Into<Box<str>>, key: AssertionKey) -> Self {
        Self::by(id, Method::Assertion(key))
    }

    /// `tls_client_auth` and `self_signed_tls_client_auth` (RFC 8705 §2): the form has the id only, and the certificate is
    /// the transport's to show; give one that has it, as gambeson-client does by `client_certificate_pem`. Where the metadata names `mtls_endpoint_aliases`, their token endpoint is asked.
    #[must_use]
    pub fn tls(id: impl Into<Box<str>>) -> Self {
        Self::by(id, Method::Tls(None))
    }

    /// The same, with the certificate for the default transport (feature `client`) to show. A transport of your own shows its own.
    #[must_use]
    pub fn tls_with(id: impl Into<Box<str>>, certificate: ClientCertificate) -> Self {
        Self::by(id, Method::Tls(Some(certificate)))
    }

    /// The client id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn is_public(&self) -> bool {
        matches!(self.method, Method::Public)
    }

    pub(crate) fn uses_tls(&self) -> bool {
        matches!(self.method, Method::Tls(_))
    }

    /// What a provider is asked with: what was given, else the house's own client, which shows this client's certificate. What is
    /// missing or wrong is noted.
    pub(crate) fn transport(
        &self,
        table: &str,
        given: Option<Arc<dyn HttpTransport>>,
        issuer: &Issuer,
        problems: &mut ConfigProblems,
    ) -> Option<Arc<dyn HttpTransport>> {
        if given.is_some() {
            return given;
        }
        if let Method::Tls(None) = self.method {
            let cure =
                "name the certificate and its private-key (RFC 8705), or give a transport that shows them";
            problems.add(format!("{table}.certificate"), "", cure);
            return None;
        }
        self.own_transport(table, issuer).map_err(|error| problems.extend(error)).ok()
    }

    #[cfg(feature = "client")]
    fn own_transport(&self, _: &str, issuer: &Issuer) -> Result<Arc<dyn HttpTransport>, ConfigError> {
        match &self.method {
            Method::Tls(Some(certificate)) => {
                Ok(Arc::new(Showing::new(certificate.clone(), issuer.private())?))
            }
            _ => issuer.client(),
        }
    }

    #[cfg(not(feature = "client"))]
    fn own_transport(&self, table: &str, _: &Issuer) -> Result<Arc<dyn HttpTransport>, ConfigError> {
        let cure = "give the HTTP transport, for example gambeson-client's";
        Err(ConfigError::one(format!("{table}.transport"), "", cure))
    }

    pub(crate) fn validate(&self, table: &str, problems: &mut ConfigProblems) {
        if self.id.trim().is_empty() {
            problems.add(format!("{table}.client-id"), "", "name this app as the provider registered it");
        }
        if let Method::Assertion(key) = &self.method
            && let Err(cure) = key.check()
        {
            problems.add(format!("{table}.private-key"), "", cure);
        }
    }

    /// What goes along with one exchange.
    pub(super) async fn prove(&self, on: Occasion<'_>) -> Result<Proof, String> {
        match &self.method {
            Method::Public | Method::Tls(_) => Ok(self.fields(Vec::new())),
            Method::Secret(secret, place) => {
                let secret = secret.read().await.map_err(|error| error.to_string())?;
                let in_form = match place {
                    Place::AsMetadataSays => on.secret_in_form,
                    Place::Header => false,
                    Place::Form => true,
                };
                match in_form {
                    true => Ok(self.fields(vec![("client_secret", text(&secret)?)])),
                    false => Ok(Proof { authorization: Some(self.basic(&secret)), fields: Vec::new() }),
                }
            }
            Method::Assertion(key) => {
                let assertion = key.assertion(&self.id, on).await?;
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned();
                Ok(self.fields(vec![("client_assertion_type", kind), ("client_assertion", assertion)]))
            }
        }
    }

    fn fields(&self, mut fields: Vec<(&'static str, String)>) -> Proof {
        fields.insert(0, ("client_id", self.id.to_string()));
        Proof { authorization: None, fields }
    }

    /// `client_secret_basic` (RFC 6749 §2.3.1): both parts form-encoded first.
    fn basic(&self, secret: &SecretBytes) -> HeaderValue {
        let encoded = |bytes| byte_serialize(bytes).collect::<String>();
        let pair = format!("{}:{}", encoded(self.id.as_bytes()), encoded(secret.expose()));
        let text = format!("Basic {}", STANDARD.encode(pair));
        let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Basic"));
        value.set_sensitive(true);
        value
    }
}

fn text(secret: &SecretBytes) -> Result<String, String> {
    std::str::from_utf8(secret.expose())
        .map(str::to_owned)
        .map_err(|_| "the client secret is no text (UTF-8), which a form field must be".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_encoded_before_they_are_joined() {
        let client = ClientAuth::public("notes:web");
        let value = client.basic(&SecretBytes::new(&b"a b%"[..]));
        let decoded = STANDARD.decode(value.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(decoded, b"notes%3Aweb:a+b%25");
        assert!(value.is_sensitive());
    }

    #[test]
    fn what_is_wrong_is_told_without_secrets() {
        let mut problems = ConfigProblems::new();
        let key =
            AssertionKey::new(super::super::AssertionAlgorithm::Es256, SecretBytes::new(&b"hidden"[..]));
        let client = ClientAuth::private_key_jwt(" ", key);
        client.validate("outgoing", &mut problems);
        let error = problems.check().unwrap_err().to_string();
        assert!(error.contains("outgoing.client-id") && error.contains("outgoing.private-key"), "{error}");
        assert!(!error.contains("hidden") && !format!("{client:?}").contains("hidden"));
    }
}
