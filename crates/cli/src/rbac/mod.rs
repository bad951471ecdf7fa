//! `gambeson rbac …`

mod compare;
mod inspect;
mod past;
mod policy_file;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::keys::Keys;
use crate::outcome::Outcome;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Tell what is wrong or doubtful in a policy, with its place and its cure.
    Lint(Lint),
    /// Run the policy's own `[[test]]` rows. Fails when one does not hold, or there is none.
    Test {
        /// The policy, for example `policy.toml`.
        policy: PathBuf,
    },
    /// Tell why somebody may or may not do something: which rule decides, and what would have to be granted.
    Why(Why),
    /// Print who may call which of the policy's routes.
    Matrix {
        /// The policy, for example `policy.toml`.
        policy: PathBuf,
        #[command(flatten)]
        form: MatrixForm,
    },
    /// Tell what a newer policy gives and takes. Fails when it gives somebody more.
    Diff {
        /// The policy as it was.
        old: PathBuf,
        /// The policy as it will be.
        new: PathBuf,
    },
    /// Tell which grants were never used by the decisions in an audit trail. Fails when there are some.
    Unused {
        /// The policy.
        #[arg(long, default_value = "policy.toml")]
        policy: PathBuf,
        #[command(flatten)]
        from: Trail,
    },
    /// Decide anew what an audit trail says was decided. Fails when something comes out otherwise, or nothing was decided anew.
    Replay {
        /// The policy that decided, by its digest; several times for several versions of it.
        #[arg(long, default_value = "policy.toml")]
        policy: Vec<PathBuf>,
        /// Also tell what this policy would decide otherwise, and fail when it does.
        #[arg(long, value_name = "POLICY")]
        next: Option<PathBuf>,
        #[command(flatten)]
        from: Trail,
    },
}

/// Where decisions were recorded.
#[derive(Debug, Args)]
pub(crate) struct Trail {
    /// The trail's directory, or a file of JSON lines.
    #[arg(long = "from", value_name = "TRAIL")]
    path: PathBuf,
    #[command(flatten)]
    keys: Keys,
}

#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// The policy, for example `policy.toml`.
    policy: PathBuf,
    /// The version of it that was approved before: tells of wildcards that have come to give more.
    #[arg(long, value_name = "POLICY")]
    previous: Option<PathBuf>,
    /// The app's routes, as `Routes::inventory_text` writes them: each on a line of its own, METHOD, template, and the permission or `public`.
    #[arg(long, value_name = "FILE")]
    routes: Option<PathBuf>,
    /// Leave this kind of warning out; several times for several.
    #[arg(long, value_name = "ID")]
    allow: Vec<String>,
    /// Fail for warnings too.
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Why {
    /// Roles, separated by commas ("" for none); with `--from` the name of a caller.
    who: String,
    /// A permission, or method and route template, such as `DELETE /notes/{id}`.
    #[arg(required = true, num_args = 1..=2, value_names = ["METHOD", "ROUTE"])]
    asked: Vec<String>,
    /// The policy.
    #[arg(long, default_value = "policy.toml")]
    policy: PathBuf,
    /// A trail's directory or a file of JSON lines: the roles are those of the caller's newest decision in it.
    #[arg(long)]
    from: Option<PathBuf>,
    #[command(flatten)]
    keys: Keys,
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct MatrixForm {
    /// As a table in Markdown; that is the default.
    #[arg(long)]
    md: bool,
    /// As comma-separated values.
    #[arg(long)]
    csv: bool,
    /// As an HTML page.
    #[arg(long)]
    html: bool,
}

pub(crate) fn run(command: Command) -> Outcome {
    let outcome = match command {
        Command::Lint(arguments) => inspect::lint(&arguments),
        Command::Test { policy } => inspect::test(&policy),
        Command::Why(arguments) => inspect::why(&arguments),
        Command::Matrix { policy, form } => inspect::matrix(&policy, &form),
        Command::Diff { old, new } => compare::diff(&old, &new),
        Command::Unused { policy, from } => compare::unused(&policy, &from),
        Command::Replay { policy, next, from } => compare::replay(&policy, next.as_deref(), &from),
    };
    outcome.unwrap_or_else(|failed| failed)
}
