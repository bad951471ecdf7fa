//! The sender's side: a key that makes proofs.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::{Entropy, Timestamp};
use http::{HeaderValue, Method};
use serde_json::json;

/// A P-256 key of a client, which lives as long as the process: tokens that are bound to it die with it.
///
/// ```
/// use gambeson_core::{SystemEntropy, Timestamp};
/// use gambeson_oidc_auth::dpop::{ProofFor, ProofKey};
/// use http::Method;
///
/// # fn main() -> Result<(), gambeson_oidc_auth::dpop::ProofKeyError> {
/// let key = ProofKey::generate()?;
/// let wanted = ProofFor::new(&Method::GET, "https://api.example.com/notes").token("an-access-token");
/// let proof = key.proof(&wanted, Timestamp::from_unix_seconds(1_795_000_000), &SystemEntropy::new())?;
/// assert_eq!(proof.to_str().unwrap().split('.').count(), 3);
/// # Ok(())
/// # }
/// ```
pub struct ProofKey {
    pair: EcdsaKeyPair,
    x: String,
    y: String,
}

/// The system had no randomness for a key or a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofKeyError(());

impl fmt::Display for ProofKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system's random source failed")
    }
}

impl std::error::Error for ProofKeyError {}

/// What a proof is for.
#[derive(Debug, Clone, Copy)]
pub struct ProofFor<'a> {
    method: &'a Method,
    url: &'a str,
    token: Option<&'a str>,
    nonce: Option<&'a str>,
}

impl<'a> ProofFor<'a> {
    /// A request of this method to this URL. Query and fragment are left out of the proof (RFC 9449 §4.2).
    #[must_use]
    pub fn new(method: &'a Method, url: &'a str) -> Self {
        Self { method, url, token: None, nonce: None }
    }

    /// A request with this access token; at the token endpoint there is none.
    #[must_use]
    pub fn token(self, token: &'a str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// With the nonce that the other side gave last.
    #[must_use]
    pub fn nonce(self, nonce: &'a str) -> Self {
        Self { nonce: Some(nonce), ..self }
    }
}

impl ProofKey {
    /// A new key.
    ///
    /// # Errors
    /// The system had no randomness.
    pub fn generate() -> Result<Self, ProofKeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| no_randomness())?;
        let point = pair.public_key().as_ref();
        let part = |range| URL_SAFE_NO_PAD.encode(point.get(range).unwrap_or_default());
        let (x, y) = (part(1..33), part(33..65));
        Ok(Self { pair, x, y })
    }

    /// The thumbprint of the key (RFC 7638): what `cnf.jkt` of a bound token says, and `dpop_jkt` of a request for a code.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let text = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, self.x, self.y);
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, text.as_bytes()))
    }

    /// A proof as the value of the field `DPoP`, marked sensitive. Each is good for one request.
    ///
    /// # Errors
    /// There was no randomness.
    pub fn proof(
        &self,
        wanted: &ProofFor<'_>,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<HeaderValue, ProofKeyError> {
        let mut id = [0; 16];
        entropy.fill(&mut id).map_err(|_| no_randomness())?;
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": self.x, "y": self.y});
        let header = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk});
        let mut claims = json!({
            "jti": URL_SAFE_NO_PAD.encode(id),
            "htm": wanted.method.as_str(),
            "htu": wanted.url.split(['?', '#']).next(),
            "iat": now.unix_seconds(),
        });
        if let Some(members) = claims.as_object_mut() {
            if let Some(token) = wanted.token {
                let digest = digest::digest(&digest::SHA256, token.as_bytes());
                members.insert("ath".into(), URL_SAFE_NO_PAD.encode(digest).into());
            }
            if let Some(nonce) = wanted.nonce {
                members.insert("nonce".into(), nonce.into());
            }
        }
        let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
        let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature =
            self.pair.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| no_randomness())?;
        let proof = format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature));
        let mut value = HeaderValue::try_from(proof).map_err(|_| no_randomness())?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn no_randomness() -> ProofKeyError {
    ProofKeyError(())
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofKey").field("thumbprint", &self.thumbprint()).finish_non_exhaustive()
    }
}
