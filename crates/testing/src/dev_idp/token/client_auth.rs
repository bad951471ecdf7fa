//! Which client asks (RFC 6749 §2.3).

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::super::DevClient;
use super::super::form::Form;
use super::super::state::State;

/// Why it is not known which client asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unproven {
    Unknown,
    Twice,
}

/// By `client_secret_basic`, `client_secret_post`, or none for a public client; never by two at once.
pub(super) fn client(state: &State, headers: &HeaderMap, form: &Form) -> Result<DevClient, Unproven> {
    let basic = basic(headers);
    if basic.is_some() && form.has("client_secret") {
        return Err(Unproven::Twice);
    }
    let posted = || Some((form.get("client_id")?.to_owned(), form.get("client_secret").map(str::to_owned)));
    let (id, secret) =
        basic.map(|(id, secret)| (id, Some(secret))).or_else(posted).ok_or(Unproven::Unknown)?;
    if form.get("client_id").is_some_and(|other| other != id) {
        return Err(Unproven::Unknown);
    }
    let client = state.client(&id).ok_or(Unproven::Unknown)?;
    let proven = match (&client.secret, &secret) {
        (Some(known), Some(sent)) => verify_slices_are_equal(known.as_bytes(), sent.as_bytes()).is_ok(),
        (None, None) => true,
        _ => false,
    };
    if proven { Ok(client) } else { Err(Unproven::Unknown) }
}

/// `client_secret_basic`: both parts are form-encoded within (RFC 6749 §2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let plain = |part: &str| {
        // One value, not a form: what would end a name or a pair is part of it.
        let whole = part.replace('&', "%26").replace('=', "%3D");
        let decoded = url::form_urlencoded::parse(whole.as_bytes()).next();
        decoded.map(|(text, _)| text.into_owned()).unwrap_or_default()
    };
    Some((plain(id), plain(secret)))
}
