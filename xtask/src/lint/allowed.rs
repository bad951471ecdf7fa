//! Where a law of code may be left, and why.

use super::finding::Finding;

/// A file, or a folder that ends in `/`, that may leave one law.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowed {
    pub(crate) law: &'static str,
    pub(crate) path: &'static str,
    #[expect(dead_code, reason = "read by people; an entry without a reason is not accepted")]
    pub(crate) reason: &'static str,
}

/// Shorthand, so that an entry fits a line.
const fn allow(law: &'static str, path: &'static str, reason: &'static str) -> Allowed {
    Allowed { law, path, reason }
}

/// Every exception of the workspace.
pub(crate) const ALLOWED: &[Allowed] = &[
    allow("boxed-future", "crates/core/src/answer.rs", "defines the boxed miss: Answer::Pending"),
    allow(
        "boxed-future",
        "crates/core/src/principal.rs",
        "a long answer's end: one timer per stream, not per request",
    ),
    allow(
        "boxed-future",
        "crates/core/src/secret_ref.rs",
        "secrets are resolved at start-up and on rotation",
    ),
    allow(
        "boxed-future",
        "crates/core/src/system.rs",
        "implements the timer and spawner that give boxed futures",
    ),
    allow("boxed-future", "crates/core/src/task.rs", "a task is boxed once when it is spawned"),
    allow("boxed-future", "crates/core/src/time.rs", "an object-safe timer gives boxed futures"),
    allow("boxed-future", "crates/core/src/transport.rs", "an outgoing request is I/O"),
    allow(
        "boxed-future",
        "crates/audit-trail/src/trail.rs",
        "an ordered or strict event waits for its place or the disk",
    ),
    allow(
        "boxed-future",
        "crates/audit-trail/src/anchor.rs",
        "a head is published off the write path; that is I/O",
    ),
    allow("boxed-future", "crates/audit-trail/src/aside.rs", "an anchor's answer, once a minute"),
    allow("boxed-future", "crates/audit-trail/src/publisher.rs", "a task is boxed once when it is spawned"),
    allow(
        "boxed-future",
        "crates/audit-trail/src/fan_out.rs",
        "a sink that does not answer at once is waited for in a task",
    ),
    allow(
        "boxed-future",
        "crates/oidc-auth/src/introspection/",
        "an issuer is asked on a miss; what is known of a token boxes nothing",
    ),
    allow(
        "boxed-future",
        "crates/oidc-auth/src/layer/sender.rs",
        "names the pending answer of a store of used proofs that is elsewhere",
    ),
    allow("boxed-future", "crates/client/src/", "an outgoing request is I/O"),
    allow(
        "boxed-future",
        "crates/hardening-headers/src/alarm.rs",
        "a deadline that is configured arms core's boxed timer",
    ),
    allow(
        "seams",
        "crates/hardening-headers/src/serve/tls/refresh.rs",
        "files are read on a thread that may wait for a disk; core's Spawn has none",
    ),
    allow("boxed-future", "crates/hardening-headers/src/serve/", "start-up, and hyper's own timer trait"),
    allow("boxed-future", "crates/oidc-auth/src/conformance.rs", "suites for tests: nobody's warm path"),
    allow(
        "boxed-future",
        "crates/oidc-auth/src/denylist/sharing.rs",
        "a task is boxed once when it is spawned",
    ),
    allow(
        "boxed-future",
        "crates/oidc-auth/src/redis/",
        "a store that is asked over a network is waited for",
    ),
    allow("boxed-future", "crates/oidc-auth/src/keys/", "keys are fetched on a miss and in the background"),
    allow(
        "boxed-future",
        "crates/oidc-auth/src/token_endpoint/known.rs",
        "the discovery document is fetched in the background",
    ),
    allow(
        "boxed-future",
        "crates/oidc-auth/src/token_endpoint/client_certificate.rs",
        "a transport's requests are a miss; a warm call asks nobody",
    ),
    allow(
        "boxed-future",
        "crates/gambeson/src/kit/anchors.rs",
        "the transport of heads, which are sent once a minute, off every request's path",
    ),
    allow(
        "boxed-future",
        "crates/gambeson/src/kit/readiness.rs",
        "the task of the start is boxed once when it is spawned",
    ),
    allow(
        "boxed-future",
        "crates/oidc-auth/src/login/",
        "a log-in asks its provider; a warm session boxes nothing",
    ),
    allow(
        "boxed-future",
        "crates/oidc-auth/src/outgoing/",
        "tokens are got on a miss and in the background; a warm call boxes nothing",
    ),
    allow("boxed-future", "crates/secrets/src/entry/refresher.rs", "a task is boxed once when it is spawned"),
    allow(
        "boxed-future",
        "crates/secrets/src/seams.rs",
        "core's resolver trait answers boxed; handles don't",
    ),
    allow(
        "boxed-future",
        "crates/rbac/src/authorize/recording.rs",
        "a strict audit sink answers before the request goes on",
    ),
    allow(
        "boxed-future",
        "crates/testing/src/",
        "a kit for tests: its servers and sinks are nobody's warm path",
    ),
    allow("seams", "crates/core/src/system.rs", "the system clock and timer themselves"),
    allow("seams", "crates/hardening-headers/src/serve/timer.rs", "hyper's timer trait speaks std's Instant"),
    allow(
        "no-panic",
        "examples/hardened-notes/src/app.rs",
        "a development route shows what a client sees of a panic",
    ),
];

impl Allowed {
    fn covers(&self, finding: &Finding) -> bool {
        let place =
            finding.file == self.path || (self.path.ends_with('/') && finding.file.starts_with(self.path));
        self.law == finding.law && place
    }
}

/// Drops what is allowed; an entry that allows nothing is itself a finding, so that the list stays true.
pub(crate) fn apply(allowed: &[Allowed], findings: Vec<Finding>) -> Vec<Finding> {
    let stale: Vec<Finding> = allowed
        .iter()
        .filter(|entry| !findings.iter().any(|finding| entry.covers(finding)))
        .map(|entry| {
            let what = format!("the entry for {} at {} allows nothing", entry.law, entry.path);
            Finding::new("xtask/src/lint/allowed.rs", 1, "stale-exception", what, "remove it")
        })
        .collect();
    let kept = findings.into_iter().filter(|finding| !allowed.iter().any(|entry| entry.covers(finding)));
    kept.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(file: &str, law: &'static str) -> Finding {
        Finding::new(file, 1, law, "x", "y")
    }

    #[test]
    fn an_exception_covers_its_law_and_place_only() {
        let entries = [allow("a", "crates/x/src/one.rs", "r"), allow("b", "crates/y/", "r")];
        let findings = vec![
            finding("crates/x/src/one.rs", "a"),
            finding("crates/x/src/one.rs", "b"),
            finding("crates/x/src/two.rs", "a"),
            finding("crates/y/src/deep/two.rs", "b"),
        ];
        let left: Vec<String> =
            apply(&entries, findings).into_iter().map(|f| format!("{} {}", f.file, f.law)).collect();
        assert_eq!(left, ["crates/x/src/one.rs b", "crates/x/src/two.rs a"]);
    }

    #[test]
    fn an_exception_that_nobody_needs_is_told() {
        let left = apply(&[allow("a", "crates/x/", "r")], Vec::new());
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].law, "stale-exception");
    }
}
