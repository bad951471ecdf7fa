//! The probes of gambeson-oidc-auth's tests, as functions of the fuzz targets.

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
