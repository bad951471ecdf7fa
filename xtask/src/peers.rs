//! Announcing and installing the outside programs.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::install::{Missing, install_one, is_installed};
use crate::peer::{Kind, Needed, PEERS, Peer};
use crate::workspace::Workspace;

/// Says what there is and what is installed.
pub(crate) fn list(workspace: &Workspace) {
    let folder = workspace.peers();
    println!("outside programs for tests, in {}:", folder.display());
    for peer in PEERS {
        let state = if is_installed(peer, &workspace.root, &folder) { "there" } else { "not installed" };
        let needed = if peer.needed == Needed::OnDemand { " (on demand)" } else { "" };
        println!(
            "  {} {} ({}): {}{needed}; {state}",
            peer.name,
            peer.version,
            peer.kind.origin(),
            peer.purpose
        );
    }
}

/// Those that `cargo xtask test` needs.
pub(crate) fn for_tests() -> Vec<&'static Peer> {
    PEERS.iter().filter(|peer| peer.needed == Needed::ByTests).collect()
}

/// Those of these names; those for tests when no name is given.
pub(crate) fn named(names: &[&str]) -> Result<Vec<&'static Peer>> {
    if names.is_empty() {
        return Ok(for_tests());
    }
    names.iter().map(|name| one(name)).collect()
}

fn one(name: &str) -> Result<&'static Peer> {
    Peer::named(name).with_context(|| format!("there is no outside program `{name}`: cargo xtask peers list"))
}

/// Says what will be installed, installs what is not there yet, and returns what could not be had.
pub(crate) fn install(workspace: &Workspace, peers: &[&'static Peer]) -> Vec<Missing> {
    let folder = workspace.peers();
    let is_wanted = |peer: &&&Peer| !is_installed(peer, &workspace.root, &folder);
    let wanted: Vec<_> = peers.iter().filter(is_wanted).collect();
    if wanted.is_empty() {
        println!("outside programs: all there, on this machine or in {}", folder.display());
        return Vec::new();
    }
    println!("outside programs, to be installed into {}:", folder.display());
    for peer in &wanted {
        let (name, version, origin) = (peer.name, peer.version, peer.kind.origin());
        println!("  {name} {version} ({origin}, about {} MB): {}", peer.megabytes, peer.purpose);
    }
    println!(
        "  (pinned by lock files with hashes; no install scripts, no sudo; delete the folder to be rid of them)"
    );
    let missing: Vec<Missing> =
        wanted.iter().filter_map(|peer| install_one(peer, &workspace.root, &folder).err()).collect();
    for one in &missing {
        println!("NOT INSTALLED {one}");
    }
    missing
}

/// The program of that name from Debian's archive, installed first when neither the machine nor the folder has it. Its
/// name is the file's name, so that the folder can be put on a PATH.
pub(crate) fn program(workspace: &Workspace, name: &str) -> Result<PathBuf> {
    let peer = one(name)?;
    if let Some(missing) = install(workspace, &[peer]).first() {
        bail!("{missing}");
    }
    peer.program(&workspace.peers()).with_context(|| format!("`{name}` is not a program of Debian's archive"))
}

/// Pins what Debian's archive has now.
pub(crate) fn lock(workspace: &Workspace, name: &str) -> Result<bool> {
    let peer = one(name)?;
    let Kind::Apt(apt) = peer.kind else {
        bail!("`{name}` comes from {}: refresh {} with its own tool", peer.kind.origin(), peer.kind.lock());
    };
    let scratch = workspace.peers().join("lock");
    fs::create_dir_all(&scratch)?;
    let lock = peer.source(&workspace.root).join(peer.kind.lock());
    let version = apt.lock(name, &lock, &scratch)?;
    fs::remove_dir_all(&scratch)?;
    println!("{} pins {name} {version}", lock.display());
    if version != peer.version {
        println!("write that version into xtask/src/peer.rs too");
    }
    Ok(true)
}
