//! Hosts by which injected markup runs scripts, although a policy names them.

/// One host a line; lines that begin with `#` say where they come from, and under which licence.
const HOSTS: &str = include_str!("injectable-hosts.txt");

/// Whether a source expression allows one of the hosts.
pub(crate) fn holds(source: &str) -> bool {
    let source = source.to_ascii_lowercase();
    let rest = source.split_once("://").map_or(source.as_str(), |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    let mut hosts = HOSTS.lines().filter(|line| !line.starts_with('#'));
    match host.strip_prefix('*') {
        Some(suffix) if suffix.starts_with('.') => hosts.any(|known| known.ends_with(suffix)),
        _ => hosts.any(|known| known == host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_known_with_scheme_port_and_wildcard() {
        for source in [
            "https://accounts.google.com",
            "https://ACCOUNTS.google.com:443",
            "accounts.google.com/o",
            "https://*.google.com",
        ] {
            assert!(holds(source), "{source}");
        }
        for source in [
            "'self'",
            "https:",
            "https://*.example.com",
            "https://cdn.example.com",
            "https://evil-accounts.google.com",
            "*",
        ] {
            assert!(!holds(source), "{source}");
        }
    }
}
