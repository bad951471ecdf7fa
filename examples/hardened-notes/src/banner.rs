//! What the app says on the terminal when it starts or can't.
//!
//! A closed terminal is no reason to fail: what can't be written is left out.

use std::io::{Write, stderr, stdout};
use std::net::SocketAddr;

use gambeson::StackReport;
use gambeson_testing::DevIdp;

use crate::dev::Embedded;

/// Says what stands in front of the app, and what of it is weak.
pub fn stack(report: &StackReport) {
    let _ = writeln!(stdout(), "{report}");
}

/// Says where the app listens. The line stays as it is: scripts wait for it.
pub fn listening(url: &str) {
    let _ = writeln!(stdout(), "hardened-notes listens on {url}");
}

/// Says where operators look.
pub fn management(address: SocketAddr) {
    let _ = writeln!(stdout(), "management listens on http://{address}");
}

/// Says what runs beside the app, and how to try it at the address that people see: where the sign-in comes back to.
pub fn demo(app: &str, embedded: &Embedded) {
    if let Some(model) = &embedded.model {
        let _ = writeln!(stdout(), "pretend model listens on http://{}", model.address());
    }
    let Some(idp) = embedded.idp.as_ref().map(DevIdp::address) else { return };
    let _ = writeln!(stdout(), "dev identity provider listens on http://{idp}");
    let _ = writeln!(
        stdout(),
        "
people:
  alice  editor  acme      reads and writes, and has notes summarised for 0.05 USD a day
  bob    viewer  acme      reads
  carol  admin   acme      deletes too, and reads the audit trail
  dave   admin   globex    the same, for another organisation

sign in as one of them: {app}/

or try:
  curl -s {app}/api/notes
  curl -s {app}/api/notes -H \"Authorization: Bearer $(curl -s http://{idp}/dev/token -H 'Accept: text/plain' -d user=alice)\" --json '{{\"text\":\"hello\"}}'
  curl -s {app}/api/notes -H \"Authorization: Bearer $(curl -s http://{idp}/dev/token -H 'Accept: text/plain' -d user=bob)\"

who may do what: {app}/docs    metrics: {app}/metrics    stop: Ctrl-C
"
    );
}

/// Says that the app takes no arguments, and what it takes instead.
pub fn usage() {
    let _ = writeln!(
        stderr(),
        "hardened-notes takes no arguments; it reads these variables (README.md says what they mean):\n  \
         BIND PORT TLS_CERTIFICATE TLS_KEY DEV_IDP_PORT DATA_DIR AUDIT_KEYS_DIR GAMBESON_PROFILE OIDC_ISSUER OIDC_AUDIENCE PUBLIC_ORIGIN TRUSTED_PROXIES \
         MANAGEMENT_BIND OIDC_CLIENT_ID SECRETS_DIR MODEL_PORT MODEL_URL GAMBESON_LOG OTEL_EXPORTER_OTLP_ENDPOINT"
    );
}

/// Says why the app does not start or did not end well, with every cause.
pub fn error(error: &dyn std::error::Error) {
    let _ = write!(stderr(), "hardened-notes: {error}");
    let mut cause = error.source();
    while let Some(next) = cause {
        let _ = write!(stderr(), ": {next}");
        cause = next.source();
    }
    let _ = writeln!(stderr());
}
