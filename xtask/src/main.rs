//! The project's chores: `cargo xtask test`, `ci`, `lint` and `peers`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program speaks to its user")]
#![forbid(unsafe_code)]

mod apt;
mod bench;
mod ci;
mod copy_out;
mod deny;
mod fuzz;
mod ignored_tests;
mod install;
mod lint;
mod load;
mod node;
mod peer;
mod peers;
mod process;
mod step;
mod test;
mod workspace;

use std::env;
use std::process::ExitCode;

use anyhow::Result;

use crate::workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask <command>

  test [--allow-missing-peers] [-- <test arguments>]
                   install the real outside programs, then run every test of the workspace
  ci [--allow-missing-peers]
                   everything a change must pass: fmt, lint, clippy, doc, deny, test
  bench [crate…] [--check [--targets <file>]] [--longest-rotation <seconds>]
                   measure the layers beside their peers; hold them against the targets
  bench --gate | --bless
                   hold instructions and allocations against benches/baseline.json; write it anew
  lint             the laws of the house, in seconds
  deny             licences, bans, sources and advisories of the dependencies
  fuzz [target] [seconds]
                   bytes of strangers against the probes of fuzz/; needs a nightly compiler
  load [minutes]   wrk and clients that go away, against the notes app: memory, counts, panics
  copy-out         each example alone in an empty folder, against the packed crates
  peers list       the outside programs that tests need
  peers install [name ...]
                   install them below the target folder; without names, those that tests need
  peers path <name>
                   where the program is; installs it first
  peers lock <name>
                   pin what Debian's archive has now";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Runs one command; false means that it found something wrong and has said what.
fn run(arguments: &[String]) -> Result<bool> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["test", rest @ ..] => test::run(&Workspace::load()?, &test::Options::parse(rest)?),
        ["ci", rest @ ..] => ci::run(&Workspace::load()?, &test::Options::parse(rest)?),
        ["bench", rest @ ..] => bench::run(&Workspace::load()?, &bench::Options::parse(rest)?),
        ["lint"] => lint::run(&Workspace::load()?),
        ["deny"] => deny::run(&Workspace::load()?),
        ["fuzz", rest @ ..] => fuzz::run(&Workspace::load()?, &fuzz::Options::parse(rest)?),
        ["load", rest @ ..] => {
            let minutes = load::minutes(rest)?;
            load::run(&Workspace::load()?, minutes)
        }
        ["copy-out"] => copy_out::run(&Workspace::load()?),
        ["peers", "list"] => {
            peers::list(&Workspace::load()?);
            Ok(true)
        }
        ["peers", "install", names @ ..] => {
            Ok(peers::install(&Workspace::load()?, &peers::named(names)?).is_empty())
        }
        ["peers", "path", name] => {
            println!("{}", peers::program(&Workspace::load()?, name)?.display());
            Ok(true)
        }
        ["peers", "lock", name] => peers::lock(&Workspace::load()?, name),
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(true)
        }
        _ => {
            eprintln!("{USAGE}");
            Ok(false)
        }
    }
}
