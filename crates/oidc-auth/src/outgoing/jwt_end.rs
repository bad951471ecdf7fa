//! When a JWT ends, as it says itself.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gambeson_core::Timestamp;
use serde::Deserialize;

#[derive(Deserialize)]
struct End {
    exp: Option<i64>,
}

/// `exp` of a token of this app's own, unverified: who lies to itself only asks for a 401. `None` when it is no JWT.
pub(super) fn jwt_end(token: &str) -> Option<Timestamp> {
    let mut parts = token.split('.');
    let (payload, Some(_), None) = (parts.nth(1)?, parts.next(), parts.next()) else { return None };
    let json = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let End { exp } = serde_json::from_slice(&json).ok()?;
    exp.map(Timestamp::from_unix_seconds)
}
