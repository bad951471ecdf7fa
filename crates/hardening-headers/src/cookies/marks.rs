//! Adding the marks that a `Set-Cookie` lacks.

use std::sync::atomic::{AtomicBool, Ordering};

use gambeson_core::escape_controls;
use http::HeaderValue;

use super::LONGEST;

/// Which marks are added, and what was said about that already.
#[derive(Debug)]
pub(crate) struct CookieMarks {
    readable: Box<[Box<str>]>,
    unread: AtomicBool,
    malformed: AtomicBool,
    too_long: AtomicBool,
}

/// What a line says, as far as marks are concerned.
struct Line<'l> {
    name: &'l [u8],
    length: usize,
    secure: bool,
    http_only: bool,
    same_site: bool,
}

impl CookieMarks {
    pub(super) fn new(readable: &[String]) -> Self {
        Self {
            readable: readable.iter().map(|name| name.as_str().into()).collect(),
            unread: AtomicBool::new(false),
            malformed: AtomicBool::new(false),
            too_long: AtomicBool::new(false),
        }
    }

    /// The line with all marks, if it lacks some.
    pub(crate) fn marked(&self, line: &HeaderValue, https: bool) -> Option<HeaderValue> {
        let Some(said) = read(line.as_bytes()) else {
            self.say_malformed();
            return None;
        };
        if said.length > LONGEST {
            self.say_too_long(said.name);
        }
        let secure = https && !said.secure;
        let http_only = !said.http_only && !self.is_readable(said.name);
        if http_only {
            self.say_unread(said.name);
        }
        let marks = [(secure, "; Secure"), (http_only, "; HttpOnly"), (!said.same_site, "; SameSite=Lax")];
        if marks.iter().all(|(missing, _)| !missing) {
            return None;
        }
        let mut text = Vec::with_capacity(line.len() + 34);
        text.extend_from_slice(line.as_bytes());
        for (_, mark) in marks.iter().filter(|(missing, _)| *missing) {
            text.extend_from_slice(mark.as_bytes());
        }
        let mut marked = HeaderValue::try_from(text).ok()?;
        marked.set_sensitive(line.is_sensitive());
        Some(marked)
    }

    fn is_readable(&self, name: &[u8]) -> bool {
        self.readable.iter().any(|readable| readable.as_bytes() == name)
    }

    fn say_unread(&self, name: &[u8]) {
        if !self.unread.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                cookie = shown(name),
                "a cookie was set without HttpOnly and got it: if scripts of the page must read it, name it in \
                 hardening-headers.cookies.readable"
            );
        }
    }

    fn say_malformed(&self) {
        if !self.malformed.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "an answer has a Set-Cookie without a name, which is sent as it is and has no marks added"
            );
        }
    }

    fn say_too_long(&self, name: &[u8]) {
        if !self.too_long.swap(true, Ordering::Relaxed) {
            tracing::warn!(cookie = shown(name), "a cookie is over 4096 bytes, which browsers drop");
        }
    }
}

fn shown(name: &[u8]) -> String {
    let name: String = String::from_utf8_lossy(name).chars().take(100).collect();
    escape_controls(&name).into_owned()
}

/// As browsers read it (RFC 6265bis §5.6). A line without a name is one that nobody meant.
fn read(line: &[u8]) -> Option<Line<'_>> {
    let mut parts = line.split(|byte| *byte == b';');
    let pair = parts.next()?;
    let at = pair.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (pair.get(..at)?.trim_ascii(), pair.get(at + 1..)?.trim_ascii());
    if name.is_empty() || line.contains(&b'\t') {
        return None;
    }
    let mut said =
        Line { name, length: name.len() + value.len(), secure: false, http_only: false, same_site: false };
    for part in parts {
        let attribute = part.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        said.secure |= attribute.eq_ignore_ascii_case(b"secure");
        said.http_only |= attribute.eq_ignore_ascii_case(b"httponly");
        said.same_site |= attribute.eq_ignore_ascii_case(b"samesite");
    }
    Some(said)
}
