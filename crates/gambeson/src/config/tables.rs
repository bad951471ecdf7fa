//! The tables that are the stack's own, and those of crates that take more than plain data.

use std::path::PathBuf;
use std::time::Duration;

use gambeson_core::SecretRef;

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

/// `[rbac]`: where the policy is, and what stands beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct RbacTable {
    /// The policy file; `policy.toml` unless said.
    pub policy: Option<PathBuf>,
    /// `"enforce"`, or `{ observe = { until = "2027-01-31T00:00:00Z" } }`; enforce unless said.
    pub mode: gambeson_core::Mode,
    /// The file of the next policy. It decides beside the one in force and changes no answer; where it would answer otherwise is
    /// counted, logged and put on record. Without it there is none.
    pub shadow: Option<PathBuf>,
    /// Lets callers take roles as `[[break_glass]]` of the policy says, and activate those that a dynamic separation of duties
    /// leaves inactive; see [`Kit::activations`](crate::Kit::activations). Without it nobody can.
    pub activations: Option<ActivationsTable>,
}

/// `[rbac.activations]`: where is kept who has which role for a time.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct ActivationsTable {
    /// The file, in a folder that exists. What is in it holds again after a restart, for as long as it would have held. Without
    /// it they are kept in memory, and a restart ends them all.
    pub file: Option<PathBuf>,
}

/// `[audit-trail]`: where the trail is, how large it may grow, and what makes it worth believing.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct AuditTrailTable {
    /// The trail's folder. Without it there is no trail, which production refuses.
    pub directory: Option<PathBuf>,
    /// How large the trail may grow.
    pub limits: gambeson_audit_trail::Config,
    /// How data about people is kept. Without it, as it is: production refuses that, unless `limits.personal-data` says `"plain"`.
    pub keys: Option<KeysTable>,
    /// Who signs the trail's head. Without it nothing is signed.
    pub signing: Option<SigningTable>,
    /// Where heads are published, so that a trail that was cut off or rewritten is noticed. Without one they are not.
    pub anchors: Vec<AnchorTable>,
    /// Further trails that get each event too. Without it there is one.
    pub copies: Option<CopiesTable>,
    /// Puts the outcome of acts on record, beside the decision. Without it there are decisions only.
    pub outcomes: Option<OutcomesTable>,
}

/// `[audit-trail.keys]`: what names and addresses of people are sealed under, or kept as keyed digests.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct KeysTable {
    /// The trail's secret, at least 32 random bytes, the same at each start; taken byte for byte. `[secrets]` must allow it, and not as
    /// a privileged one: it is read before there is a trail that its reading could be put on.
    pub secret: SecretRef,
    /// The folder with a key for each subject, which is made if need be: names are sealed, and erased with their key. Best on
    /// another volume than the trail, and out of its backups. Without it names are keyed digests: nobody can read them.
    #[serde(default)]
    pub subjects: Option<PathBuf>,
}

/// `[audit-trail.signing]`: the key of the trail's checkpoints.
///
/// A trail is signed from its first record on or never: where the table is lost, or added for a folder with a trail that was begun without
/// it, the app does not start. Give the key, or name a new folder.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct SigningTable {
    /// The name that stands in each signature, best a URL without its scheme: `example.com/notes`.
    pub name: String,
    /// An Ed25519 private key in PKCS#8, as `openssl genpkey -algorithm ed25519` makes it. `[secrets]` must allow it.
    pub key: SecretRef,
    /// The public keys that signed before a change of keys, as `gambeson audit key` prints them. Needed until the app has started once with
    /// the new key. Default none.
    #[serde(default)]
    pub previous: Vec<gambeson_audit_trail::VerifyingKey>,
}

/// One of `[[audit-trail.anchors]]`: a place that keeps heads out of the app's reach. Names `url`, `file` or `stdout`, and one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct AnchorTable {
    /// A URL that takes each head as the JSON body of a POST; in production `https` only.
    pub url: Option<String>,
    /// A secret that is sent to the URL as a bearer token, as it is at that moment. `[secrets]` must allow it, and not as a privileged
    /// one. Without it none is sent.
    pub token: Option<SecretRef>,
    /// A file that heads are appended to, in a folder that exists; best on a disk where the app can only append. It is opened at the
    /// start, and made if need be.
    pub file: Option<PathBuf>,
    /// Writes heads to the standard output. Default false.
    pub stdout: bool,
    /// How often, and what is done when it fails.
    pub publishing: gambeson_audit_trail::Publishing,
}

/// `[audit-trail.copies]`: further trails, each a chain of its own.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct CopiesTable {
    /// Their folders, best on other disks; at least one, each once. They have the limits, the keys and the signature of the first. One
    /// that can't be opened is told by the health, and stays out until the next start, where the quorum can be had without it.
    pub directories: Vec<PathBuf>,
    /// How many trails, the first among them, must have an event before it counts as kept: `"all"` (the default), `"any"`, or
    /// `{ at-least = 2 }`.
    #[serde(default = "all")]
    pub quorum: gambeson_audit_trail::Quorum,
    /// How long one trail may take for an event that is waited for. Default 5 s.
    #[serde(default = "five_seconds", with = "humantime_serde")]
    pub deadline: Duration,
}

const fn all() -> gambeson_audit_trail::Quorum {
    gambeson_audit_trail::Quorum::All
}

const fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

/// `[audit-trail.outcomes]`: of which acts the outcome is put on record.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct OutcomesTable {
    /// Only of requests that may change something: not of `GET`, `HEAD`, `OPTIONS` and `TRACE` (RFC 9110 §9.2.1). Default false.
    pub changes_only: bool,
    /// Also of requests of which nobody knows who sent them. Default false.
    pub strangers: bool,
}
