//! What the cross-site check goes by, in words.

use gambeson_core::Mode;

/// How cross-site requests are told from the app's own; see the [module](super). Plain data.
///
/// ```
/// use gambeson_hardening_headers::{Csrf, Hardening};
/// use http::Method;
///
/// let csrf = Csrf::new()
///     .trust(["https://admin.example.com"])
///     .session_cookies(["__Host-session"])
///     .exempt(Method::POST, "/hooks/payments", "signed by the payment provider");
/// let edge = Hardening::web().public_origin("https://app.example.com").csrf(csrf).build()?;
/// # let _ = edge;
/// # Ok::<(), gambeson_core::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct Csrf {
    /// Origins whose pages may send what changes something, each with scheme, host and port. Default: none but the app's own.
    pub trusted_origins: Vec<String>,
    /// Names of the cookies by which the app knows people. With names, other cookies don't matter beside a bearer token;
    /// without, any cookie counts. Default: none.
    pub session_cookies: Vec<String>,
    /// Endpoints that strangers' pages or machines must reach. Default: none.
    pub exempt: Vec<CsrfExemption>,
    /// Whether it refuses, or only logs until a date. Default: it refuses.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::config::human::mode"))]
    pub mode: Mode,
    /// Takes http origins as trusted ones too. Logged at build.
    pub dangerously_http: bool,
    /// Switches the check off. Logged at build.
    pub dangerously_off: bool,
}

/// One endpoint that the cross-site check leaves alone, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(deny_unknown_fields, rename_all = "kebab-case")
)]
#[non_exhaustive]
pub struct CsrfExemption {
    /// The method, such as `POST`.
    pub method: String,
    /// The whole path, without parameters or patterns.
    pub path: String,
    /// Why a page of another site can do no harm there; must not be empty.
    pub reason: String,
}

impl Csrf {
    /// The check as it is on by default.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No check at all: every page of the web can act in the name of whoever looks at it. Logged at build.
    #[must_use]
    pub fn dangerously_off() -> Self {
        Self { dangerously_off: true, ..Self::default() }
    }

    /// Pages of these origins may send what changes something: https, and while developing http on this machine.
    #[must_use]
    pub fn trust<T: Into<String>>(mut self, origins: impl IntoIterator<Item = T>) -> Self {
        self.trusted_origins.extend(origins.into_iter().map(Into::into));
        self
    }

    /// The names of the cookies by which the app knows people.
    #[must_use]
    pub fn session_cookies<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.session_cookies.extend(names.into_iter().map(Into::into));
        self
    }

    /// Leaves one endpoint alone, for a reason that is written down.
    #[must_use]
    pub fn exempt(
        mut self,
        method: impl AsRef<str>,
        path: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        let (path, reason) = (path.into(), reason.into());
        self.exempt.push(CsrfExemption { method: method.as_ref().to_owned(), path, reason });
        self
    }

    /// Takes http origins too: whoever is on their network can act in their visitors' names. Logged at build.
    #[must_use]
    pub fn dangerously_http(self) -> Self {
        Self { dangerously_http: true, ..self }
    }

    /// Refuses, or only logs until a date.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }
}
