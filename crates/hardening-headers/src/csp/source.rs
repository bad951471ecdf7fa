//! One source expression, checked when it is made.

use std::borrow::Cow;
use std::fmt;

use crate::hosts::HostName;

/// How the place of the nonce is written in a policy's text; no real nonce can hold a brace.
pub(super) const NONCE_PLACE: &str = "'nonce-{nonce}'";

/// From where a page may load: one source expression of CSP 3 §2.3.1.
///
/// A source can only be made whole: a text that holds a space, a semicolon or anything else that could end the
/// expression early is refused, never mended.
///
/// ```
/// use gambeson_hardening_headers::Source;
///
/// assert!(Source::origin("https://cdn.example.com").is_ok());
/// assert!(Source::origin("https://cdn.example.com; script-src *").is_err());
/// assert!(Source::origin("self").is_err(), "Source::SELF is meant");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Source(Cow<'static, str>);

/// A text that is no source expression; says why and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    text: String,
    cure: &'static str,
}

const KEYWORDS: [&str; 9] = [
    "'self'",
    "'strict-dynamic'",
    "'wasm-unsafe-eval'",
    "'report-sample'",
    "'unsafe-hashes'",
    "'unsafe-inline'",
    "'unsafe-eval'",
    "'inline-speculation-rules'",
    "'trusted-types-eval'",
];

impl Source {
    /// The page's own origin.
    pub const SELF: Self = Self::fixed("'self'");
    /// Whatever a trusted script loads (CSP 3 §8.2); host sources beside it are ignored by browsers.
    pub const STRICT_DYNAMIC: Self = Self::fixed("'strict-dynamic'");
    /// WebAssembly compilation.
    pub const WASM_UNSAFE_EVAL: Self = Self::fixed("'wasm-unsafe-eval'");
    /// Puts the start of the blocked code into reports.
    pub const REPORT_SAMPLE: Self = Self::fixed("'report-sample'");
    /// `data:` addresses: right for images, never for scripts.
    pub const DATA: Self = Self::fixed("data:");
    /// `blob:` addresses.
    pub const BLOB: Self = Self::fixed("blob:");
    /// The nonce of the answer; left out when the handler takes none. See [`Nonce`](crate::Nonce).
    pub const NONCE: Self = Self::fixed(NONCE_PLACE);

    const fn fixed(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    /// A text that was put together from checked parts.
    pub(super) fn made(text: String) -> Self {
        Self(text.into())
    }

    /// Inline scripts, styles and event handlers without nonce or hash: what injected code needs. Logged at build.
    #[must_use]
    pub const fn dangerously_unsafe_inline() -> Self {
        Self::fixed("'unsafe-inline'")
    }

    /// `eval` and its kin. Logged at build.
    #[must_use]
    pub const fn dangerously_unsafe_eval() -> Self {
        Self::fixed("'unsafe-eval'")
    }

    /// Every origin of the `https` scheme. Logged at build.
    #[must_use]
    pub const fn dangerously_any_https() -> Self {
        Self::fixed("https:")
    }

    /// An origin: scheme (`https`, `http`, `wss`, `ws`), host and, if need be, port.
    ///
    /// # Errors
    /// Anything else, wildcards and paths among it.
    pub fn origin(origin: &str) -> Result<Self, SourceError> {
        let refuse = |cure| SourceError::new(origin, cure);
        let (scheme, host) = origin
            .split_once("://")
            .ok_or_else(|| refuse("write scheme, host and port, such as \"https://cdn.example.com\""))?;
        if !matches!(scheme, "https" | "http" | "wss" | "ws") {
            return Err(refuse("the scheme of an origin is https, http, wss or ws"));
        }
        match HostName::parse(host.as_bytes()) {
            Some(host) => Ok(Self(format!("{scheme}://{}", host.into_text()).into())),
            None => Err(refuse("no path, wildcard or user may follow; only a host and a port")),
        }
    }

    /// All direct and indirect subdomains of a host, over https: `https://*.example.com`.
    ///
    /// # Errors
    /// A host that is malformed or has no dot.
    pub fn subdomains(host: &str) -> Result<Self, SourceError> {
        match HostName::parse(host.as_bytes()) {
            Some(name) if name.host().contains('.') && !name.host().starts_with('[') => {
                Ok(Self(format!("https://*.{}", name.into_text()).into()))
            }
            _ => Err(SourceError::new(host, "write a host with a dot, such as \"example.com\"")),
        }
    }

    /// The hash of an inline script or style: `sha256-…`, `sha384-…` or `sha512-…` in base64. [`Source::sha256_of`] makes it
    /// of the script itself.
    ///
    /// # Errors
    /// Another algorithm, a wrong length or characters that are not base64.
    pub fn hash(hash: &str) -> Result<Self, SourceError> {
        let refuse = || SourceError::new(hash, "write sha256-, sha384- or sha512- and the digest in base64");
        let (algorithm, digest) = hash.split_once('-').ok_or_else(refuse)?;
        let length = match algorithm {
            "sha256" => 44,
            "sha384" => 64,
            "sha512" => 88,
            _ => return Err(refuse()),
        };
        let plain = digest.trim_end_matches('=');
        let valid = digest.len() == length
            && digest.len() - plain.len() <= 2
            && plain.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_'));
        match valid {
            true => Ok(Self(format!("'{hash}'").into())),
            false => Err(refuse()),
        }
    }

    /// The source that this text of a policy names.
    ///
    /// # Errors
    /// Whatever the other constructors would not make; a fixed nonce, above all, which is none.
    pub fn parse(text: &str) -> Result<Self, SourceError> {
        if text == NONCE_PLACE {
            return Ok(Self::NONCE);
        }
        if let Some(quoted) = text.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            if let Some(keyword) = KEYWORDS.iter().find(|keyword| keyword.eq_ignore_ascii_case(text)) {
                return Ok(Self::fixed(keyword));
            }
            if quoted.to_ascii_lowercase().starts_with("nonce-") {
                return Err(SourceError::new(
                    text,
                    "a nonce that is written down is none: write 'nonce-{nonce}'",
                ));
            }
            return Self::hash(quoted);
        }
        if let Some(host) = text.strip_prefix("https://*.") {
            return Self::subdomains(host);
        }
        match text {
            "data:" => Ok(Self::DATA),
            "blob:" => Ok(Self::BLOB),
            "https:" => Ok(Self::dangerously_any_https()),
            "self" | "none" | "unsafe-inline" | "strict-dynamic" => {
                Err(SourceError::new(text, "keywords stand in single quotes"))
            }
            _ => Self::origin(text),
        }
    }

    /// The expression as it is written in a policy.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the place of the nonce.
    #[must_use]
    pub fn is_nonce(&self) -> bool {
        self.0 == NONCE_PLACE
    }

    /// Whether this is a hash, as [`Source::hash`] makes it.
    #[must_use]
    pub fn is_hash(&self) -> bool {
        ["'sha256-", "'sha384-", "'sha512-"].iter().any(|prefix| self.0.starts_with(prefix))
    }

    /// Whether it takes most of a script policy's worth away: `'unsafe-inline'`, `'unsafe-eval'`, `https:`.
    #[must_use]
    pub fn is_dangerous(&self) -> bool {
        matches!(&*self.0, "'unsafe-inline'" | "'unsafe-eval'" | "https:")
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl SourceError {
    fn new(text: &str, cure: &'static str) -> Self {
        Self { text: text.chars().take(200).collect(), cure }
    }
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no source expression: {}", self.text, self.cure)
    }
}

impl std::error::Error for SourceError {}
