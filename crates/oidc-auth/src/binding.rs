//! What a token is bound to: the key or the certificate that its sender has to show with it.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::Principal;

use crate::denylist::Marks;
use crate::error::{Reason, TokenError};
use crate::jwt::Json;

/// The confirmation of a token (`cnf`, RFC 7800 §3). A token with both members is bound to both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Binding {
    /// SHA-256 of a certificate in DER (`x5t#S256`, RFC 8705 §3.1).
    pub(crate) certificate: Option<[u8; 32]>,
    /// SHA-256 thumbprint of a key (`jkt`, RFC 9449 §6.1).
    pub(crate) key: Option<[u8; 32]>,
}

/// What verification found: who it is, if whoever sent the token is who it was issued to.
#[derive(Debug, Clone)]
pub(crate) struct Verified {
    pub(crate) principal: Principal,
    pub(crate) binding: Binding,
    /// By what it can be denied, where a denylist is asked.
    pub(crate) marks: Option<Arc<Marks>>,
}

impl Binding {
    /// Reads `cnf`. A way of confirmation that is not known can't be proved, so its token is refused (RFC 7800 §3.1).
    pub(crate) fn read(cnf: Option<&Json<'_>>) -> Result<Self, TokenError> {
        let members = match cnf {
            None | Some(Json::Null) => return Ok(Self::default()),
            Some(Json::Object(members)) => members,
            Some(_) => return Err(unproved("cnf is not an object")),
        };
        let mut binding = Self::default();
        for (name, value) in members.iter() {
            let digest = match value {
                Json::Text(text) => digest(text),
                _ => None,
            };
            let digest =
                digest.ok_or_else(|| unproved(&format!("cnf.{name} is no way to confirm a sender here")));
            match name {
                "x5t#S256" => binding.certificate = Some(digest?),
                "jkt" => binding.key = Some(digest?),
                _ => return Err(unproved(&format!("cnf.{name} is no way to confirm a sender here"))),
            }
        }
        if binding.is_bound() { Ok(binding) } else { Err(unproved("cnf is empty")) }
    }

    /// Whether there is something to prove.
    pub(crate) fn is_bound(&self) -> bool {
        self.certificate.is_some() || self.key.is_some()
    }

    /// Whether the certificate of the connection is the one that the token is bound to, if it is bound to one.
    pub(crate) fn allows_certificate(&self, shown: Option<&[u8; 32]>) -> Result<(), TokenError> {
        match (&self.certificate, shown) {
            (None, _) => Ok(()),
            (Some(bound), Some(shown)) if verify_slices_are_equal(bound, shown).is_ok() => Ok(()),
            (Some(_), Some(_)) => Err(unproved("bound to another certificate than the connection's")),
            (Some(_), None) => {
                Err(unproved("bound to a certificate, and the peer layer knows none of this connection"))
            }
        }
    }
}

impl Verified {
    /// Whether it has ended before its time. To be asked each time that the token is sent.
    pub(crate) fn check_denied(&self) -> Result<(), TokenError> {
        self.marks.as_deref().map_or(Ok(()), Marks::check)
    }

    /// Who it is, for a caller that can't prove who sends the token.
    pub(crate) fn into_bearer(self) -> Result<Principal, TokenError> {
        self.check_denied()?;
        match self.binding.is_bound() {
            true => Err(unproved("bound to its sender (cnf), which a plain bearer token can't prove")),
            false => Ok(self.principal),
        }
    }
}

/// A SHA-256 as 43 characters of base64url, in its one spelling.
fn digest(text: &str) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// The token is bound, and nothing proves the binding.
pub(crate) fn unproved(text: &str) -> TokenError {
    TokenError::with(Reason::SenderConstrained, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jwt::{Keep, read_object};

    fn read(cnf: &str) -> Result<Binding, TokenError> {
        let text = format!("{{\"cnf\":{cnf}}}");
        let members = read_object(&text, |_| Keep::Value).unwrap();
        Binding::read(members.get("cnf"))
    }

    #[test]
    fn only_ways_that_can_be_proved() {
        let digest = URL_SAFE_NO_PAD.encode([7; 32]);
        assert_eq!(read(&format!(r#"{{"jkt":"{digest}"}}"#)).unwrap().key, Some([7; 32]));
        let both = read(&format!(r#"{{"jkt":"{digest}","x5t#S256":"{digest}"}}"#)).unwrap();
        assert_eq!((both.key, both.certificate), (Some([7; 32]), Some([7; 32])));
        assert!(!read("null").unwrap().is_bound());
        for bad in [
            "{}",
            "[]",
            "\"x\"",
            "true",
            r#"{"jkt":"x"}"#,
            r#"{"jkt":5}"#,
            r#"{"jwk":{}}"#,
            r#"{"kid":"k"}"#,
            &format!(r#"{{"x5t#s256":"{digest}"}}"#),
            &format!(r#"{{"jkt":"{digest}="}}"#),
            &format!(r#"{{"jkt":"{digest}","kid":"k"}}"#),
        ] {
            assert_eq!(read(bad).unwrap_err().reason(), Reason::SenderConstrained, "{bad}");
        }
    }

    #[test]
    fn the_certificate_is_compared() {
        let bound = Binding { certificate: Some([1; 32]), key: None };
        assert!(bound.allows_certificate(Some(&[1; 32])).is_ok());
        assert!(bound.allows_certificate(Some(&[2; 32])).is_err());
        assert!(bound.allows_certificate(None).is_err());
        assert!(Binding::default().allows_certificate(None).is_ok());
    }
}
