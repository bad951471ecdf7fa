//! Packages unpacked into a root of their own, and the script that runs a program of them.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::Apt;
use crate::process;

/// Where libraries are, below the root.
const LIBRARIES: &[&str] = &["usr/lib", "lib"];

const FONTS: &str = r#"<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir prefix="relative">root/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  <alias binding="same"><family>sans-serif</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias binding="same"><family>system-ui</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias binding="same"><family>Arial</family><prefer><family>Liberation Sans</family></prefer></alias>
  <alias binding="same"><family>serif</family><prefer><family>Liberation Serif</family></prefer></alias>
  <alias binding="same"><family>Times New Roman</family><prefer><family>Liberation Serif</family></prefer></alias>
  <alias binding="same"><family>monospace</family><prefer><family>Liberation Mono</family></prefer></alias>
  <alias binding="same"><family>Courier New</family><prefer><family>Liberation Mono</family></prefer></alias>
</fontconfig>
"#;

/// The script that runs the program; its folder can be put on a PATH.
pub(crate) fn launcher(name: &str, folder: &Path) -> PathBuf {
    folder.join("bin").join(name)
}

/// Unpacks one package; its install scripts are not run.
pub(crate) fn extract(package: &Path, folder: &Path) -> Result<()> {
    let root = folder.join("root");
    fs::create_dir_all(&root)?;
    process::output(process::program("dpkg", folder).arg("-x").arg(package).arg(&root)).map(drop)
}

/// Writes the script that runs the program with what was unpacked beside it.
pub(crate) fn write_launcher(apt: &Apt, name: &str, folder: &Path) -> Result<()> {
    if !folder.join("root").join(apt.program).is_file() {
        bail!("the packages hold no {}", apt.program);
    }
    let script = script(apt, &library_folders(folder)?, folder.join("root/usr/share/fonts").is_dir());
    fs::write(folder.join("fonts.conf"), FONTS)?;
    let launcher = launcher(name, folder);
    fs::create_dir_all(folder.join("bin"))?;
    fs::write(&launcher, script)?;
    fs::set_permissions(&launcher, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn script(apt: &Apt, libraries: &[String], fonts: bool) -> String {
    let mut script = String::from("#!/bin/sh\nhere=$(dirname \"$(dirname \"$(readlink -f \"$0\")\")\")\n");
    let paths: Vec<String> = libraries.iter().map(|folder| format!("$here/root/{folder}")).collect();
    if !paths.is_empty() {
        let paths = paths.join(":");
        let _ = writeln!(script, "export LD_LIBRARY_PATH=\"{paths}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"");
    }
    if fonts {
        script.push_str("export FONTCONFIG_FILE=\"$here/fonts.conf\"\n");
    }
    if let Some((variable, path)) = apt.variable {
        let _ = writeln!(script, "export {variable}=\"$here/root/{path}\"");
    }
    let _ = writeln!(script, "exec \"$here/root/{}\" \"$@\"", apt.program);
    script
}

/// The folders of the machine's kind (`usr/lib/x86_64-linux-gnu`) and those right below them that hold libraries.
fn library_folders(folder: &Path) -> io::Result<Vec<String>> {
    let root = folder.join("root");
    let mut found = Vec::new();
    for parent in LIBRARIES {
        for kind in folders(&root.join(parent))?.into_iter().filter(|name| name.contains("-linux-")) {
            let path = format!("{parent}/{kind}");
            let inner = folders(&root.join(&path))?.into_iter().map(|name| format!("{path}/{name}"));
            let inner: Vec<String> = inner.filter(|inner| holds_libraries(&root.join(inner))).collect();
            found.push(path);
            found.extend(inner);
        }
    }
    Ok(found)
}

fn folders(parent: &Path) -> io::Result<Vec<String>> {
    if !parent.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn holds_libraries(folder: &Path) -> bool {
    let names =
        fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.file_name());
    names
        .map(|name| name.to_string_lossy().into_owned())
        .any(|name| name.starts_with("lib") && name.contains(".so"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELL: Apt = Apt {
        packages: &["greeter"],
        machine: &[],
        program: "usr/bin/greeter",
        variable: Some(("GREETER_LIB", "usr/libexec/greeter")),
    };

    #[test]
    fn the_script_runs_what_was_unpacked() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("root");
        for inner in
            ["usr/bin", "usr/lib/x86_64-linux-gnu/sound", "usr/lib/x86_64-linux-gnu/other", "lib/other"]
        {
            fs::create_dir_all(root.join(inner)).expect("a folder");
        }
        fs::write(root.join("usr/lib/x86_64-linux-gnu/sound/libsound.so.1"), "").expect("a file");
        let program = root.join(SHELL.program);
        fs::write(&program, "#!/bin/sh\necho $LD_LIBRARY_PATH $GREETER_LIB $1\n").expect("a file");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
        write_launcher(&SHELL, "greeter", dir.path()).expect("written");
        let script = launcher("greeter", dir.path());
        let mut run = process::program(&script.to_string_lossy(), dir.path());
        let said = process::output(run.env_remove("LD_LIBRARY_PATH").arg("hello")).expect("runs");
        let root = fs::canonicalize(root).expect("a path").display().to_string();
        let kind = format!("{root}/usr/lib/x86_64-linux-gnu");
        assert_eq!(said.trim(), format!("{kind}:{kind}/sound {root}/usr/libexec/greeter hello"));
    }

    #[test]
    fn packages_without_the_program_are_told() {
        let dir = tempfile::tempdir().expect("a folder");
        assert!(write_launcher(&SHELL, "greeter", dir.path()).is_err());
    }
}
