//! The form that a logout token comes in.

use bytes::{Buf, Bytes};
use http::{HeaderMap, header};

/// The longest form that is read, in bytes: a logout token has one or two thousand.
pub(super) const LONGEST: usize = 16 << 10;

/// Whether the body is said to be a form (Back-Channel Logout 1.0 §2.5).
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// Takes up a part of the body; `false` when that is too much.
pub(super) fn take(read: &mut Vec<u8>, mut data: impl Buf) -> bool {
    if data.remaining() > LONGEST - read.len() {
        return false;
    }
    let part: Bytes = data.copy_to_bytes(data.remaining());
    read.extend_from_slice(&part);
    true
}

/// The one logout token of the form.
pub(super) fn logout_token(form: &[u8]) -> Option<String> {
    let pairs = form_urlencoded::parse(form);
    let mut found = pairs.filter(|(name, _)| name == "logout_token").map(|(_, value)| value.into_owned());
    let token = found.next()?;
    found.next().is_none().then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_token_of_a_form_of_sound_size() {
        assert_eq!(logout_token(b"a=b&logout_token=x.y.z").as_deref(), Some("x.y.z"));
        for none in [&b""[..], b"logout_token", b"a=b", b"logout_token=a&logout_token=a"] {
            assert_eq!(logout_token(none).filter(|token| !token.is_empty()), None);
        }
        let mut read = Vec::new();
        assert!(take(&mut read, &[0; LONGEST - 1][..]) && take(&mut read, &b"x"[..]));
        assert!(!take(&mut read, &b"x"[..]));
    }
}
