//! The names of keys. What they are made of are digests: none can be used to log in, and none names a person.

use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest;
use gambeson_core::Subject;

use crate::digest::first;

/// Names that begin with the prefix. Its braces keep them in one slot of a cluster.
#[derive(Debug, Clone)]
pub(super) struct Names(Arc<str>);

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self(format!("{{{prefix}}}:").into())
    }

    pub(super) fn proof(&self, id: &[u8; 32]) -> String {
        self.name("proof:", id)
    }

    pub(super) fn denials(&self) -> String {
        format!("{}denials", self.0)
    }

    /// The log of sessions that were ended.
    pub(super) fn ended(&self) -> String {
        format!("{}ended", self.0)
    }

    /// What the names of sessions begin with.
    pub(super) fn sessions(&self) -> String {
        format!("{}session:", self.0)
    }

    pub(super) fn session(&self, key: &[u8; 32]) -> String {
        self.name("session:", key)
    }

    /// The set of sessions of a subject.
    pub(super) fn of_subject(&self, subject: &Subject) -> String {
        self.name("of-subject:", &pair(&subject.issuer, &subject.name))
    }

    /// The set of sessions of one log-in at the provider.
    pub(super) fn of_provider_session(&self, issuer: &str, sid: &str) -> String {
        self.name("of-sid:", &pair(issuer, sid))
    }

    fn name(&self, kind: &str, id: &[u8; 32]) -> String {
        let mut name = String::with_capacity(self.0.len() + kind.len() + 64);
        name.push_str(&self.0);
        name.push_str(kind);
        name.push_str(&hex(id));
        name
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn pair(issuer: &str, name: &str) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    // The length first, so that no two pairs are one.
    context.update(&(issuer.len() as u64).to_be_bytes());
    context.update(issuer.as_bytes());
    context.update(name.as_bytes());
    first(&context.finish())
}
