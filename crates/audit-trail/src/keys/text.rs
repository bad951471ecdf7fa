//! How a text about a person stands in the file.

use std::borrow::Cow;

/// Marks a plain text that would look like one of the others.
pub(crate) const PLAIN: &str = "plain:";
pub(crate) const HMAC: &str = "hmac:";
pub(crate) const SEALED: &str = "sealed:";
/// In place of a text that could neither be sealed nor keyed.
pub(crate) const WITHHELD: &str = "withheld:";
/// What a reader shows of a sealed text whose key is gone.
pub(crate) const ERASED: &str = "erased:";

/// What became of a text about a person; see [`Kept::of`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kept {
    /// Readable by whoever reads the file.
    Plain,
    /// Only its keyed digest is there.
    Hmac,
    /// Sealed, and not opened yet.
    Sealed,
    /// It was sealed, and its key is erased.
    Erased,
    /// It was not kept, because it could not be sealed.
    Withheld,
}

impl Kept {
    /// How this text stands in the file: the name of a subject or actor, an address, or a detail about a person.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let marks =
            [(HMAC, Self::Hmac), (SEALED, Self::Sealed), (ERASED, Self::Erased), (WITHHELD, Self::Withheld)];
        marks.into_iter().find(|(mark, _)| text.starts_with(mark)).map_or(Self::Plain, |(_, kept)| kept)
    }
}

/// A plain text as the file holds it: nobody can name themselves so that it looks sealed or erased.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let looks_marked = Kept::of(text) != Kept::Plain || text.starts_with(PLAIN);
    if looks_marked { Cow::Owned(format!("{PLAIN}{text}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_named_as_if_sealed() {
        assert_eq!(plain("alice"), "alice");
        for name in ["hmac:1", "sealed:", "erased:x", "withheld:", "plain:alice"] {
            let text = plain(name);
            assert_eq!((Kept::of(&text), text.strip_prefix(PLAIN)), (Kept::Plain, Some(name)));
        }
    }
}
