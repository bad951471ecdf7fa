//! Endpoints that a crate brings along, described so that others can mount and list them.

use std::borrow::Cow;

use http::Method;

/// An endpoint of a crate's own (log-in, health, metrics, reports): enough for a router to mount and list it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointSpec {
    /// The method.
    pub method: Method,
    /// The route template, for example `/livez`.
    pub template: Cow<'static, str>,
    /// Who may call it.
    pub access: Access,
    /// Which layers must let it pass.
    pub exempt: Exempt,
}

impl EndpointSpec {
    /// An endpoint without exemptions.
    pub fn new(method: Method, template: impl Into<Cow<'static, str>>, access: Access) -> Self {
        Self { method, template: template.into(), access, exempt: Exempt::default() }
    }

    /// The same endpoint, exempt from some layers.
    pub fn exempt(self, exempt: Exempt) -> Self {
        Self { exempt, ..self }
    }
}

/// Who may call an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Access {
    /// Everyone, for this stated reason.
    Public(Cow<'static, str>),
    /// Who has this permission.
    Permission(Cow<'static, str>),
    /// Operators only: in production on the management listener, or under a permission.
    Management,
}

/// Layers that an endpoint must be let through by, because of what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Exempt {
    /// The host check: a probe calls by address.
    pub host_check: bool,
    /// The edge limiter: a probe calls often.
    pub rate_limit: bool,
    /// The cross-site check: an identity provider posts here.
    pub csrf: bool,
    /// Traces: a probe is noise.
    pub traces: bool,
}

impl Exempt {
    /// What a health probe needs: everything but the cross-site check.
    pub const fn probe() -> Self {
        Self { host_check: true, rate_limit: true, csrf: false, traces: true }
    }
}
