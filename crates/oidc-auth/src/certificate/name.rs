//! Names of certificates, as an operator writes them down.

/// Which of a certificate's alternative names it is (RFC 5280 §4.2.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Uri,
    Dns,
}

/// What a name's own text says: its kind, and who vouches for it if it says that itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named<'a> {
    pub(super) kind: Kind,
    pub(super) issuer: Option<&'a str>,
}

pub(super) const SPIFFE: &str = "spiffe://";

/// Reads a name of the list: a SPIFFE id, another URI, or the name of a host.
///
/// # Errors
/// The cure.
pub(super) fn read(name: &str) -> Result<Named<'_>, &'static str> {
    if name.starts_with(SPIFFE) {
        let issuer = trust_domain(name)
            .ok_or("write a SPIFFE id such as spiffe://example.org/ns/shop/sa/orders (SPIFFE-ID §2)")?;
        return Ok(Named { kind: Kind::Uri, issuer: Some(issuer) });
    }
    match name.contains(':') {
        true if is_uri(name) => Ok(Named { kind: Kind::Uri, issuer: None }),
        true => Err("write the whole URI of the certificate's alternative name, without , ; and quotes"),
        false if is_host(name) => Ok(Named { kind: Kind::Dns, issuer: None }),
        false => {
            Err("write a whole name of a host in lower case, without *: who has the one may not be the other")
        }
    }
}

/// `spiffe://` and the trust domain of an id that names a workload (SPIFFE-ID §2.1 and §2.2).
fn trust_domain(id: &str) -> Option<&str> {
    let (domain, path) = id.strip_prefix(SPIFFE)?.split_once('/')?;
    let of_domain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_');
    let of_path = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let sound = id.len() <= 2_048
        && (1..=255).contains(&domain.len())
        && domain.bytes().all(of_domain)
        && path.split('/').all(|part| !matches!(part, "" | "." | "..") && part.bytes().all(of_path));
    sound.then(|| id.get(..SPIFFE.len() + domain.len())).flatten()
}

fn is_uri(name: &str) -> bool {
    let scheme = name.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'))
        // Those with a meaning in a proxy's list of names could be read in two ways.
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b',' | b';' | b'"' | b'\\'))
        && name.len() <= 2_048
}

fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are() {
        let spiffe = Named { kind: Kind::Uri, issuer: Some("spiffe://example.org") };
        assert_eq!(read("spiffe://example.org/ns/shop/sa/orders"), Ok(spiffe));
        assert_eq!(read("urn:uuid:1"), Ok(Named { kind: Kind::Uri, issuer: None }));
        assert_eq!(read("https://orders.example/"), Ok(Named { kind: Kind::Uri, issuer: None }));
        assert_eq!(read("orders.example.com"), Ok(Named { kind: Kind::Dns, issuer: None }));
        for bad in [
            "",
            "*.example.com",
            "Orders.example.com",
            "orders..example",
            "-a.example",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe://example.org/a/",
            "spiffe://example.org/a//b",
            "spiffe://example.org/../b",
            "spiffe://Example.org/a",
            "spiffe://example.org:80/a",
            "spiffe://u@example.org/a",
            "spiffe://example.org/a?b",
            "spiffe://example.org/%61",
            "spiffe:///a",
            "https://a,b",
            "https://a;b",
            "1a:b",
            "a b:c",
            ":",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&format!("spiffe://example.org/{}", "a".repeat(2_048))).is_err());
        assert!(read(&"a".repeat(64)).is_err());
    }
}
