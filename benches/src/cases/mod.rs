//! The cases, one file a crate.

pub(crate) mod audit_trail;
mod calibration;
pub(crate) mod cost_guard;
pub(crate) mod hardening_headers;
pub(crate) mod oidc_auth;
pub(crate) mod otel_setup;
pub(crate) mod rbac;
pub(crate) mod secrets;
mod stack;

use crate::{Case, Figure, Run, Subject, peers};

/// What can be measured, by directory name; `calibration` is a yardstick of the machine.
pub const CRATES: [&str; 9] = [
    "calibration",
    "hardening-headers",
    "rbac",
    "oidc-auth",
    "otel-setup",
    "audit-trail",
    "cost-guard",
    "secrets",
    "stack",
];

/// The cases of one crate.
#[must_use]
pub fn of(krate: &str) -> Vec<Case> {
    let cases = match krate {
        "calibration" => calibration::cases(),
        "hardening-headers" => hardening_headers::cases(),
        "rbac" => rbac::cases(),
        "oidc-auth" => oidc_auth::cases(),
        "otel-setup" => otel_setup::cases(),
        "audit-trail" => audit_trail::cases(),
        "cost-guard" => cost_guard::cases(),
        "secrets" => secrets::cases(),
        "stack" => stack::cases(),
        _ => Vec::new(),
    };
    cases.into_iter().map(peers::join).collect()
}

/// The figures of one crate.
#[must_use]
pub fn figures(krate: &str) -> Vec<Figure> {
    match krate {
        "rbac" => rbac::figures(),
        "otel-setup" => otel_setup::figures(),
        "audit-trail" => audit_trail::figures(),
        "secrets" => secrets::figures(),
        _ => Vec::new(),
    }
}

/// Something whose size in memory is measured.
#[derive(Debug, Clone, Copy)]
pub struct Holder {
    /// The name that targets use.
    pub case: &'static str,
    /// `gambeson`, or a peer's name.
    pub subject: &'static str,
    /// The metric's name in targets.
    pub metric: &'static str,
    /// Makes and fills it.
    pub make: fn() -> Box<dyn std::any::Any>,
}

/// What of one crate is measured by its size.
#[must_use]
pub fn holders(krate: &str) -> Vec<Holder> {
    match krate {
        "hardening-headers" => hardening_headers::holders(),
        _ => Vec::new(),
    }
}

/// A pair of case and subject whose instructions are counted.
#[derive(Debug)]
pub struct Counted {
    /// The case's name.
    pub case: &'static str,
    subject: Subject,
}

impl Counted {
    /// The subject's name.
    #[must_use]
    pub fn subject(&self) -> &'static str {
        self.subject.name
    }

    /// Makes everything ready.
    #[must_use]
    pub fn prepare(&self) -> Run {
        (self.subject.prepare)()
    }
}

/// The pairs of one crate whose instructions are counted, in the order of the cases.
#[must_use]
pub fn counted(krate: &str) -> Vec<Counted> {
    let cases = of(krate).into_iter().filter(|case| case.counted);
    let pairs = cases
        .flat_map(|case| case.subjects.into_iter().map(move |subject| Counted { case: case.name, subject }));
    pairs.collect()
}
