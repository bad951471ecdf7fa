//! One proof: read strictly, once, and held against the request (RFC 9449 §4.3).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::{RequestHead, Timestamp};
use http::HeaderName;

use super::Shared;
use super::replay::ProofId;
use crate::algorithm::Algorithm;
use crate::binding::unproved;
use crate::digest::first;
use crate::error::{Reason, TokenError};
use crate::jwt::{Compact, Json, Keep, Members, read_object};
use crate::keys::Jwk;

const DPOP: HeaderName = HeaderName::from_static("dpop");

/// A proof that holds, if it was not used before.
pub(super) struct GoodProof {
    pub(super) id: ProofId,
    /// Whether it has the nonce that is handed out now, or none is asked for.
    pub(super) is_nonce_current: bool,
}

impl Shared {
    /// All checks of §4.3 but whether the proof was used before, in an order in which strangers cost least: the key is the
    /// token's before any signature is looked at.
    pub(super) fn check(
        &self,
        head: &RequestHead<'_>,
        token: &[u8],
        bound: &[u8; 32],
        now: Timestamp,
    ) -> Result<GoodProof, TokenError> {
        let proof = one_proof(head)?;
        if proof.len() > self.max_proof {
            return Err(wrong(format!("{} bytes", proof.len())));
        }
        let parts = Compact::split(proof).map_err(|error| again(&error))?;
        let header = parts.header().map_err(|error| again(&error))?;
        let (algorithm, jwk) = self.read_header(&header)?;
        let thumbprint = jwk.thumbprint().map_err(wrong)?;
        if verify_slices_are_equal(&thumbprint, bound).is_err() {
            return Err(unproved("bound to another key than the proof's"));
        }
        let key = jwk.parse().map_err(wrong)?;
        let signature = parts.signature(algorithm).map_err(|error| again(&error))?;
        if key.algorithm != algorithm || key.key.verify_sig(parts.signed(), &signature).is_err() {
            return Err(wrong("the signature of the proof does not match"));
        }
        let payload = parts.payload().map_err(|error| again(&error))?;
        let claims = read_object(&payload, |name| match name {
            "iat" | "exp" | "nbf" => Keep::Integer,
            "jti" | "htm" | "htu" | "ath" | "nonce" => Keep::Value,
            _ => Keep::Nothing,
        })
        .map_err(|error| wrong(format!("claims of the proof: {error}")))?;
        self.check_place(&claims, head)?;
        self.check_times(&claims, now)?;
        check_token(&claims, token)?;
        let is_nonce_current = self.check_nonce(&claims, now)?;
        Ok(GoodProof { id: id(&thumbprint, text(&claims, "jti")?), is_nonce_current })
    }

    /// Type, algorithm and key. Whatever the header asks to be understood beyond them is not.
    fn read_header(&self, text: &str) -> Result<(Algorithm, Jwk), TokenError> {
        let header = read_object(text, |name| match name {
            "typ" | "alg" | "jwk" | "crit" | "b64" | "zip" => Keep::Value,
            _ => Keep::Nothing,
        })
        .map_err(|error| wrong(format!("header of the proof: {error}")))?;
        if let Some(name) = ["crit", "b64", "zip"].into_iter().find(|name| header.get(name).is_some()) {
            return Err(wrong(format!("the header of the proof has {name}")));
        }
        let typ = self::text(&header, "typ")?;
        if !typ.eq_ignore_ascii_case("dpop+jwt") {
            return Err(wrong(format!("typ is {typ:?}, wanted dpop+jwt")));
        }
        let name = self::text(&header, "alg")?;
        let algorithm =
            Algorithm::from_name(name).filter(|_| self.algorithms.iter().any(|known| **known == *name));
        let algorithm =
            algorithm.ok_or_else(|| wrong(format!("alg is {name:?}, wanted {:?}", self.algorithms)))?;
        match header.get("jwk") {
            Some(Json::Object(members)) => Ok((algorithm, Jwk::embedded(members, name).map_err(wrong)?)),
            _ => Err(wrong("jwk is not an object")),
        }
    }

    fn check_place(&self, claims: &Members<'_>, head: &RequestHead<'_>) -> Result<(), TokenError> {
        let method = text(claims, "htm")?;
        if method != head.method.as_str() {
            return Err(wrong(format!("htm is {method:?}, the request's is {:?}", head.method.as_str())));
        }
        let target = text(claims, "htu")?;
        if self.places.iter().any(|place| place.is_of(target, head.uri.path())) {
            return Ok(());
        }
        let path = head.uri.path();
        Err(wrong(format!("htu is {target:?}, the request is for {path:?} at one of {:?}", self.shown)))
    }

    /// `iat` counts from both sides, as clients' clocks are early or late. A proof may say of itself that it ends earlier.
    fn check_times(&self, claims: &Members<'_>, now: Timestamp) -> Result<(), TokenError> {
        let seconds = |name| match claims.get(name) {
            Some(Json::Integer(seconds)) => Some(*seconds),
            _ => None,
        };
        let (now, window) = (now.unix_seconds(), self.window_seconds());
        let iat = seconds("iat").ok_or_else(|| wrong("iat is missing"))?;
        let age = now.saturating_sub(iat);
        if age >= window || age <= -window {
            return Err(wrong(format!("made {age} s ago, allowed are {window} s on both sides")));
        }
        if seconds("exp").is_some_and(|exp| exp <= now)
            || seconds("nbf").is_some_and(|nbf| nbf > now + window)
        {
            return Err(wrong("over, or not begun, by its own exp or nbf"));
        }
        Ok(())
    }

    /// Whether it is the one that is handed out now.
    fn check_nonce(&self, claims: &Members<'_>, now: Timestamp) -> Result<bool, TokenError> {
        let Some(nonces) = &self.nonces else { return Ok(true) };
        let age = match claims.get("nonce") {
            Some(Json::Text(nonce)) => nonces.age(nonce, now),
            Some(_) => None,
            None => return Err(TokenError::with(Reason::DpopNonce, "no nonce")),
        };
        let age = age.ok_or_else(|| TokenError::with(Reason::DpopNonce, "the nonce is over or not ours"))?;
        Ok(age == 0)
    }
}

/// The one field `DPoP` (§4.3, check 1); two proofs in one field are no proof either, as a token has no comma.
fn one_proof<'h>(head: &RequestHead<'h>) -> Result<&'h str, TokenError> {
    let mut values = head.headers.get_all(DPOP).iter();
    match (values.next(), values.next()) {
        (None, _) => Err(wrong("there is no field DPoP")),
        (Some(_), Some(_)) => Err(wrong("there is more than one field DPoP")),
        (Some(value), None) => value.to_str().map_err(|_| wrong("not ASCII")),
    }
}

/// Whether the proof was made for this token.
fn check_token(claims: &Members<'_>, token: &[u8]) -> Result<(), TokenError> {
    let wanted = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, token));
    match verify_slices_are_equal(text(claims, "ath")?.as_bytes(), wanted.as_bytes()) {
        Ok(()) => Ok(()),
        Err(_) => Err(wrong("ath is of another token")),
    }
}

/// A name for key and `jti` together, of which the lengths can't run into each other.
fn id(thumbprint: &[u8; 32], jti: &str) -> ProofId {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(thumbprint);
    context.update(jti.as_bytes());
    ProofId::new(first(&context.finish()))
}

fn text<'m>(members: &'m Members<'_>, name: &str) -> Result<&'m str, TokenError> {
    match members.get(name) {
        Some(Json::Text(text)) if !text.is_empty() => Ok(text),
        _ => Err(wrong(format!("{name} is missing or not a string"))),
    }
}

fn wrong(detail: impl AsRef<str>) -> TokenError {
    TokenError::with(Reason::DpopProof, detail)
}

/// A fault of the proof's form, which the token's reader found.
fn again(error: &TokenError) -> TokenError {
    wrong(format!("the proof is {}", error.detail().unwrap_or("malformed")))
}
