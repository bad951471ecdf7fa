//! What a route asks of its caller.

use std::borrow::Cow;

use gambeson_core::Access;

use crate::Permission;
use crate::scope::Scope;

/// What a route asks of its caller. Only [`need`] and [`public`] make one, so an empty one can't be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    access: Access,
    scope: Scope,
}

/// The caller must have this permission.
#[must_use]
pub fn need(permission: impl Into<Permission>) -> Requirement {
    Requirement::of(Access::Permission(permission.into().into_name()), Scope::default())
}

/// Everyone may call, for this reason; it appears in the inventory and in the matrix.
#[must_use]
pub fn public(reason: impl Into<Cow<'static, str>>) -> Requirement {
    Requirement::of(Access::Public(reason.into()), Scope::default())
}

impl Requirement {
    pub(crate) fn of(access: Access, scope: Scope) -> Self {
        Self { access, scope }
    }

    /// The requirement in core's words.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Which path parameters must name what is the caller's own.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Also, this path parameter must name the caller's tenant; else 404. A public route can't ask that.
    #[must_use]
    pub fn tenant_in(mut self, parameter: impl Into<Cow<'static, str>>) -> Self {
        self.scope.tenant = Some(parameter.into());
        self
    }

    /// Also, this path parameter must name the caller (`sub`); else 404. A public route can't ask that.
    #[must_use]
    pub fn subject_in(mut self, parameter: impl Into<Cow<'static, str>>) -> Self {
        self.scope.subject = Some(parameter.into());
        self
    }
}
