//! How this app shows the provider who it is.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::byte_serialize;
use gambeson_core::{SecretBytes, SecretError, SecretRef, SecretResolver};
use http::HeaderValue;

/// The client id and where its secret comes from.
#[derive(Debug)]
pub(super) struct Client {
    id: Box<str>,
    secret: Secret,
}

/// Where the client secret comes from.
#[derive(Debug, Clone)]
pub(super) enum Secret {
    /// A public client: PKCE alone protects its codes.
    None,
    Bytes(SecretBytes),
    /// Asked for at each exchange, so that a rotated secret is taken up.
    From(SecretRef, Arc<dyn SecretResolver>),
}

impl Client {
    pub(super) fn new(id: Box<str>, secret: Secret) -> Self {
        Self { id, secret }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) async fn secret(&self) -> Result<Option<SecretBytes>, SecretReadError> {
        match &self.secret {
            Secret::None => Ok(None),
            Secret::Bytes(bytes) => Ok(Some(bytes.clone())),
            Secret::From(reference, resolver) => match resolver.resolve(reference).await {
                Ok(secret) => Ok(Some(secret)),
                Err(error) => Err(SecretReadError(reference.to_string(), error)),
            },
        }
    }

    /// `client_secret_basic` (RFC 6749 §2.3.1): both parts form-encoded first.
    pub(super) fn basic(&self, secret: &SecretBytes) -> HeaderValue {
        let encoded = |bytes| byte_serialize(bytes).collect::<String>();
        let pair = format!("{}:{}", encoded(self.id.as_bytes()), encoded(secret.expose()));
        let text = format!("Basic {}", STANDARD.encode(pair));
        let mut value = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Basic"));
        value.set_sensitive(true);
        value
    }
}

/// The client secret could not be read.
#[derive(Debug)]
pub(super) struct SecretReadError(String, SecretError);

impl fmt::Display for SecretReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the client secret {}: {}", self.0, self.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_encoded_before_they_are_joined() {
        let client = Client::new("notes:web".into(), Secret::None);
        let value = client.basic(&SecretBytes::new(&b"a b%"[..]));
        let decoded = STANDARD.decode(value.to_str().unwrap().strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(decoded, b"notes%3Aweb:a+b%25");
        assert!(value.is_sensitive());
    }
}
