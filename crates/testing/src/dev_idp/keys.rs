//! The provider's signing keys, fresh at each start.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// What a token is signed with (RFC 7518 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, 2048 bits.
    #[default]
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl SigningAlgorithm {
    /// The `alg` value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Rs256, Self::Es256].into_iter().find(|algorithm| algorithm.as_str() == name)
    }
}

/// One key of each algorithm.
pub(super) struct Keys {
    rsa: RsaKeyPair,
    rsa_kid: String,
    ec: EcdsaKeyPair,
    ec_kid: String,
}

impl Keys {
    pub(super) fn generate() -> Result<Self, Unspecified> {
        Ok(Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048)?,
            rsa_kid: format!("rs-{}", random_id()?),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
            ec_kid: format!("es-{}", random_id()?),
        })
    }

    pub(super) fn kid(&self, algorithm: SigningAlgorithm) -> &str {
        match algorithm {
            SigningAlgorithm::Rs256 => &self.rsa_kid,
            SigningAlgorithm::Es256 => &self.ec_kid,
        }
    }

    pub(super) fn sign(&self, algorithm: SigningAlgorithm, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match algorithm {
            SigningAlgorithm::Rs256 => {
                let mut signature = vec![0; self.rsa.public_modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            SigningAlgorithm::Es256 => Ok(self.ec.sign(&random, message)?.as_ref().to_vec()),
        }
    }

    /// Whether one of these keys made the signature.
    pub(super) fn signed(&self, kid: &str, alg: &str, message: &[u8], signature: &[u8]) -> bool {
        let verified = match SigningAlgorithm::from_name(alg) {
            Some(algorithm) if self.kid(algorithm) != kid => return false,
            Some(SigningAlgorithm::Rs256) => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.rsa.public_key().as_ref())
                    .verify(message, signature)
            }
            Some(SigningAlgorithm::Es256) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.ec.public_key().as_ref())
                    .verify(message, signature)
            }
            None => return false,
        };
        verified.is_ok()
    }

    /// HS256 with the PEM text of the RSA public key: what a verifier that lets the token choose would believe.
    pub(super) fn hmac_with_public_key(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let der = AsDer::<PublicKeyX509Der<'_>>::as_der(self.rsa.public_key())?;
        let mut pem = String::from("-----BEGIN PUBLIC KEY-----\n");
        for line in STANDARD.encode(der.as_ref()).as_bytes().chunks(64) {
            pem.extend(line.iter().copied().map(char::from));
            pem.push('\n');
        }
        pem.push_str("-----END PUBLIC KEY-----\n");
        let key = hmac::Key::new(hmac::HMAC_SHA256, pem.as_bytes());
        Ok(hmac::sign(&key, message).as_ref().to_vec())
    }

    /// The public keys as members of a JWK set (RFC 7517 §4, RFC 7518 §6).
    pub(super) fn jwks(&self) -> [Value; 2] {
        let rsa = self.rsa.public_key();
        // An uncompressed point: 0x04, then x and y of 32 bytes each.
        let point = self.ec.public_key().as_ref();
        let coordinate = |from: usize| encode(point.get(from..from + 32).unwrap_or_default());
        [
            json!({
                "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.rsa_kid,
                "n": encode(rsa.modulus().big_endian_without_leading_zero()),
                "e": encode(rsa.exponent().big_endian_without_leading_zero()),
            }),
            json!({
                "kty": "EC", "use": "sig", "alg": "ES256", "kid": self.ec_kid, "crv": "P-256",
                "x": coordinate(1), "y": coordinate(33),
            }),
        ]
    }
}

/// Base64url without padding, as JOSE wants it.
pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// 16 random bytes as text.
pub(super) fn random_id() -> Result<String, Unspecified> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes)?;
    Ok(encode(&bytes))
}
