//! Announcing and installing the outside programs.

use crate::install::{Missing, install_one, is_installed};
use crate::peer::PEERS;
use crate::workspace::Workspace;

/// Says what there is and what is installed.
pub(crate) fn list(workspace: &Workspace) {
    let folder = workspace.peers();
    println!("outside programs for tests, in {}:", folder.display());
    for peer in PEERS {
        let state = if is_installed(peer, &workspace.root, &folder) { "installed" } else { "not installed" };
        println!("  {} {} ({}): {}; {state}", peer.name, peer.version, peer.kind.origin(), peer.purpose);
    }
}

/// Says what will be installed, installs what is not there yet, and returns what could not be had.
pub(crate) fn install(workspace: &Workspace) -> Vec<Missing> {
    let folder = workspace.peers();
    let wanted: Vec<_> = PEERS.iter().filter(|peer| !is_installed(peer, &workspace.root, &folder)).collect();
    if wanted.is_empty() {
        println!("outside programs for tests: all installed in {}", folder.display());
        return Vec::new();
    }
    println!("outside programs for tests, to be installed into {}:", folder.display());
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
