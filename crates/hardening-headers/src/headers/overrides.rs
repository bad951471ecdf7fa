//! What one answer may ask for instead.

use std::borrow::Cow;
use std::sync::Arc;

use crate::csp::Source;

/// Other headers for one answer: put it into the response's extensions.
///
/// ```
/// use gambeson_hardening_headers::{Hardening, Override, Source};
///
/// # let mut response = http::Response::new(());
/// // A page that one partner may frame:
/// let partner = Source::origin("https://partner.example")?;
/// response.extensions_mut().insert(Override::frame_ancestors([partner.clone()]));
///
/// // The same as a variant that is made ready once:
/// let edge = Hardening::web()
///     .named("embed", |set| {
///         set.csp(gambeson_hardening_headers::Csp::web().frame_ancestors([partner])).frame_options(None)
///     })
///     .build()?;
/// response.extensions_mut().insert(Override::named("embed"));
/// # let _ = edge;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Override(pub(super) OverrideKind);

#[derive(Debug, Clone)]
pub(super) enum OverrideKind {
    Named(Cow<'static, str>),
    FrameAncestors(Arc<[Source]>),
}

/// Keeps the body of a 5xx answer as the handler wrote it: put it into the response's extensions.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct KeepErrorBody;

impl KeepErrorBody {
    /// Keeps it.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Override {
    /// The variant of this name, as [`Hardening::named`](crate::Hardening::named) made it. An answer with a name that nobody made
    /// is sent with the strictest headers, as [`HeaderSet::downloads`](crate::HeaderSet::downloads) makes them, and is logged (HH125): it may be a
    /// stranger's file behind a misspelt name.
    #[must_use]
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self(OverrideKind::Named(name.into()))
    }

    /// The same policy, with these frame ancestors and without `X-Frame-Options`. Rendered for this answer; a
    /// variant is cheaper. An answer with a policy of its own keeps that and `X-Frame-Options`: name them in that policy.
    #[must_use]
    pub fn frame_ancestors(sources: impl IntoIterator<Item = Source>) -> Self {
        Self(OverrideKind::FrameAncestors(sources.into_iter().collect()))
    }

    pub(super) fn name(&self) -> Option<&str> {
        match &self.0 {
            OverrideKind::Named(name) => Some(name),
            OverrideKind::FrameAncestors(_) => None,
        }
    }

    pub(super) fn framed_by(&self) -> Option<&[Source]> {
        match &self.0 {
            OverrideKind::FrameAncestors(by) => Some(by),
            OverrideKind::Named(_) => None,
        }
    }
}

#[cfg(feature = "axum")]
mod parts {
    use std::convert::Infallible;

    use axum_core::response::{IntoResponseParts, ResponseParts};

    use super::{KeepErrorBody, Override};

    impl IntoResponseParts for Override {
        type Error = Infallible;

        fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
            parts.extensions_mut().insert(self);
            Ok(parts)
        }
    }

    impl IntoResponseParts for KeepErrorBody {
        type Error = Infallible;

        fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
            parts.extensions_mut().insert(self);
            Ok(parts)
        }
    }
}
