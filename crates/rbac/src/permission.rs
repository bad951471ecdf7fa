//! Names of permissions.

use std::borrow::Cow;
use std::fmt;

/// The name of a permission, for example `notes:read`.
///
/// Segments of `a-z 0-9 - _ .`, separated by colons. Names are compared as they are: lower case only, so that no
/// two differ merely in case.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission(Cow<'static, str>);

impl Permission {
    /// The permission of this name. Whether the policy knows it is checked when the routes are built.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self(name.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_name(self) -> Cow<'static, str> {
        self.0
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Permission({})", self.0)
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&'static str> for Permission {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

impl From<String> for Permission {
    fn from(name: String) -> Self {
        Self::new(name)
    }
}

/// A permission that has a type of its own; [`permissions!`](crate::permissions) writes them.
pub trait NamedPermission: Send + Sync + 'static {
    /// The name, as the policy has it.
    const NAME: &'static str;
}

/// Whether `name` is a well-formed permission name: segments of `a-z 0-9 - _ .`, separated by colons.
#[must_use]
pub const fn is_permission_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut index = 0;
    let mut segment = 0;
    while index < bytes.len() {
        match bytes[index] {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => segment += 1,
            b':' if segment > 0 => segment = 0,
            _ => return false,
        }
        index += 1;
    }
    segment > 0
}

/// A type for each permission, and `PERMISSIONS`, the list of their names.
///
/// A malformed name does not compile; that the policy knows each of them is checked at start, by
/// [`PolicyHandle::check_permissions`](crate::PolicyHandle::check_permissions) or `Routes::expects`.
///
/// ```
/// use gambeson_rbac::{Policy, PolicyHandle, permissions};
///
/// permissions! {
///     /// Reading notes.
///     NotesRead = "notes:read",
///     /// Writing notes.
///     NotesWrite = "notes:write",
/// }
///
/// let policy = PolicyHandle::new(Policy::parse("version = 1\n[permissions]\n'notes:read' = {}").unwrap());
/// let error = policy.check_permissions(PERMISSIONS).unwrap_err();
/// assert!(error.to_string().contains("notes:write"));
/// ```
#[macro_export]
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal),+ $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct $name;

            impl $crate::NamedPermission for $name {
                const NAME: &'static str = $text;
            }

            impl From<$name> for $crate::Permission {
                fn from(_: $name) -> Self {
                    Self::from($text)
                }
            }

            impl From<$name> for ::std::borrow::Cow<'static, str> {
                fn from(_: $name) -> Self {
                    Self::Borrowed($text)
                }
            }

            const _: () = assert!(
                $crate::is_permission_name($text),
                "a permission is named by segments of a-z 0-9 - _ . between colons"
            );
        )+

        /// The names of all permissions that this code asks for.
        pub const PERMISSIONS: &[&str] = &[$($text),+];
    };
}

#[cfg(test)]
mod tests {
    use super::is_permission_name;

    #[test]
    fn names_are_lower_case_segments() {
        for good in ["notes:read", "a", "a:b:c", "invoice-2.x:read_all"] {
            assert!(is_permission_name(good), "{good}");
        }
        for bad in ["", ":", "a:", ":a", "a::b", "Notes:read", "notes:*", "a b", "é"] {
            assert!(!is_permission_name(bad), "{bad}");
        }
    }
}
