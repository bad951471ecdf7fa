//! Names that stand in a trail so that nobody can tell whose they are with the keys that were given.

use gambeson_audit_trail::{FieldKeys, Kept};

use crate::keys::WRONG_KEY;
use crate::outcome::Outcome;

/// Some of it was never kept.
const WITHHELD: u8 = 5;

/// Counts names that could not be compared with the one that is looked for.
#[derive(Debug, Default)]
pub(crate) struct Hidden {
    keyed: u64,
    sealed: u64,
    withheld: u64,
    erased: u64,
}

impl Hidden {
    /// Looks at a name as a reader with these keys has it.
    pub(crate) fn count(&mut self, name: &str, keys: Option<&FieldKeys>) {
        match Kept::of(name) {
            Kept::Hmac if !keys.is_some_and(|keys| keys.made(name)) => self.keyed += 1,
            Kept::Sealed => self.sealed += 1,
            Kept::Withheld => self.withheld += 1,
            Kept::Erased => self.erased += 1,
            _ => {}
        }
    }

    /// Why an answer may not be whole. Who is erased can't be found, as it should be: that is a note.
    pub(crate) fn told(&self) -> Outcome {
        let Self { keyed, sealed, withheld, erased } = *self;
        let causes = [
            (keyed, WRONG_KEY, "names are keyed with another secret: give that one (--secret)"),
            (sealed, WRONG_KEY, "names are sealed: give --subject-keys"),
            (
                withheld,
                WITHHELD,
                "names were withheld because they could not be sealed: nobody can tell whose they are",
            ),
            (erased, 0, "names are of subjects that are erased"),
        ];
        let counted = causes.into_iter().filter(|(count, ..)| *count > 0);
        counted.fold(Outcome::default(), |told, (count, code, words)| {
            let note = if code == 0 { "note: " } else { "" };
            told.and(Outcome::failed(code, format!("{note}{count} {words}")))
        })
    }
}
