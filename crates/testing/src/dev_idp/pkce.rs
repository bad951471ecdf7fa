//! Proof Key for Code Exchange (RFC 7636), by S256 only.

use aws_lc_rs::digest::{SHA256, digest};

use super::form::Form;
use super::keys::encode;

/// The challenge of an authorization request; a public client must send one (RFC 9700 §2.1.1).
pub(super) fn challenge(form: &Form, public: bool) -> Result<Option<String>, &'static str> {
    let Some(challenge) = form.get("code_challenge") else {
        return match public || form.has("code_challenge_method") {
            true => Err("code_challenge is missing (RFC 7636)"),
            false => Ok(None),
        };
    };
    // Without a method it would be `plain`.
    if form.get("code_challenge_method") != Some("S256") {
        return Err("code_challenge_method must be S256");
    }
    match challenge.len() == 43 && challenge.bytes().all(is_base64url) {
        true => Ok(Some(challenge.to_owned())),
        false => Err("code_challenge must be 43 characters of base64url"),
    }
}

/// Whether the verifier belongs to the challenge; one without a challenge is a downgrade (RFC 9700 §4.8.2).
pub(super) fn check(challenge: Option<&str>, verifier: Option<&str>) -> Result<(), &'static str> {
    match (challenge, verifier) {
        (None, None) => Ok(()),
        (None, Some(_)) => {
            Err("there is a code_verifier, but the authorization request had no code_challenge")
        }
        (Some(_), None) => Err("code_verifier is missing"),
        (Some(challenge), Some(verifier)) => {
            let well_formed = (43..=128).contains(&verifier.len()) && verifier.bytes().all(is_unreserved);
            match well_formed && encode(digest(&SHA256, verifier.as_bytes()).as_ref()) == challenge {
                true => Ok(()),
                false => Err("code_verifier is not that of the code_challenge"),
            }
        }
    }
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

const fn is_unreserved(byte: u8) -> bool {
    is_base64url(byte) || matches!(byte, b'.' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_holds() {
        // RFC 7636, appendix B.
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(check(Some(challenge), Some(verifier)), Ok(()));
        assert!(check(Some(challenge), Some(&verifier.replace('d', "e"))).is_err());
        assert!(check(Some(challenge), None).is_err() && check(None, Some(verifier)).is_err());
        let form = |text: &str| Form::parse(text.as_bytes());
        let whole = format!("code_challenge={challenge}&code_challenge_method=S256");
        assert_eq!(challenge_of(&form(&whole)), Ok(Some(challenge.to_owned())));
        assert!(challenge_of(&form(&format!("code_challenge={challenge}"))).is_err());
        assert!(challenge_of(&form("code_challenge=short&code_challenge_method=S256")).is_err());
        assert!(challenge_of(&form("")).is_err());
        assert_eq!(super::challenge(&form(""), false), Ok(None));
    }

    fn challenge_of(form: &Form) -> Result<Option<String>, &'static str> {
        challenge(form, true)
    }
}
