//! Which roles services and devices have.

use std::collections::HashMap;

use gambeson_core::Principal;

/// What a SPIFFE id starts with.
pub(crate) const SPIFFE: &str = "spiffe://";

/// Roles of services, by issuer and name: a name alone names nobody.
#[derive(Debug, Default)]
pub(crate) struct Services(HashMap<Box<str>, OfIssuer>);

/// Roles by name.
type OfIssuer = HashMap<Box<str>, Vec<Box<str>>>;

impl Services {
    /// Adds a service; `false` when it is there already.
    pub(crate) fn add(&mut self, issuer: &str, name: &str, roles: Vec<Box<str>>) -> bool {
        self.0.entry(issuer.into()).or_default().insert(name.into(), roles).is_none()
    }

    /// The roles of a service: by its client id, which the subject is where no client is named, or by its SPIFFE id.
    pub(super) fn roles(&self, caller: &Principal) -> Option<&[Box<str>]> {
        let known = self.0.get(caller.issuer())?;
        let subject = caller.subject();
        // A workload is who its SPIFFE id says, whatever client got a token for it.
        let name = if subject.starts_with(SPIFFE) { subject } else { caller.client().unwrap_or(subject) };
        known.get(name).map(Vec::as_slice)
    }
}

/// `spiffe://` and the trust domain of an id that names a workload (SPIFFE-ID §2.1 and §2.2).
pub(crate) fn trust_domain(id: &str) -> Option<&str> {
    let (domain, path) = id.strip_prefix(SPIFFE)?.split_once('/')?;
    let of_domain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    let of_path = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let sound = !domain.is_empty()
        && domain.bytes().all(of_domain)
        && path.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(of_path));
    sound.then(|| id.get(..SPIFFE.len() + domain.len())).flatten()
}
