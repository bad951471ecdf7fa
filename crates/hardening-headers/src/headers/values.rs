//! The values that fields with few choices can have.

/// What of the page's address other sites see (Referrer Policy §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferrerPolicy {
    /// Nothing. Browsers then send `Origin: null` even with the site's own form posts.
    NoReferrer,
    /// Everything to the own origin, nothing to others.
    SameOrigin,
    /// The origin, and nothing over plain http.
    StrictOrigin,
    /// Everything to the own origin, the origin to others, nothing over plain http.
    StrictOriginWhenCrossOrigin,
}

/// Who may hold a reference to the page's window (HTML §7.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenerPolicy {
    /// Pages of the same origin with the same policy.
    SameOrigin,
    /// As before, and pop-ups that the page opens (payment, log-in).
    SameOriginAllowPopups,
}

/// What a document demands of what it embeds (HTML §7.1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmbedderPolicy {
    /// Whatever comes from elsewhere must allow it by `Cross-Origin-Resource-Policy` or CORS.
    RequireCorp,
    /// What comes from elsewhere without CORS is asked for without cookies. Safari doesn't know it.
    Credentialless,
}

/// Who may embed an answer (Fetch §3.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourcePolicy {
    /// Pages of the same origin.
    SameOrigin,
    /// Pages of the same site.
    SameSite,
    /// Every page.
    CrossOrigin,
}

/// Who may frame a page, for browsers that don't know `frame-ancestors` (RFC 7034).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameOptions {
    /// Nobody.
    Deny,
    /// Pages of the same origin.
    SameOrigin,
}

impl ReferrerPolicy {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NoReferrer => "no-referrer",
            Self::SameOrigin => "same-origin",
            Self::StrictOrigin => "strict-origin",
            Self::StrictOriginWhenCrossOrigin => "strict-origin-when-cross-origin",
        }
    }
}

impl OpenerPolicy {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::SameOriginAllowPopups => "same-origin-allow-popups",
        }
    }
}

impl EmbedderPolicy {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::RequireCorp => "require-corp",
            Self::Credentialless => "credentialless",
        }
    }
}

impl ResourcePolicy {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
            Self::CrossOrigin => "cross-origin",
        }
    }
}

impl FrameOptions {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "DENY",
            Self::SameOrigin => "SAMEORIGIN",
        }
    }
}
