//! The tables that are the stack's own, and those of crates that take more than plain data.

use std::path::PathBuf;

/// `[stack]`: what concerns several crates.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct StackTable {
    /// How many processes serve this app. State that is in memory (sessions, used proofs, denials, quotas) is right for one only, so
    /// production refuses it unless this says 1; all but quotas are shared by the table `[oidc-auth.redis]` (feature `redis`).
    pub instances: Option<u32>,
    /// Whether `/readyz` answers 503 until the identity provider has told its endpoints and keys once. Default false: an app starts
    /// without its provider, and requests wait for it themselves. What is this app's own, as Redis and what other instances have
    /// denied, is waited for in any case.
    pub wait_for_provider: bool,
    /// Money spent is kept in memory: a restart refills every budget. Production refuses budgets without this word.
    pub dangerously_forget_spending_on_restart: bool,
}

/// `[rbac]`: where the policy is.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct RbacTable {
    /// The policy file; `policy.toml` unless said.
    pub policy: Option<PathBuf>,
    /// Enforce, or observe until a date; enforce unless said.
    pub mode: gambeson_core::Mode,
}

/// `[audit-trail]`: where the trail is, and how large it may grow.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct AuditTrailTable {
    /// The trail's folder. Without it there is no trail, which production refuses.
    pub directory: Option<PathBuf>,
    /// How large the trail may grow.
    pub limits: gambeson_audit_trail::Config,
    /// Who signs the trail's head. Without it nothing is signed.
    pub signing: Option<SigningTable>,
    /// A file that takes the trail's heads, best on a disk where the app can only append; `-` is the standard output. Without
    /// it none are published.
    pub publish_heads: Option<PathBuf>,
}

/// `[audit-trail.signing]`: the key of the trail's checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct SigningTable {
    /// The name that stands in each signature, best a URL without its scheme: `example.com/notes`.
    pub name: String,
    /// The file of an Ed25519 private key in PKCS#8, as `openssl genpkey -algorithm ed25519` makes it.
    pub key: PathBuf,
}
