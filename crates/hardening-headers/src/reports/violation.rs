//! What is kept of a violation.

use std::fmt;

use gambeson_core::{Timestamp, escape_controls};

use super::address::{Address, WebScheme};
use super::clip;
use super::wire;
use crate::csp::Directive;
use crate::origin::{Origin, OriginParts};

/// Bytes of a sample that are kept; browsers send no more characters than that (CSP 3 §5.3).
const LONGEST_SAMPLE: usize = 40;

/// A violation of a policy, as browsers reported it: how often, and what of it can be kept.
///
/// Whoever reaches the collector can have said it. Texts hold no control characters; of addresses only origin and path is left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// The directive that was not kept to, such as `img-src`.
    pub directive: &'static str,
    /// What was, or would have been, blocked.
    pub blocked: Blocked,
    /// The path of the page.
    pub path: Box<str>,
    /// Whether a policy that only reports was violated.
    pub report_only: bool,
    /// The start of the code, where samples are kept.
    pub sample: Option<Box<str>>,
    /// How often it was reported.
    pub count: u64,
    /// When it was first reported.
    pub first: Timestamp,
    /// When it was last reported.
    pub last: Timestamp,
}

/// What a policy blocked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Blocked {
    /// Something of this origin, such as `https://cdn.example.com`.
    Origin {
        /// Scheme, host and, unless it goes without saying, port.
        origin: Box<str>,
        /// Whether `'self'` stands for it.
        own: bool,
    },
    /// Something of a scheme without origins, such as `data`.
    Scheme(&'static str),
    /// A script, style or event handler that stands in the page.
    Inline,
    /// `eval` and its kin.
    Eval,
    /// WebAssembly compilation.
    WasmEval,
    /// A string for a script sink of the DOM, or a trusted-types policy.
    TrustedTypes,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin { origin, .. } => f.write_str(origin),
            Self::Scheme(scheme) => write!(f, "{scheme}:"),
            Self::Inline => f.write_str("inline code"),
            Self::Eval => f.write_str("eval"),
            Self::WasmEval => f.write_str("WebAssembly"),
            Self::TrustedTypes => f.write_str("a string for the DOM"),
        }
    }
}

/// Why a report is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotKept {
    /// It says nothing that can be used.
    Malformed,
    /// A browser extension did it, or a page that is no page of the web.
    Noise,
    /// It is about a page of another host.
    Foreign,
}

/// Whose pages reports are about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own<'a> {
    /// The host to which the report was sent.
    pub(super) host: Option<&'a str>,
    /// The declared origin.
    pub(super) origin: Option<&'a Origin>,
}

impl Own<'_> {
    fn holds(self, page: &Origin) -> bool {
        let parts: OriginParts<'_> = page.parts();
        self.origin.is_some_and(|own| own.parts() == parts)
            || self.host.is_some_and(|host| parts.is_of(host, None))
    }
}

impl Violation {
    /// What the report says, once, at `now`.
    pub(super) fn read(
        mut body: wire::Body,
        url: Option<String>,
        own: Own<'_>,
        samples: bool,
        now: Timestamp,
    ) -> Result<Self, NotKept> {
        let page = body.document.take().or(url).ok_or(NotKept::Malformed)?;
        let blocked = body.blocked.take().unwrap_or_default();
        let addresses = [Some(&page), Some(&blocked), body.source_file.as_ref()];
        if addresses.into_iter().flatten().any(|address| is_of_browser(scheme(address))) {
            return Err(NotKept::Noise);
        }
        let page = Address::parse(&page).ok_or(NotKept::Malformed)?;
        if !own.holds(&page.origin) {
            return Err(NotKept::Foreign);
        }
        let directive = directive(&body).ok_or(NotKept::Malformed)?;
        let blocked = Blocked::read(&blocked, &page).ok_or(NotKept::Malformed)?;
        let sample = body.sample.filter(|sample| samples && !sample.is_empty());
        Ok(Self {
            directive,
            blocked,
            path: page.into_path(),
            report_only: body.disposition.as_deref() == Some("report"),
            sample: sample.map(|sample| escape_controls(clip(&sample, LONGEST_SAMPLE)).into()),
            count: 1,
            first: now,
            last: now,
        })
    }

    /// Whether both are the same, however often they were reported.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.directive == other.directive
            && self.report_only == other.report_only
            && self.blocked == other.blocked
            && self.path == other.path
    }
}

impl Blocked {
    fn read(text: &str, page: &Address) -> Option<Self> {
        match text {
            "inline" => return Some(Self::Inline),
            "eval" => return Some(Self::Eval),
            "wasm-eval" => return Some(Self::WasmEval),
            "trusted-types-sink" | "trusted-types-policy" => return Some(Self::TrustedTypes),
            _ => {}
        }
        if let Some(address) = Address::parse(text) {
            let own = address.is_self_of(page);
            return Some(Self::Origin { origin: address.source(), own });
        }
        // An address of another scheme is reported as that scheme alone (CSP 3 §5.4).
        let name = scheme(text);
        ["data", "blob", "filesystem", "mediastream"]
            .into_iter()
            .chain(WebScheme::parse(name).filter(|_| name == text).map(WebScheme::as_str))
            .find(|known| known.eq_ignore_ascii_case(name))
            .map(Self::Scheme)
    }
}

fn directive(body: &wire::Body) -> Option<&'static str> {
    let given = body.effective.as_deref().filter(|name| !name.is_empty()).or(body.violated.as_deref())?;
    let name = given.split_ascii_whitespace().next()?;
    let trusted = ["require-trusted-types-for", "trusted-types"].into_iter().find(|known| *known == name);
    Directive::parse(name).map(Directive::as_str).or(trusted)
}

/// What stands before the first colon; a scheme alone is one too.
fn scheme(text: &str) -> &str {
    text.split(':').next().unwrap_or(text)
}

/// Schemes of browsers' own pages and of their extensions.
fn is_of_browser(scheme: &str) -> bool {
    [
        "about",
        "chrome",
        "chrome-extension",
        "edge",
        "extension",
        "moz-extension",
        "ms-browser-extension",
        "opera",
        "resource",
        "safari-extension",
        "safari-web-extension",
        "user-script",
        "view-source",
        "webkit-masked-url",
    ]
    .iter()
    .any(|known| known.eq_ignore_ascii_case(scheme))
}
