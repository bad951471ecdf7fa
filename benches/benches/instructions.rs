//! Counts the instructions of every case, under callgrind. `case_3` is the fourth pair of case and subject of its
//! crate that `--list` prints: gungraun numbers what comes from an iterator.

#![forbid(unsafe_code)]
#![expect(missing_docs, reason = "gungraun's macros write undocumented functions")]

use gambeson_benches::{CALLS, Run, cases};
use gungraun::prelude::*;

/// Prepares the pair of case and subject and warms it up, uncounted.
fn prepare((krate, index): (&'static str, usize)) -> Run {
    let mut run = cases::counted(krate).swap_remove(index).prepare();
    (0..CALLS).for_each(|_| run());
    run
}

fn indices(krate: &'static str) -> Vec<(&'static str, usize)> {
    (0..cases::counted(krate).len()).map(|index| (krate, index)).collect()
}

#[inline(never)]
fn repeat(run: &mut Run) {
    (0..CALLS).for_each(|_| run());
}

macro_rules! crates {
    ($($function:ident: $krate:literal),+ $(,)?) => {
        $(
            #[library_benchmark(setup = prepare)]
            #[benches::case(iter = indices($krate))]
            fn $function(mut run: Run) -> Run {
                repeat(&mut run);
                run
            }
        )+

        library_benchmark_group!(name = layers, benchmarks = [$($function),+]);
    };
}

crates! {
    calibration: "calibration",
    hardening_headers: "hardening-headers",
    rbac: "rbac",
    oidc_auth: "oidc-auth",
    otel_setup: "otel-setup",
    audit_trail: "audit-trail",
    cost_guard: "cost-guard",
    secrets: "secrets",
    stack: "stack",
}

main!(library_benchmark_groups = layers);
