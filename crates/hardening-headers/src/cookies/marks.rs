//! Adding the marks that a `Set-Cookie` lacks.

use std::sync::atomic::{AtomicBool, Ordering};

use gambeson_core::escape_controls;
use http::HeaderValue;

use super::LONGEST;
use super::line::Line;
use super::told::Told;

/// Which marks are added, and what was said about that already.
#[derive(Debug)]
pub(crate) struct CookieMarks {
    readable: Box<[Box<str>]>,
    without_same_site: Box<[Box<str>]>,
    unread: Told,
    kept_in: Told,
    too_long: AtomicBool,
}

/// What a line says, as far as marks are concerned.
struct Said<'l> {
    name: &'l [u8],
    length: usize,
    secure: bool,
    http_only: bool,
    same_site: bool,
}

impl CookieMarks {
    pub(super) fn new(readable: &[String], without_same_site: &[String]) -> Self {
        let names = |names: &[String]| names.iter().map(|name| name.as_str().into()).collect();
        Self {
            readable: names(readable),
            without_same_site: names(without_same_site),
            unread: Told::new(),
            kept_in: Told::new(),
            too_long: AtomicBool::new(false),
        }
    }

    /// The names of those that scripts must read.
    pub(crate) fn readable(&self) -> impl Iterator<Item = &str> {
        self.readable.iter().map(|name| &**name)
    }

    /// The line with all marks, if it lacks some.
    pub(crate) fn marked(&self, line: &HeaderValue, https: bool) -> Option<HeaderValue> {
        let said = read(line.as_bytes())?;
        if said.length > LONGEST {
            self.say_too_long(said.name);
        }
        let secure = https && !said.secure;
        let http_only = !said.http_only && !names(&self.readable, said.name);
        if http_only {
            self.say_unread(said.name);
        }
        let same_site = !said.same_site && !names(&self.without_same_site, said.name);
        if same_site {
            self.say_kept_in(said.name);
        }
        let marks = [(secure, "; Secure"), (http_only, "; HttpOnly"), (same_site, "; SameSite=Lax")];
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

    fn say_unread(&self, name: &[u8]) {
        if self.unread.is_first(name) {
            tracing::warn!(
                cookie = shown(name),
                "a cookie was set without HttpOnly and got it: if scripts of the page must read it, name it in \
                 hardening-headers.cookies.readable"
            );
        }
    }

    fn say_kept_in(&self, name: &[u8]) {
        if self.kept_in.is_first(name) {
            tracing::info!(
                cookie = shown(name),
                "a cookie was set without SameSite and got SameSite=Lax: if a form of another site must bring it, such as a log-in's \
                 with response_mode=form_post, name it in hardening-headers.cookies.without-same-site"
            );
        }
    }

    fn say_too_long(&self, name: &[u8]) {
        if !self.too_long.swap(true, Ordering::Relaxed) {
            tracing::warn!(cookie = shown(name), "a cookie is over 4096 bytes, which browsers drop");
        }
    }
}

fn names(listed: &[Box<str>], name: &[u8]) -> bool {
    listed.iter().any(|listed| listed.as_bytes() == name)
}

fn shown(name: &[u8]) -> String {
    let name: String = String::from_utf8_lossy(name).chars().take(100).collect();
    escape_controls(&name).into_owned()
}

/// What browsers make of a line; `None` for one with neither name nor value, which they drop.
fn read(line: &[u8]) -> Option<Said<'_>> {
    let line = Line::of(line);
    if line.name.is_empty() && line.value.is_empty() {
        return None;
    }
    let length = line.name.len() + line.value.len();
    let mut said = Said { name: line.name, length, secure: false, http_only: false, same_site: false };
    for (attribute, _) in line.attributes() {
        said.secure |= attribute.eq_ignore_ascii_case(b"secure");
        said.http_only |= attribute.eq_ignore_ascii_case(b"httponly");
        said.same_site |= attribute.eq_ignore_ascii_case(b"samesite");
    }
    Some(said)
}
