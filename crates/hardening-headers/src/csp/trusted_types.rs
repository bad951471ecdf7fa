//! Which trusted-types policies scripts may make.

use std::fmt;

use super::parse::CspError;

/// The names that scripts may give to trusted-types policies: the directive `trusted-types` (Trusted Types §4.4).
///
/// With [`Csp::require_trusted_types`](crate::Csp::require_trusted_types) strings reach the DOM's script sinks only through
/// such a policy, and a script that is no better than a string can make one only under a name that is listed.
///
/// ```
/// use gambeson_hardening_headers::{Csp, TrustedTypes};
///
/// let policy = Csp::strict().trusted_types(TrustedTypes::policies(["dompurify", "app"])?);
/// assert!(policy.to_string().contains("trusted-types dompurify app"));
/// assert!(TrustedTypes::policies(["app; script-src *"]).is_err());
/// # Ok::<(), gambeson_hardening_headers::CspError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrustedTypes {
    names: Vec<Box<str>>,
    any: bool,
    duplicates: bool,
}

const NAME: &str = "trusted-types";
const DUPLICATES: &str = "'allow-duplicates'";

impl TrustedTypes {
    /// No policy at all may be made: `'none'`.
    #[must_use]
    pub const fn none() -> Self {
        Self { names: Vec::new(), any: false, duplicates: false }
    }

    /// These policies, each once in a document. None at all is [`none`](Self::none).
    ///
    /// # Errors
    /// A name with anything but letters, digits and `-#=_/@.%` in it.
    pub fn policies<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Result<Self, CspError> {
        let mut policies = Self::none();
        for name in names {
            let name = name.as_ref();
            if name.is_empty() || !name.bytes().all(is_of_a_name) {
                return Err(CspError::new(NAME, "has a name with other than letters, digits and -#=_/@.%"));
            }
            if !policies.names.iter().any(|known| **known == *name) {
                policies.names.push(name.into());
            }
        }
        Ok(policies)
    }

    /// Policies of any name, which leaves it to each script what it trusts.
    #[must_use]
    pub fn dangerously_any() -> Self {
        Self { any: true, ..Self::none() }
    }

    /// A name may be used more than once in a document.
    #[must_use]
    pub fn allow_duplicates(self) -> Self {
        Self { duplicates: true, ..self }
    }

    /// The names; none where any is allowed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }

    /// Whether any name is allowed.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.any
    }

    pub(super) fn parse(words: &[&str]) -> Result<Self, CspError> {
        if let [] | ["'none'"] = words {
            return Ok(Self::none());
        }
        let mut left = words.to_vec();
        let mut take = |word: &str| {
            let before = left.len();
            left.retain(|known| !known.eq_ignore_ascii_case(word));
            before != left.len()
        };
        let (duplicates, any) = (take(DUPLICATES), take("*"));
        let policies = Self::policies(left)?;
        Ok(Self { any, duplicates, names: if any { Vec::new() } else { policies.names } })
    }
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-#=_/@.%".contains(&byte)
}

/// The whole directive.
impl fmt::Display for TrustedTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        for name in &self.names {
            write!(f, " {name}")?;
        }
        match (self.any, self.duplicates) {
            (true, _) => f.write_str(" *")?,
            (false, false) if self.names.is_empty() => f.write_str(" 'none'")?,
            _ => {}
        }
        if self.duplicates { write!(f, " {DUPLICATES}") } else { Ok(()) }
    }
}
