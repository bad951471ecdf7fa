//! Assertions by which a client proves itself (RFC 7523).

use std::fmt;
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, RsaEncoding, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::client_auth::Occasion;
use super::client_secret::ClientSecret;

/// How long an assertion is good: one exchange, and some difference of the clocks.
const LIFETIME: Duration = Duration::from_secs(60);

/// By which algorithm an assertion is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Deserialize))]
#[non_exhaustive]
pub enum AssertionAlgorithm {
    /// ECDSA over P-256 with SHA-256. The default.
    #[default]
    #[cfg_attr(feature = "serde", serde(rename = "ES256"))]
    Es256,
    /// ECDSA over P-384 with SHA-384.
    #[cfg_attr(feature = "serde", serde(rename = "ES384"))]
    Es384,
    /// Ed25519 (RFC 8037).
    #[cfg_attr(feature = "serde", serde(rename = "EdDSA"))]
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[cfg_attr(feature = "serde", serde(rename = "RS256"))]
    Rs256,
    /// RSASSA-PSS with SHA-256.
    #[cfg_attr(feature = "serde", serde(rename = "PS256"))]
    Ps256,
}

impl AssertionAlgorithm {
    /// Its name in a JWS header (RFC 7518 §3.1).
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }
}

/// The private key of `private_key_jwt` (RFC 7523, OpenID Connect Core 1.0 §9).
///
/// Each assertion names the client as `iss` and `sub`, the issuer as its one `aud`, lives for 60 s and has a `jti` of 128
/// random bits that no other has. The audience is the issuer and not the endpoint, so that an assertion that was lured
/// to another provider's endpoint is of no use there.
#[derive(Clone)]
pub struct AssertionKey {
    algorithm: AssertionAlgorithm,
    key: ClientSecret,
    key_id: Option<Box<str>>,
    audience: Option<Box<str>>,
}

impl AssertionKey {
    /// A private key in PKCS#8 (RFC 5958), as PEM (`BEGIN PRIVATE KEY`) or DER. One that comes from a reference is read at
    /// each exchange, so that a rotated one is taken up.
    #[must_use]
    pub fn new(algorithm: AssertionAlgorithm, key: impl Into<ClientSecret>) -> Self {
        Self { algorithm, key: key.into(), key_id: None, audience: None }
    }

    /// The name of the key (`kid`) as the provider knows it. Default: none is sent.
    #[must_use]
    pub fn key_id(self, key_id: impl Into<Box<str>>) -> Self {
        Self { key_id: Some(key_id.into()), ..self }
    }

    /// Another audience than the issuer: for providers that ask for the address of their token endpoint.
    #[must_use]
    pub fn audience(self, audience: impl Into<Box<str>>) -> Self {
        Self { audience: Some(audience.into()), ..self }
    }

    /// Whether a key that is at hand is one.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        self.key.at_hand().map_or(Ok(()), |key| self.sign(key.expose(), b"").map(drop))
    }

    pub(super) async fn assertion(&self, client: &str, on: Occasion<'_>) -> Result<String, String> {
        let key = self.key.read().await.map_err(|error| error.to_string())?;
        let mut jti = [0; 16];
        on.entropy.fill(&mut jti).map_err(|error| error.to_string())?;
        let mut header = json!({"alg": self.algorithm.as_str(), "typ": "JWT"});
        if let (Some(kid), Some(header)) = (&self.key_id, header.as_object_mut()) {
            header.insert("kid".to_owned(), json!(kid));
        }
        let claims = json!({
            "iss": client,
            "sub": client,
            "aud": self.audience.as_deref().unwrap_or(on.issuer),
            "iat": on.now.unix_seconds(),
            "exp": on.now.plus(LIFETIME).unix_seconds(),
            "jti": URL_SAFE_NO_PAD.encode(jti),
        });
        let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.sign(key.expose(), signed.as_bytes())?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    fn sign(&self, key: &[u8], message: &[u8]) -> Result<Vec<u8>, &'static str> {
        const WRONG: &str =
            "give a private key of its algorithm in PKCS#8, as PEM (BEGIN PRIVATE KEY) or DER";
        let der = pkcs8(key).ok_or(WRONG)?;
        let signed = match self.algorithm {
            AssertionAlgorithm::Es256 => ec(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &der, message),
            AssertionAlgorithm::Es384 => ec(&signature::ECDSA_P384_SHA384_FIXED_SIGNING, &der, message),
            AssertionAlgorithm::EdDsa => Ed25519KeyPair::from_pkcs8(&der)
                .or_else(|_| Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der))
                .ok()
                .map(|pair| pair.sign(message).as_ref().to_vec()),
            AssertionAlgorithm::Rs256 => rsa(&signature::RSA_PKCS1_SHA256, &der, message),
            AssertionAlgorithm::Ps256 => rsa(&signature::RSA_PSS_SHA256, &der, message),
        };
        signed.ok_or(WRONG)
    }
}

fn ec(algorithm: &'static EcdsaSigningAlgorithm, der: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, der).ok()?;
    Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec())
}

fn rsa(encoding: &'static dyn RsaEncoding, der: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let pair = RsaKeyPair::from_pkcs8(der).ok()?;
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message, &mut signature).ok()?;
    Some(signature)
}

/// The DER of a key that is PEM, or is DER already.
fn pkcs8(key: &[u8]) -> Option<Vec<u8>> {
    let Some(text) = std::str::from_utf8(key).ok().filter(|text| text.contains("-----BEGIN")) else {
        return Some(key.to_vec());
    };
    let (_, rest) = text.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let plain: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(plain).ok()
}

/// Shows no key.
impl fmt::Debug for AssertionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssertionKey")
            .field("algorithm", &self.algorithm)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{KeyPair, UnparsedPublicKey};
    use gambeson_core::{FixedEntropy, SecretBytes, Timestamp};
    use serde_json::Value;

    use super::*;

    fn pem(der: &[u8]) -> Vec<u8> {
        let body = STANDARD.encode(der);
        let lines: Vec<_> =
            body.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", lines.join("\n")).into_bytes()
    }

    async fn made(key: &AssertionKey, entropy: &FixedEntropy) -> String {
        let now = Timestamp::from_unix_seconds(1_795_000_000);
        let on = Occasion { issuer: "https://id.example", secret_in_form: false, now, entropy };
        key.assertion("orders", on).await.unwrap()
    }

    #[tokio::test]
    async fn an_assertion_says_who_for_whom_and_for_how_long_and_no_two_are_alike() {
        let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        let der = pair.to_pkcs8v1().unwrap();
        for bytes in [der.as_ref().to_vec(), pem(der.as_ref())] {
            let key = AssertionKey::new(AssertionAlgorithm::Es256, SecretBytes::new(bytes)).key_id("k1");
            assert_eq!(key.check(), Ok(()));
            let entropy = FixedEntropy::starting_at(1);
            let (first, second) = (made(&key, &entropy).await, made(&key, &entropy).await);
            assert_ne!(first, second);
            let (signed, sig) = first.rsplit_once('.').unwrap();
            let (header, claims) = signed.split_once('.').unwrap();
            let read = |part: &str| -> Value {
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
            };
            assert_eq!(read(header), json!({"alg": "ES256", "typ": "JWT", "kid": "k1"}));
            let claims = read(claims);
            assert_eq!((&claims["iss"], &claims["sub"]), (&json!("orders"), &json!("orders")));
            assert_eq!(claims["aud"], "https://id.example");
            assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
            let public =
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
            public.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(sig).unwrap()).unwrap();
        }
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let key = |algorithm| AssertionKey::new(algorithm, SecretBytes::new(pem(der.as_ref())));
        assert_eq!(key(AssertionAlgorithm::EdDsa).check(), Ok(()));
        for other in [AssertionAlgorithm::Es256, AssertionAlgorithm::Es384, AssertionAlgorithm::Ps256] {
            assert!(key(other).check().is_err(), "{other:?}");
        }
        assert!(!format!("{:?}", key(AssertionAlgorithm::EdDsa)).contains("key: "));
    }
}
