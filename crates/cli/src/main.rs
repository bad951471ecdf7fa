//! The command `gambeson`: what operators ask of audit trails, policies, issuers and tokens, outside the app.
//!
//! # Exit codes
//!
//! | code | meaning |
//! |---|---|
//! | 0 | all is well |
//! | 1 | something was found: the policy is refused, the issuer is not healthy, the token is refused; and for `rbac` as below; audit find and erase: nothing is there of that subject |
//! | 2 | the command line is wrong |
//! | 3 | a file or standard input can't be read, there is no trail in the folder (for `audit verify` that is 15), or no published head in the file of `--anchor` |
//! | 4 | audit, and rbac on a trail: a secret or key is missing, too short, or not the one that the trail was written with; what was found without it is shown |
//! | 5 | audit find, and rbac why on a trail: names were withheld when they were recorded, so the answer may lack events; what was found is shown |
//! | 10 | audit verify: a record was edited; audit tail, export and find: a line that no trail wrote |
//! | 11 | audit verify: records or a segment are missing |
//! | 12 | audit verify: records were moved or repeated |
//! | 13 | audit verify: the last line is torn; all before it is whole |
//! | 14 | audit verify: the end was cut off before the given head |
//! | 15 | audit verify: the chain's beginning is missing or unknown |
//! | 16 | audit verify: a segment stands where another one belongs |
//! | 17 | audit verify: the clock went back (only with `--strict-clock`) |
//! | 18 | audit verify: the record of the given head was rewritten |
//! | 19 | audit verify: something else is wrong with the chain |
//! | 20 | audit verify: a signature is wrong, foreign or missing (only with `--key`) |
//! | 21 | audit verify: more records in a row than `--max-unsigned` stand without a checkpoint (only with `--key`) |
//!
//! | `rbac` command | ends with 1 when the policy is refused, and when |
//! |---|---|
//! | `lint` | it has an error; with `--strict` also for a warning |
//! | `test` | a test row fails, or there is none |
//! | `why` | the answer is not "allow"; with `--from` 4 or 5 comes first: a later decision may be about the same caller |
//! | `diff` | the newer policy gives somebody more |
//! | `unused` | a grant was never used, or no decision allowed anything |
//! | `replay` | a decision comes out otherwise, or none could be made anew; with `--next` also when the next policy decides one otherwise, decides none, or lacks a route |
#![forbid(unsafe_code)]

mod audit;
mod hidden;
mod keys;
mod oidc;
mod outcome;
mod rbac;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Hardening tools: verify audit trails, check policies, examine issuers, explain tokens.
#[derive(Debug, Parser)]
#[command(name = "gambeson", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read and verify hash-chained audit trails.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Examine issuers, explain tokens.
    #[command(subcommand)]
    Oidc(oidc::Command),
    /// Check access policies.
    #[command(subcommand)]
    Rbac(rbac::Command),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Audit(command) => audit::run(command),
        Command::Oidc(command) => oidc::run(command),
        Command::Rbac(command) => rbac::run(command),
    };
    outcome.tell()
}
