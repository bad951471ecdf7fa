//! One JSON Web Key (RFC 7517), parsed to the point where it only needs a message and a signature.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ParsedPublicKey, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::algorithm::Algorithm;
use crate::jwt::{Json, Members};

/// The members of a JWK that matter for verification. Symmetric keys have none of them and fail.
#[derive(Deserialize, Default)]
pub(crate) struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    /// No registered member: the issuer that a key of a shared set is for.
    issuer: Option<String>,
}

/// What is left of a JWK: its name, its one algorithm, its bytes, and the parsed key.
pub(crate) struct Parsed {
    pub(super) kid: Option<Box<str>>,
    pub(super) issuer: Option<Box<str>>,
    pub(crate) algorithm: Algorithm,
    pub(super) bytes: Vec<u8>,
    pub(crate) key: ParsedPublicKey,
}

impl Jwk {
    /// The key that a proof brings along, for the algorithm that the proof names (RFC 7517 §4). Private and symmetric keys
    /// are refused by their members (RFC 7518 §6).
    pub(crate) fn embedded(members: &Members<'_>, algorithm: &str) -> Result<Self, &'static str> {
        const SECRET: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        if SECRET.iter().any(|name| members.get(name).is_some()) {
            return Err("the key is not public");
        }
        let text = |name| match members.get(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text.to_string())),
            Some(_) => Err("member of a wrong type"),
        };
        let own = text("alg")?;
        if own.is_some_and(|own| Algorithm::from_name(&own) != Algorithm::from_name(algorithm)) {
            return Err("algorithm of the key and of the proof differ");
        }
        Ok(Self {
            kty: text("kty")?.ok_or("kty is missing")?,
            alg: Some(algorithm.to_owned()),
            usage: text("use")?,
            crv: text("crv")?,
            x: text("x")?,
            y: text("y")?,
            n: text("n")?,
            e: text("e")?,
            ..Self::default()
        })
    }

    /// The SHA-256 thumbprint (RFC 7638 §3): of the members that make the key, in the order of their names, without blanks.
    pub(crate) fn thumbprint(&self) -> Result<[u8; 32], &'static str> {
        let members: &[(&str, &Option<String>)] = match &*self.kty {
            "EC" => &[("crv", &self.crv), ("kty", &None), ("x", &self.x), ("y", &self.y)],
            "OKP" => &[("crv", &self.crv), ("kty", &None), ("x", &self.x)],
            "RSA" => &[("e", &self.e), ("kty", &None), ("n", &self.n)],
            _ => return Err("key type not supported"),
        };
        let mut text = String::from("{");
        for (index, (name, value)) in members.iter().enumerate() {
            let value = if *name == "kty" {
                &self.kty
            } else {
                value.as_ref().ok_or("part of the key is missing")?
            };
            // Names of curves and base64url need no escapes; whatever does is no key.
            if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
                return Err("part of the key is not base64url");
            }
            let comma = if index == 0 { "" } else { "," };
            text.extend([comma, "\"", name, "\":\"", value, "\""]);
        }
        text.push('}');
        let digest = digest::digest(&digest::SHA256, text.as_bytes());
        digest.as_ref().try_into().map_err(|_| "no digest")
    }

    /// The key, or why it is skipped.
    pub(crate) fn parse(self) -> Result<Parsed, &'static str> {
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err("not for signatures");
        }
        if self.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(|op| op == "verify")) {
            return Err("not for verification");
        }
        let algorithm = self.algorithm()?;
        let (bytes, key) = match algorithm.rsa() {
            Some(parameters) => {
                let (n, e) = (part(self.n.as_deref())?, part(self.e.as_deref())?);
                let key = RsaPublicKeyComponents { n: &n, e: &e }
                    .to_parsed_public_key(parameters)
                    .map_err(|_| "RSA key of wrong size or form")?;
                if !(256..=1_024).contains(&n.len()) || !is_exponent(&e) {
                    return Err("RSA key of wrong size or form");
                }
                ([n, e].concat(), key)
            }
            None => self.curve_point(algorithm)?,
        };
        Ok(Parsed {
            kid: self.kid.map(Into::into),
            issuer: self.issuer.map(Into::into),
            algorithm,
            bytes,
            key,
        })
    }

    /// The one algorithm of the key: what `alg` says if it fits the type, else what the curve says; an RSA key that
    /// says nothing is for RS256, as those issuers use it.
    fn algorithm(&self) -> Result<Algorithm, &'static str> {
        let by_type = match (&*self.kty, self.crv.as_deref()) {
            ("RSA", _) => Algorithm::Rs256,
            ("EC", Some("P-256")) => Algorithm::Es256,
            ("EC", Some("P-384")) => Algorithm::Es384,
            ("EC", Some("P-521")) => Algorithm::Es512,
            ("OKP", Some("Ed25519")) => Algorithm::Ed25519,
            _ => return Err("key type not supported"),
        };
        let Some(alg) = self.alg.as_deref() else {
            return Ok(by_type);
        };
        let named = Algorithm::from_name(alg).ok_or("algorithm not supported")?;
        let fits = named == by_type || (named.rsa().is_some() && by_type.rsa().is_some());
        if fits { Ok(named) } else { Err("algorithm and key type differ") }
    }

    /// SEC 1 §2.3.3 uncompressed for ECDSA, the bare point for Ed25519; coordinates are of full length (RFC 7518 §6.2.1.2).
    fn curve_point(&self, algorithm: Algorithm) -> Result<(Vec<u8>, ParsedPublicKey), &'static str> {
        let (_, length, verification) = algorithm.curve().ok_or("key type not supported")?;
        let mut bytes = Vec::with_capacity(2 * length + 1);
        let coordinate = |value: Option<&str>| match part(value) {
            Ok(bytes) if bytes.len() == length => Ok(bytes),
            _ => Err("coordinate of wrong length"),
        };
        if algorithm == Algorithm::Ed25519 {
            bytes.extend(coordinate(self.x.as_deref())?);
        } else {
            bytes.push(4);
            bytes.extend(coordinate(self.x.as_deref())?);
            bytes.extend(coordinate(self.y.as_deref())?);
        }
        let key = ParsedPublicKey::new(verification, &bytes).map_err(|_| "point is not on its curve")?;
        Ok((bytes, key))
    }
}

/// Odd and at least 3: with 1 every message is its own signature.
fn is_exponent(e: &[u8]) -> bool {
    let odd = e.last().is_some_and(|last| last % 2 == 1);
    e.len() <= 8 && odd && e != [1] && e.first() != Some(&0)
}

fn part(value: Option<&str>) -> Result<Vec<u8>, &'static str> {
    let value = value.ok_or("part of the key is missing")?;
    URL_SAFE_NO_PAD.decode(value).map_err(|_| "part of the key is not base64url")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7638 §3.1.
    #[test]
    fn the_thumbprint_of_the_standard() {
        let key = Jwk {
            kty: "RSA".into(),
            n: Some(
                "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
                    .into(),
            ),
            e: Some("AQAB".into()),
            ..Jwk::default()
        };
        let text = URL_SAFE_NO_PAD.encode(key.thumbprint().unwrap());
        assert_eq!(text, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert!(Jwk { n: None, ..key }.thumbprint().is_err());
    }
}
