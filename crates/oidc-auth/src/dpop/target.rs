//! Where a proof is for: `htu`, compared with the public address of the request.

use gambeson_core::{ConfigProblems, Profile};
use http::Uri;

use crate::issuer::acceptable;

/// Scheme, host and port under which clients know this app, and the path under which a proxy has put it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PublicPlace {
    https: bool,
    host: Box<str>,
    port: u16,
    /// Without a slash at its end; mostly empty.
    base: Box<str>,
}

impl PublicPlace {
    /// `None` with a problem noted, when the text is no address that the profile allows.
    pub(super) fn parse(text: &str, profile: Profile, problems: &mut ConfigProblems) -> Option<Self> {
        let parsed = place(text, profile);
        if let Err(cure) = &parsed {
            problems.add("dpop.public-origin", text, *cure);
        }
        parsed.ok()
    }

    /// Whether `htu` is the address of this path here, by the rules of RFC 3986 §6.2.2 and §6.2.3, query and fragment left
    /// aside (RFC 9449 §4.3). What can be read in two ways is the address of nothing: user names, dot segments, broken escapes.
    pub(super) fn is_of(&self, htu: &str, path: &str) -> bool {
        let Some(target) = Target::parse(htu) else { return false };
        let wanted = self.base.bytes().chain(if path.is_empty() { "/" } else { path }.bytes());
        target.https == self.https
            && target.port.unwrap_or(default_port(target.https)) == self.port
            && target.host.eq_ignore_ascii_case(&self.host)
            && is_plain(path)
            && normalised(target.path.bytes()).eq(normalised(wanted))
    }
}

/// The parts of an `htu`, borrowed.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    https: bool,
    host: &'a str,
    port: Option<u16>,
    path: &'a str,
}

impl<'a> Target<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let written =
            |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'`');
        if !text.bytes().all(written) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let https = match scheme {
            _ if scheme.eq_ignore_ascii_case("https") => true,
            _ if scheme.eq_ignore_ascii_case("http") => false,
            _ => return None,
        };
        let rest = rest.split(['?', '#']).next()?;
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, "/"),
        };
        let (host, port) = host_and_port(authority)?;
        is_plain(path).then_some(Self { https, host, port, path })
    }
}

fn host_and_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let literal = host.starts_with('[') && host.ends_with(']');
    let named = !host.contains(['[', ']', ':', '@', '%', '/']);
    let digits =
        |port: &&str| !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit());
    let port = match port {
        Some(port) => Some(Some(port).filter(digits)?.parse().ok()?),
        None => None,
    };
    (!host.is_empty() && (literal || named) && !host.contains('@')).then_some((host, port))
}

/// Whether a path has one meaning: whole escapes, and no segment that is one or two dots, escaped or not.
fn is_plain(path: &str) -> bool {
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' && !(rest.next().is_some_and(is_hex) && rest.next().is_some_and(is_hex)) {
            return false;
        }
    }
    path.split('/').all(|segment| {
        let mut length = 0_usize;
        let dots = normalised(segment.bytes()).inspect(|_| length += 1).all(|byte| byte == b'.');
        !(dots && (1..=2).contains(&length))
    })
}

fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

/// The bytes of a path with escapes in upper case, and none where the character needs none (RFC 3986 §6.2.2.1, §6.2.2.2).
fn normalised(mut path: impl Iterator<Item = u8>) -> impl Iterator<Item = u8> {
    let mut pending: [Option<u8>; 2] = [None, None];
    std::iter::from_fn(move || {
        if let Some(byte) = pending[0].take() {
            pending.swap(0, 1);
            return Some(byte);
        }
        let byte = path.next()?;
        if byte != b'%' {
            return Some(byte);
        }
        let (high, low) = (path.next(), path.next());
        let digit =
            |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let meant = digit(high).zip(digit(low)).map(|(high, low)| high << 4 | low);
        match meant {
            Some(plain) if is_unreserved(plain) => Some(plain),
            _ => {
                let upper = |byte: Option<u8>| byte.map(|byte| byte.to_ascii_uppercase());
                pending = [upper(high), upper(low)];
                Some(b'%')
            }
        }
    })
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

const fn default_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

fn place(text: &str, profile: Profile) -> Result<PublicPlace, &'static str> {
    const SHAPE: &str = "give the public address of this app, such as https://api.example.com";
    let uri: Uri = acceptable(text, profile)?;
    let target = Target::parse(text).ok_or(SHAPE)?;
    if uri.query().is_some() || text.ends_with('?') {
        return Err(SHAPE);
    }
    Ok(PublicPlace {
        https: target.https,
        host: target.host.into(),
        port: target.port.unwrap_or(default_port(target.https)),
        base: target.path.trim_end_matches('/').into(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn here(text: &str) -> PublicPlace {
        place(text, Profile::Production).unwrap()
    }

    #[test]
    fn one_address_in_its_allowed_spellings() {
        let api = here("https://api.example.com");
        for htu in [
            "https://api.example.com/a/b",
            "HTTPS://API.Example.COM:443/a/b",
            "https://api.example.com/a/b?query=1",
            "https://api.example.com/a/b#part",
            "https://api.example.com/%61/b",
        ] {
            assert!(api.is_of(htu, "/a/b"), "{htu}");
        }
        assert!(api.is_of("https://api.example.com", "/") && api.is_of("https://api.example.com/", ""));
        assert!(api.is_of("https://api.example.com/a%2fb", "/a%2Fb"));
        let six = here("https://[2001:db8::1]:8443");
        assert!(six.is_of("https://[2001:DB8::1]:8443/", "/"));
        assert!(!six.is_of("https://[2001:db8::1]/", "/"));
    }

    #[test]
    fn every_other_address_is_another() {
        let api = here("https://api.example.com");
        for htu in [
            "",
            "/a/b",
            "http://api.example.com/a/b",
            "http://api.example.com:443/a/b",
            "https://api.example.com:8443/a/b",
            "https://api.example.com:/a/b",
            "https://api.example.com:+443/a/b",
            "https://api.example.com:000443/a/b",
            "https://api.example.com.evil.example/a/b",
            "https://api.example.com@evil.example/a/b",
            "https://evil.example@api.example.com/a/b",
            "https://api.example.com\\@evil.example/a/b",
            "https://api.example.com/a/b/",
            "https://api.example.com/a//b",
            "https://api.example.com//a/b",
            "https://api.example.com/A/b",
            "https://api.example.com/a%2Fb",
            "https://api.example.com/a/b%",
            "https://api.example.com/a/b%zz",
            "https://api.example.com/a/./b",
            "https://api.example.com/a/c/../b",
            "https://api.example.com/a/c/%2E%2e/b",
            "https://api.example.com/a/b ",
            "https://api.example.com/a/b\u{e4}",
            "https:api.example.com/a/b",
            "https:///a/b",
        ] {
            assert!(!api.is_of(htu, "/a/b"), "{htu}");
        }
        assert!(!api.is_of("https://api.example.com/a/../b", "/a/../b"), "what could be two places is none");
    }

    #[test]
    fn an_app_under_a_path_and_the_profiles_rules() {
        let api = here("https://example.com/v1/");
        assert!(api.is_of("https://example.com/v1/notes", "/notes"));
        assert!(!api.is_of("https://example.com/notes", "/notes"));
        for bad in
            ["http://api.example.com", "api.example.com", "https://a@api.example.com", "https://a.example/?x"]
        {
            assert!(place(bad, Profile::Production).is_err(), "{bad}");
        }
        assert!(place("http://127.0.0.1:3000", Profile::Development).is_ok());
    }

    proptest! {
        #[test]
        fn any_plain_path_is_itself_and_no_other(path in "(/[a-zA-Z0-9~_!$&'()*+,;=:@-]{0,8}){1,5}", other in "/[a-z]{1,8}") {
            let api = here("https://api.example.com");
            let htu = format!("https://api.example.com{path}");
            prop_assert!(api.is_of(&htu, &path));
            let asked = format!("{htu}?{other}#x");
            prop_assert!(api.is_of(&asked, &path));
            let (further, below) = (format!("{htu}{other}"), format!("{path}{other}"));
            prop_assert!(!api.is_of(&further, &path));
            prop_assert!(!api.is_of(&htu, &below));
        }

        #[test]
        fn escapes_are_spellings(path in "[a-zA-Z0-9/~_;=@ -]{1,24}") {
            let escaped = |upper: bool, all: bool| {
                path.bytes().fold(String::from("/"), |mut out, byte| {
                    match byte {
                        b'/' => out.push('/'),
                        _ if !all && byte != b' ' => out.push(char::from(byte)),
                        _ if is_unreserved(byte) || byte == b' ' => {
                            let hex = format!("%{byte:02x}");
                            out.push_str(&if upper { hex.to_ascii_uppercase() } else { hex });
                        }
                        _ => out.push(char::from(byte)),
                    }
                    out
                })
            };
            let api = here("https://api.example.com");
            let htu = format!("https://api.example.com{}", escaped(true, true));
            prop_assert!(api.is_of(&htu, &escaped(false, false)));
        }

        #[test]
        fn normalising_is_done_once(path in "\\PC{0,40}") {
            let once: Vec<u8> = normalised(path.bytes()).collect();
            if is_plain(&path) {
                let twice: Vec<u8> = normalised(once.iter().copied()).collect();
                // A decoded percent sign stays an escape, so nothing new appears.
                prop_assert_eq!(once, twice);
            }
        }

        #[test]
        fn nothing_panics(htu in "\\PC{0,60}", path in "\\PC{0,40}") {
            here("https://api.example.com").is_of(&htu, &path);
        }
    }
}
