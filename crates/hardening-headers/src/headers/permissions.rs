//! Which powerful features of the browser pages may use.

use std::collections::BTreeMap;
use std::fmt;

use gambeson_core::escape_controls;
use http::HeaderValue;

use crate::origin::Origin;

/// Which powerful features of the browser a page may use, itself and in its frames (Permissions Policy §5, §9).
///
/// What is not named keeps the browser's own default. The text can be read back: `PermissionsPolicy::parse(&policy.to_string())` is the
/// same policy.
///
/// ```
/// use gambeson_hardening_headers::{FeatureAccess, PermissionsPolicy};
///
/// let policy = PermissionsPolicy::none()
///     .allow_self("geolocation")?
///     .set("camera", FeatureAccess::own().and_origin("https://meet.example.com")?)?;
/// assert!(policy.to_string().contains("camera=(self \"https://meet.example.com\")"));
/// assert!(policy.to_string().contains("microphone=()"));
///
/// let error = PermissionsPolicy::none().allow_self("geo-location").unwrap_err();
/// assert!(error.to_string().contains("\"geolocation\""), "did you mean");
/// # Ok::<(), gambeson_hardening_headers::PermissionsPolicyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionsPolicy(BTreeMap<Box<str>, FeatureAccess>);

/// Who may use a feature: nobody, every page, or a list of origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureAccess(Access);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Access {
    Everybody,
    Listed { own: bool, origins: Vec<Box<str>> },
}

/// What is no feature, no origin or no policy; says why and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionsPolicyError {
    text: Box<str>,
    cure: String,
}

/// What no page should have that does not ask for it.
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

/// Names that browsers know beside the powerful ones: of the W3C's list of policy-controlled features, without retired ones, and those
/// that Chromium 156 knows beside it.
const FURTHER: [&str; 81] = [
    "all-screens-capture",
    "ambient-light-sensor",
    "aria-notify",
    "attribution-reporting",
    "autofill",
    "autoplay",
    "battery",
    "captured-surface-control",
    "ch-device-memory",
    "ch-downlink",
    "ch-dpr",
    "ch-ect",
    "ch-prefers-color-scheme",
    "ch-prefers-reduced-motion",
    "ch-prefers-reduced-transparency",
    "ch-rtt",
    "ch-save-data",
    "ch-ua",
    "ch-ua-arch",
    "ch-ua-bitness",
    "ch-ua-form-factors",
    "ch-ua-full-version",
    "ch-ua-full-version-list",
    "ch-ua-high-entropy-values",
    "ch-ua-mobile",
    "ch-ua-model",
    "ch-ua-platform",
    "ch-ua-platform-version",
    "ch-ua-wow64",
    "ch-viewport-height",
    "ch-viewport-width",
    "ch-width",
    "clipboard-read",
    "clipboard-write",
    "compute-pressure",
    "cross-origin-isolated",
    "deferred-fetch",
    "deferred-fetch-minimal",
    "digital-credentials-create",
    "digital-credentials-get",
    "direct-sockets",
    "encrypted-media",
    "execution-while-not-rendered",
    "execution-while-out-of-viewport",
    "focus-without-user-activation",
    "fullscreen",
    "gamepad",
    "identity-credentials-get",
    "join-ad-interest-group",
    "keyboard-map",
    "language-detector",
    "language-model",
    "local-fonts",
    "local-network",
    "local-network-access",
    "loopback-network",
    "manual-text",
    "media-playback-while-not-visible",
    "mediasession",
    "monetization",
    "on-device-speech-recognition",
    "otp-credentials",
    "picture-in-picture",
    "private-state-token-issuance",
    "private-state-token-redemption",
    "publickey-credentials-create",
    "publickey-credentials-get",
    "rewriter",
    "run-ad-auction",
    "screen-wake-lock",
    "smart-card",
    "speaker-selection",
    "storage-access",
    "summarizer",
    "sync-xhr",
    "tools",
    "translator",
    "unload",
    "web-share",
    "window-management",
    "writer",
];

impl FeatureAccess {
    /// Nobody.
    #[must_use]
    pub const fn nobody() -> Self {
        Self(Access::Listed { own: false, origins: Vec::new() })
    }

    /// The page itself and frames of its own origin.
    #[must_use]
    pub const fn own() -> Self {
        Self(Access::Listed { own: true, origins: Vec::new() })
    }

    /// The page, and every frame in it, as far as its `allow` attribute says so.
    #[must_use]
    pub const fn everybody() -> Self {
        Self(Access::Everybody)
    }

    /// Frames of this origin too, over https; everybody stays everybody.
    ///
    /// # Errors
    /// What is no origin, or one of another scheme than `https` or `http`.
    pub fn and_origin(self, origin: &str) -> Result<Self, PermissionsPolicyError> {
        let Some(checked) = Origin::parse(origin) else {
            let cure = "write scheme, host and, if need be, port: \"https://meet.example.com\"";
            return Err(PermissionsPolicyError::new(origin, cure));
        };
        Ok(match self.0 {
            Access::Everybody => self,
            Access::Listed { own, mut origins } => {
                let text: Box<str> = checked.text().into();
                if !origins.contains(&text) {
                    origins.push(text);
                }
                Self(Access::Listed { own, origins })
            }
        })
    }

    /// What a configuration lists: `self`, origins, or `*` alone; nothing is nobody.
    fn listed(words: &[String]) -> Result<Self, PermissionsPolicyError> {
        match words {
            [all] if all == "*" => Ok(Self::everybody()),
            words => words.iter().try_fold(Self::nobody(), |access, word| match word.as_str() {
                "self" => Ok(access.and_own()),
                "*" => Err(PermissionsPolicyError::new(word, "\"*\" stands alone")),
                origin => access.and_origin(origin),
            }),
        }
    }

    fn and_own(self) -> Self {
        match self.0 {
            Access::Everybody => self,
            Access::Listed { origins, .. } => Self(Access::Listed { own: true, origins }),
        }
    }
}

impl PermissionsPolicy {
    /// None of the powerful ones.
    #[must_use]
    pub fn none() -> Self {
        Self(POWERFUL.into_iter().map(|name| (name.into(), FeatureAccess::nobody())).collect())
    }

    /// A policy that says nothing: the browser's own defaults.
    #[must_use]
    pub const fn empty() -> Self {
        Self(BTreeMap::new())
    }

    /// This feature for the page itself, not for frames of others.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn allow_self(self, feature: &str) -> Result<Self, PermissionsPolicyError> {
        self.set(feature, FeatureAccess::own())
    }

    /// Who may use this feature.
    ///
    /// # Errors
    /// A name that browsers don't know, which they would pass over; the error names the nearest known one.
    pub fn set(mut self, feature: &str, access: FeatureAccess) -> Result<Self, PermissionsPolicyError> {
        if !known().any(|known| known == feature) {
            return Err(PermissionsPolicyError::unknown(feature));
        }
        self.0.insert(feature.into(), access);
        Ok(self)
    }

    /// Who may use a feature that is too new for this crate's list.
    ///
    /// # Errors
    /// A name that holds anything but lower-case letters, digits and hyphens, or begins with no letter.
    pub fn set_unlisted(
        mut self,
        feature: &str,
        access: FeatureAccess,
    ) -> Result<Self, PermissionsPolicyError> {
        if !is_name(feature) {
            let cure = "write a feature's name of lower-case letters, digits and hyphens";
            return Err(PermissionsPolicyError::new(feature, cure));
        }
        self.0.insert(feature.into(), access);
        Ok(self)
    }

    /// Who may use a feature, if the policy says so.
    #[must_use]
    pub fn access(&self, feature: &str) -> Option<&FeatureAccess> {
        self.0.get(feature)
    }

    /// The features that the policy names, in the order of the alphabet.
    pub fn features(&self) -> impl Iterator<Item = (&str, &FeatureAccess)> {
        self.0.iter().map(|(name, access)| (&**name, access))
    }

    pub(crate) fn with_listed(self, feature: &str, words: &[String]) -> Result<Self, PermissionsPolicyError> {
        self.set(feature, FeatureAccess::listed(words)?)
    }

    /// Reads a policy's text: a dictionary (RFC 9651 §3.2) as this crate writes it, without parameters, each feature once.
    ///
    /// # Errors
    /// What is no such dictionary, and features that browsers don't know.
    pub fn parse(text: &str) -> Result<Self, PermissionsPolicyError> {
        let mut policy = Self::empty();
        for member in text.split(',').map(str::trim).filter(|member| !member.is_empty()) {
            let refuse = |cure| Err(PermissionsPolicyError::new(member, cure));
            let Some((name, value)) = member.split_once('=') else {
                return refuse("write feature=(self \"https://…\"), feature=() or feature=*");
            };
            if policy.0.contains_key(name) {
                return refuse("the feature is there twice; browsers would go by the last");
            }
            policy = policy.set(name, FeatureAccess::parse(value)?)?;
        }
        Ok(policy)
    }

    pub(super) fn value(&self) -> Option<HeaderValue> {
        (!self.0.is_empty()).then(|| HeaderValue::try_from(self.to_string()).ok()).flatten()
    }
}

impl FeatureAccess {
    fn parse(value: &str) -> Result<Self, PermissionsPolicyError> {
        let list = match value.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
            Some(list) => list,
            // An item alone stands for a list of one.
            None if matches!(value, "*" | "self") || value.starts_with('"') => value,
            None => return Err(PermissionsPolicyError::new(value, "write (self \"https://…\"), () or *")),
        };
        let word = |word: &str| match word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            Some(origin) => Ok(origin.to_owned()),
            None if matches!(word, "*" | "self") => Ok(word.to_owned()),
            None => Err(PermissionsPolicyError::new(word, "write self, *, or an origin in double quotes")),
        };
        let words: Result<Vec<String>, _> =
            list.split(' ').filter(|word| !word.is_empty()).map(word).collect();
        Self::listed(&words?)
    }
}

fn known() -> impl Iterator<Item = &'static str> {
    POWERFUL.into_iter().chain(FURTHER)
}

fn is_name(feature: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    feature.starts_with(|c: char| c.is_ascii_lowercase()) && feature.bytes().all(plain)
}

/// How many letters have to be changed, added or left out to make one of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut before = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(other.bytes()) {
            let changed = before + usize::from(a != b);
            before = *cell;
            left = changed.min(left + 1).min(*cell + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

impl fmt::Display for FeatureAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Access::Listed { own, origins } = &self.0 else { return f.write_str("*") };
        let own = own.then(|| "self".to_owned());
        let words: Vec<String> =
            own.into_iter().chain(origins.iter().map(|origin| format!("\"{origin}\""))).collect();
        write!(f, "({})", words.join(" "))
    }
}

/// The field's value.
impl fmt::Display for PermissionsPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut divider = "";
        for (name, access) in &self.0 {
            write!(f, "{divider}{name}={access}")?;
            divider = ", ";
        }
        Ok(())
    }
}

impl PermissionsPolicyError {
    fn new(text: &str, cure: impl Into<String>) -> Self {
        Self { text: text.chars().take(200).collect::<String>().into(), cure: cure.into() }
    }

    fn unknown(feature: &str) -> Self {
        let short: String = feature.chars().take(40).collect();
        let near = known().map(|known| (distance(known, &short), known)).min();
        let cure = match near.filter(|(distance, _)| *distance <= 3) {
            Some((_, near)) => format!("no browser knows this feature; is {near:?} meant?"),
            None => "no browser knows this feature; write its name, such as \"geolocation\"".to_owned(),
        };
        Self::new(feature, cure)
    }
}

impl fmt::Display for PermissionsPolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\": {}", escape_controls(&self.text), self.cure)
    }
}

impl std::error::Error for PermissionsPolicyError {}
