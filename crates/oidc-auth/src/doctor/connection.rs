//! Why a request got no answer, as far as the transport says.

use super::Report;

/// Words of transport errors, and what to do about them. The first that fits counts.
const TLS: [(&[&str], &str); 7] = [
    (
        &["certificate expired", "Expired"],
        "the certificate has ended: have whoever runs the issuer renew it; if it has not, this machine's clock is ahead",
    ),
    (
        &["certificate not valid yet", "NotValidYet"],
        "the certificate has not begun: set this machine's clock (NTP), or wait until it has",
    ),
    (
        &["certificate not valid for name", "NotValidForName"],
        "the certificate is for other names: check the address, and whether another host or a proxy answers for it",
    ),
    (
        // The other is of an authority that has got a new key under its old name.
        &["UnknownIssuer", "BadSignature"],
        "nobody trusted here signed the certificate: name its authority (SSL_CERT_FILE, or extra roots of the client), or have the \
         server send the certificates in between too",
    ),
    (&["Revoked"], "the certificate is revoked: have whoever runs the issuer replace it"),
    (
        &["corrupt message"],
        "what answers there speaks no TLS: check the port, and whether a proxy stands before it",
    ),
    (
        &["certificate", "fatal alert", "peer is incompatible", "peer misbehaved"],
        "TLS fails: the server needs TLS 1.2 or 1.3 and a certificate of version 3 for its name, and must ask for none of the client's",
    ),
];

/// Tells why `url` gave no answer; under `check`, unless TLS is to blame.
pub(super) fn examine(check: &'static str, url: &str, error: &str, report: &mut Report) {
    // The address may have any of the words in it.
    let cause = error.strip_prefix(url).unwrap_or(error);
    let says = |word: &&str| cause.contains(*word);
    if let Some((_, cure)) = TLS.iter().find(|(words, _)| words.iter().any(says)) {
        return report.bad("tls", error, *cure);
    }
    let cure = if says(&"special use") {
        "the name leads to an address of this network: allow its network with allow_private, if it is meant"
    } else if says(&"deadline") {
        "no answer in time: is there a firewall, or a proxy to name in HTTPS_PROXY?"
    } else if says(&"larger") {
        "far more than any document of this kind: is it the right address?"
    } else {
        "no connection: check the name, DNS, firewall, and HTTPS_PROXY"
    };
    report.bad(check, error, cure);
}
