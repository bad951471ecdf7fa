//! Which records a reader wants.

use gambeson_core::{AuditKind, Outcome, Timestamp};

use crate::entry::{Entry, StoredSubject};
use crate::keys::{FieldKeys, Kept, plain};

/// Which records to read; each further word narrows. The default takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    events_only: bool,
    tenant: Option<String>,
    subject: Option<String>,
    person: Option<String>,
    kind: Option<AuditKind>,
    outcome: Option<Outcome>,
    /// RFC 3339 in UTC with milliseconds, as records have it: these texts sort as their times do.
    since: Option<String>,
    until: Option<String>,
    after: Option<u64>,
}

impl Filter {
    /// Every record.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Events only, not what the trail says about itself.
    #[must_use]
    pub fn events() -> Self {
        Self { events_only: true, ..Self::default() }
    }

    /// Events of this tenant only; those without a tenant are left out.
    #[must_use]
    pub fn tenant(self, tenant: impl Into<String>) -> Self {
        Self { tenant: Some(tenant.into()), ..self.events_too() }
    }

    /// Events of this subject only, by its name at whichever issuer. Of names that are sealed or keyed only a reader with
    /// keys knows; see [`read_with_keys`](crate::read_with_keys).
    #[must_use]
    pub fn subject(self, name: impl Into<String>) -> Self {
        Self { subject: Some(name.into()), ..self.events_too() }
    }

    /// Events of whoever has this name, as their subject or as who acted for the subject; else like [`subject`](Self::subject).
    #[must_use]
    pub fn person(self, name: impl Into<String>) -> Self {
        Self { person: Some(name.into()), ..self.events_too() }
    }

    /// Events of this sort only.
    #[must_use]
    pub fn kind(self, kind: AuditKind) -> Self {
        Self { kind: Some(kind), ..self.events_too() }
    }

    /// Events that ended so only.
    #[must_use]
    pub fn outcome(self, outcome: Outcome) -> Self {
        Self { outcome: Some(outcome), ..self.events_too() }
    }

    /// Records from this moment on, to the millisecond.
    #[must_use]
    pub fn since(self, moment: Timestamp) -> Self {
        Self { since: Some(moment.to_string()), ..self }
    }

    /// Records before this moment.
    #[must_use]
    pub fn until(self, moment: Timestamp) -> Self {
        Self { until: Some(moment.to_string()), ..self }
    }

    /// Records after this sequence number.
    #[must_use]
    pub fn after(self, seq: u64) -> Self {
        Self { after: Some(seq), ..self }
    }

    fn events_too(self) -> Self {
        Self { events_only: true, ..self }
    }

    /// Whether everything at or before this record is unwanted: a reader that goes backwards may stop there.
    pub(crate) fn ends_at(&self, seq: u64) -> bool {
        self.after.is_some_and(|after| seq <= after)
    }

    /// Whether it wants this record, as a reader with these keys has read it.
    #[must_use]
    pub fn takes(&self, entry: &Entry, keys: Option<&FieldKeys>) -> bool {
        let at = entry.at();
        let in_time = self.since.as_deref().is_none_or(|since| at >= since)
            && self.until.as_deref().is_none_or(|until| at < until)
            && self.after.is_none_or(|after| entry.seq() > after);
        let Entry::Event(event) = entry else {
            return in_time && !self.events_only;
        };
        in_time
            && self.tenant.as_ref().is_none_or(|tenant| event.tenant.as_ref() == Some(tenant))
            && self.subject.as_ref().is_none_or(|name| is_named(event.subject.as_ref(), name, keys))
            && self.person.as_ref().is_none_or(|name| {
                is_named(event.subject.as_ref(), name, keys) || is_named(event.actor.as_ref(), name, keys)
            })
            && self.kind.is_none_or(|kind| event.kind == kind)
            && self.outcome.is_none_or(|outcome| event.outcome == outcome)
    }
}

/// Whether the subject has this name: as it is, as its keyed digest, or as a name that looks like one.
fn is_named(subject: Option<&StoredSubject>, name: &str, keys: Option<&FieldKeys>) -> bool {
    let Some(subject) = subject else { return false };
    let keyed = || keys.is_some_and(|keys| keys.stands_for("sub", name, &subject.sub));
    (subject.sub == name && Kept::of(name) == Kept::Plain) || subject.sub == *plain(name) || keyed()
}
