//! Which hosts are meant.

/// Host names, and endings of host names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hosts(Vec<Box<str>>);

impl<H: AsRef<str>> FromIterator<H> for Hosts {
    fn from_iter<I: IntoIterator<Item = H>>(hosts: I) -> Self {
        Self(hosts.into_iter().map(|host| host.as_ref().to_ascii_lowercase().into()).collect())
    }
}

impl Hosts {
    /// Whether this host, in lower case, is one of them.
    pub(super) fn contain(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        self.0.iter().any(|known| match known.starts_with('.') {
            true => host.ends_with(&**known) && host.len() > known.len(),
            false => host == &**known,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_whole_labels() {
        let hosts: Hosts = ["API.example", ".internal.example"].into_iter().collect();
        for host in ["api.example", "api.example.", "a.internal.example", "b.a.internal.example"] {
            assert!(hosts.contain(host), "{host}");
        }
        for host in [
            "x.api.example",
            "evilinternal.example",
            "internal.example",
            ".internal.example",
            "",
            "api.example.evil",
        ] {
            assert!(!hosts.contain(host), "{host}");
        }
    }
}
