//! The probes of the crates' tests, as functions of the fuzz targets.

#[path = "../../crates/hardening-headers/tests/it/fuzzed/probes/mod.rs"]
mod edge;
#[path = "../../crates/oidc-auth/tests/it/fuzzed/probes/mod.rs"]
mod probes;

/// `Authorization` and `DPoP` fields, one a line, through the whole layer.
pub fn authorization(bytes: &[u8]) {
    let _ = probes::authorization(bytes);
}

/// A line of header and a payload, signed by a key that the verifier knows.
pub fn claims(bytes: &[u8]) {
    let _ = probes::claims(bytes);
}

/// A key set.
pub fn jwks(bytes: &[u8]) {
    let _ = probes::jwks(bytes);
}

/// A line of what is asked for, a line of cookies, and what the sealed cookie holds.
pub fn login(bytes: &[u8]) {
    let _ = probes::login(bytes);
}

/// A line of path, a line of header and a payload: a DPoP proof that is signed by the key of its token.
pub fn proof(bytes: &[u8]) {
    let _ = probes::proof(bytes);
}

/// A token as it comes.
pub fn token(bytes: &[u8]) {
    let _ = probes::token(bytes);
}

/// A content security policy as text.
pub fn csp(bytes: &[u8]) {
    let _ = edge::csp(bytes);
}

/// Forwarding fields, one a line; the first byte says which.
pub fn forwarded(bytes: &[u8]) {
    let _ = edge::forwarded(bytes);
}

/// A line of target, and `Host` fields, one a line.
pub fn hosts(bytes: &[u8]) {
    let _ = edge::hosts(bytes);
}
