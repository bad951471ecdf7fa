//! What a sandboxed document may do after all.

/// What a document under the directive `sandbox` may do after all (HTML §7.6; CSP 3 §6.4.2).
///
/// `Scripts` with `SameOrigin` together leave next to nothing of the sandbox: such a script can reach whatever the
/// app's own pages can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SandboxAllow {
    /// `allow-downloads`.
    Downloads,
    /// `allow-forms`: sending forms.
    Forms,
    /// `allow-modals`: `alert` and its kin.
    Modals,
    /// `allow-orientation-lock`.
    OrientationLock,
    /// `allow-pointer-lock`.
    PointerLock,
    /// `allow-popups`.
    Popups,
    /// `allow-popups-to-escape-sandbox`: what it opens is not sandboxed.
    PopupsToEscapeSandbox,
    /// `allow-presentation`.
    Presentation,
    /// `allow-same-origin`: it keeps its origin, with cookies and storage.
    SameOrigin,
    /// `allow-scripts`.
    Scripts,
    /// `allow-storage-access-by-user-activation`.
    StorageAccessByUserActivation,
    /// `allow-top-navigation`.
    TopNavigation,
    /// `allow-top-navigation-by-user-activation`.
    TopNavigationByUserActivation,
    /// `allow-top-navigation-to-custom-protocols`.
    TopNavigationToCustomProtocols,
}

impl SandboxAllow {
    const ALL: [Self; 14] = [
        Self::Downloads,
        Self::Forms,
        Self::Modals,
        Self::OrientationLock,
        Self::PointerLock,
        Self::Popups,
        Self::PopupsToEscapeSandbox,
        Self::Presentation,
        Self::SameOrigin,
        Self::Scripts,
        Self::StorageAccessByUserActivation,
        Self::TopNavigation,
        Self::TopNavigationByUserActivation,
        Self::TopNavigationToCustomProtocols,
    ];

    /// The token as it is written in a policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Downloads => "allow-downloads",
            Self::Forms => "allow-forms",
            Self::Modals => "allow-modals",
            Self::OrientationLock => "allow-orientation-lock",
            Self::PointerLock => "allow-pointer-lock",
            Self::Popups => "allow-popups",
            Self::PopupsToEscapeSandbox => "allow-popups-to-escape-sandbox",
            Self::Presentation => "allow-presentation",
            Self::SameOrigin => "allow-same-origin",
            Self::Scripts => "allow-scripts",
            Self::StorageAccessByUserActivation => "allow-storage-access-by-user-activation",
            Self::TopNavigation => "allow-top-navigation",
            Self::TopNavigationByUserActivation => "allow-top-navigation-by-user-activation",
            Self::TopNavigationToCustomProtocols => "allow-top-navigation-to-custom-protocols",
        }
    }

    /// All of these words; `None` when one of them is no such token, which a browser would pass over.
    pub(super) fn parse_all(words: &[&str]) -> Option<Vec<Self>> {
        let parse =
            |word: &&str| Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(word));
        words.iter().map(parse).collect()
    }
}
