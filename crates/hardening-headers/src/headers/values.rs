//! The values that fields with few choices can have.

use std::collections::BTreeMap;

use gambeson_core::ConfigError;
use http::HeaderValue;

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

/// Which powerful features of the browser a page may use (Permissions Policy).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionsPolicy(BTreeMap<Box<str>, bool>);

const POWERFUL: [&str; 16] = [
    "accelerometer",
    "bluetooth",
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "idle-detection",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
    "xr-spatial-tracking",
];

impl PermissionsPolicy {
    /// None of the powerful ones.
    #[must_use]
    pub fn none() -> Self {
        Self(POWERFUL.into_iter().map(|name| (name.into(), false)).collect())
    }

    /// This feature for the page itself, not for frames of others.
    ///
    /// # Errors
    /// A name that holds anything but lower-case letters, digits and hyphens.
    pub fn allow_self(mut self, feature: &str) -> Result<Self, ConfigError> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if feature.is_empty()
            || !feature.starts_with(|c: char| c.is_ascii_lowercase())
            || !feature.bytes().all(plain)
        {
            let cure = "write a feature's name, such as \"geolocation\"";
            return Err(ConfigError::one("permissions_policy", feature, cure));
        }
        self.0.insert(feature.into(), true);
        Ok(self)
    }

    pub(super) fn value(&self) -> Option<HeaderValue> {
        let members: Vec<String> = self
            .0
            .iter()
            .map(|(name, own)| format!("{name}={}", if *own { "(self)" } else { "()" }))
            .collect();
        HeaderValue::try_from(members.join(", ")).ok()
    }
}
