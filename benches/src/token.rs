//! Access tokens of an issuer whose keys live as long as this process.

use std::time::{Duration, SystemTime};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://id.example.com";
pub(crate) const AUDIENCE: &str = "notes";

/// Who sends a token, where it does not matter.
#[cfg(feature = "peers")]
pub(crate) const CLIENT: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// A token, and what verifies it.
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) signature: Vec<u8>,
    /// The key as a JSON Web Key Set.
    pub(crate) jwks: String,
    /// The key as aws-lc-rs reads it.
    pub(crate) public: Vec<u8>,
    pub(crate) algorithm: &'static dyn VerificationAlgorithm,
}

impl Token {
    /// The same token with another signature.
    #[cfg(feature = "peers")]
    pub(crate) fn forged(&self) -> String {
        let mut signature = self.signature.clone();
        signature.iter_mut().take(1).for_each(|byte| *byte ^= 1);
        format!("{}.{}", self.signed(), BASE64.encode(signature))
    }

    /// What the signature is of.
    pub(crate) fn signed(&self) -> &str {
        self.text.rsplit_once('.').map_or("", |(signed, _)| signed)
    }

    fn new(
        key: Value,
        public: &[u8],
        algorithm: &'static dyn VerificationAlgorithm,
        sign: impl Fn(&[u8]) -> Vec<u8>,
    ) -> Self {
        let header = json!({"alg": key["alg"], "kid": "key-1", "typ": "at+jwt"});
        let part = |value: &Value| BASE64.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims(ISSUER)));
        let signature = sign(signed.as_bytes());
        let text = format!("{signed}.{}", BASE64.encode(&signature));
        let jwks = json!({"keys": [key]}).to_string();
        Self { text, signature, jwks, public: public.to_vec(), algorithm }
    }
}

/// About as many claims as providers put into an access token.
pub(crate) fn claims(issuer: &str) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    json!({
        "iss": issuer, "sub": "alice", "aud": AUDIENCE, "client_id": "notes-web", "jti": "0f7c1c1e-9f0b-4a5e-b9e3",
        "iat": now, "nbf": now, "exp": now + 3_000, "scope": "openid profile notes:read notes:write",
        "roles": ["editor", "viewer"], "tenant": "acme", "acr": "urn:example:silver", "amr": ["pwd", "otp"],
    })
}

pub(crate) fn rs256() -> Token {
    let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).expect("a key");
    let public = pair.public_key();
    let number = |bytes: &[u8]| BASE64.encode(bytes);
    let (n, e) = (public.modulus(), public.exponent());
    let (n, e) = (number(n.big_endian_without_leading_zero()), number(e.big_endian_without_leading_zero()));
    let key = json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "key-1", "n": n, "e": e});
    Token::new(key, public.as_ref(), &signature::RSA_PKCS1_2048_8192_SHA256, |message| {
        let mut signed = vec![0; pair.public_modulus_len()];
        pair.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signed).expect("signed");
        signed
    })
}

pub(crate) fn es256() -> Token {
    let pair = EcdsaKeyPair::generate(&signature::ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    let public = pair.public_key().as_ref();
    let (x, y) = public.get(1..).and_then(|point| point.split_at_checked(32)).expect("a point");
    let (x, y) = (BASE64.encode(x), BASE64.encode(y));
    let key =
        json!({"kty": "EC", "use": "sig", "alg": "ES256", "kid": "key-1", "crv": "P-256", "x": x, "y": y});
    Token::new(key, public, &signature::ECDSA_P256_SHA256_FIXED, |message| {
        pair.sign(&SystemRandom::new(), message).expect("signed").as_ref().to_vec()
    })
}

pub(crate) fn ed25519() -> Token {
    let pair = Ed25519KeyPair::generate().expect("a key");
    let public = pair.public_key().as_ref();
    let x = BASE64.encode(public);
    let key = json!({"kty": "OKP", "use": "sig", "alg": "EdDSA", "kid": "key-1", "crv": "Ed25519", "x": x});
    Token::new(key, public, &signature::ED25519, |message| pair.sign(message).as_ref().to_vec())
}

/// A key of an issuer that rotates its keys.
#[cfg(feature = "peers")]
pub(crate) struct Signer {
    kid: &'static str,
    pair: Ed25519KeyPair,
}

#[cfg(feature = "peers")]
impl Signer {
    pub(crate) fn new(kid: &'static str) -> Self {
        Self { kid, pair: Ed25519KeyPair::generate().expect("a key") }
    }

    /// A key set of this key.
    pub(crate) fn jwks(&self) -> String {
        let x = BASE64.encode(self.pair.public_key().as_ref());
        let key =
            json!({"kty": "OKP", "use": "sig", "alg": "EdDSA", "kid": self.kid, "crv": "Ed25519", "x": x});
        json!({"keys": [key]}).to_string()
    }

    /// A token that no other is equal to.
    pub(crate) fn token(&self, issuer: &str, number: u64) -> String {
        let mut claims = claims(issuer);
        claims["jti"] = json!(number.to_string());
        let signed = format!("{}.{}", head(self.kid), BASE64.encode(claims.to_string()));
        let signature = BASE64.encode(self.pair.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

/// Tokens with all that a stranger can give them: everything but the signature, and a name of a key that nobody has.
#[cfg(feature = "peers")]
pub(crate) struct Junk {
    rest: String,
    number: u64,
}

#[cfg(feature = "peers")]
impl Junk {
    pub(crate) fn new(issuer: &str) -> Self {
        let rest = format!("{}.{}", BASE64.encode(claims(issuer).to_string()), BASE64.encode([7; 64]));
        Self { rest, number: 0 }
    }

    /// One with another name than all before.
    pub(crate) fn next(&mut self) -> String {
        self.number += 1;
        format!("{}.{}", head(&format!("junk-{}", self.number)), self.rest)
    }
}

#[cfg(feature = "peers")]
fn head(kid: &str) -> String {
    BASE64.encode(format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}"#))
}
