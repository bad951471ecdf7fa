//! What a route asks of its caller.

use std::borrow::Cow;

use gambeson_core::Access;

use crate::Permission;

/// What a route asks of its caller. Only [`need`] and [`public`] make one, so an empty one can't be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement(pub(crate) Access);

/// The caller must have this permission.
#[must_use]
pub fn need(permission: impl Into<Permission>) -> Requirement {
    Requirement(Access::Permission(permission.into().into_name()))
}

/// Everyone may call, for this reason; it appears in the inventory and in the matrix.
#[must_use]
pub fn public(reason: impl Into<Cow<'static, str>>) -> Requirement {
    Requirement(Access::Public(reason.into()))
}

impl Requirement {
    /// The requirement in core's words.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.0
    }
}
