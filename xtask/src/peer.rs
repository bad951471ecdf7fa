//! The outside programs that tests run against.

use std::path::{Path, PathBuf};

/// One outside program: its manifest, lock file and start script live in `tests/peers/<name>`.
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
    /// An npm package: `npm ci` without install scripts, from a lock file with hashes.
    Npm,
}

/// Every outside program of the workspace.
pub(crate) const PEERS: &[Peer] = &[Peer {
    name: "oidc-provider",
    version: "9.13.3",
    purpose: "a real OpenID provider, started on a free loopback port",
    megabytes: 4,
    kind: Kind::Npm,
}];

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
            Self::Npm => "npm",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    #[test]
    fn the_lock_file_pins_what_is_announced() {
        for peer in PEERS {
            let lock =
                std::fs::read_to_string(peer.source(root()).join("package-lock.json")).expect("a lock file");
            let lock: serde_json::Value = serde_json::from_str(&lock).expect("json");
            let entry = &lock["packages"][format!("node_modules/{}", peer.name)];
            assert_eq!(entry["version"], peer.version);
        }
    }

    #[test]
    fn every_locked_package_has_a_hash_and_no_address() {
        for peer in PEERS {
            let lock =
                std::fs::read_to_string(peer.source(root()).join("package-lock.json")).expect("a lock file");
            let lock: serde_json::Value = serde_json::from_str(&lock).expect("json");
            let packages = lock["packages"].as_object().expect("packages");
            for (name, entry) in packages.iter().filter(|(name, _)| !name.is_empty()) {
                assert!(entry["integrity"].is_string(), "{name} has no hash");
                assert!(entry["resolved"].is_null(), "{name} names a registry");
            }
        }
    }
}
