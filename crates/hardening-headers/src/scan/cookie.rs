//! `Set-Cookie` as a browser reads it (RFC 6265bis §5.6), as far as a scan needs it.

use crate::cookies::Line;

/// One cookie that an answer sets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SetCookie {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) secure: bool,
    pub(super) http_only: bool,
    /// What `SameSite` says, in lower case; the last counts.
    pub(super) same_site: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) path: Option<String>,
}

impl SetCookie {
    /// The cookie of this line; `None` when it has no name.
    pub(super) fn parse(line: &str) -> Option<Self> {
        Some(Self::parse_nameless(line)).filter(|cookie| !cookie.name.is_empty())
    }

    /// The cookie of this line, though it may have no name.
    pub(super) fn parse_nameless(line: &str) -> Self {
        let line = Line::of(line.as_bytes());
        let mut cookie = Self { name: text(line.name), value: text(line.value), ..Self::default() };
        for (attribute, value) in line.attributes() {
            let value = text(value);
            match attribute.to_ascii_lowercase().as_slice() {
                b"secure" => cookie.secure = true,
                b"httponly" => cookie.http_only = true,
                b"samesite" => cookie.same_site = Some(value.to_ascii_lowercase()),
                b"domain" => {
                    let domain = value.strip_prefix('.').unwrap_or(&value);
                    cookie.domain = (!domain.is_empty()).then(|| domain.to_ascii_lowercase());
                }
                b"path" => cookie.path = value.starts_with('/').then_some(value),
                _ => {}
            }
        }
        cookie
    }

    /// Whether a browser that asked this host over https for `/` keeps it.
    pub(super) fn is_kept_by(&self, host: &str) -> bool {
        let domain = self.domain.as_deref().is_none_or(|domain| {
            let below = host.strip_suffix(domain).is_some_and(|before| before.ends_with('.'));
            domain == host || (below && domain.contains('.'))
        });
        // Without a path of its own a cookie gets that of what was asked for.
        let own = self.domain.is_none() && self.path.as_deref().is_none_or(|path| path == "/");
        let prefix = match &*self.name {
            name if name.starts_with("__Host-") => self.secure && own,
            name if name.starts_with("__Secure-") => self.secure,
            _ => true,
        };
        domain && prefix
    }

    /// Whether it has a value of `SameSite` that there is.
    pub(super) fn has_same_site(&self) -> bool {
        matches!(self.same_site.as_deref(), Some("lax" | "strict" | "none"))
    }

    /// What browsers know a cookie by.
    pub(super) fn identity<'a>(&'a self, host: &'a str) -> (&'a str, &'a str, &'a str) {
        (&self.name, self.domain.as_deref().unwrap_or(host), self.path.as_deref().unwrap_or("/"))
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
