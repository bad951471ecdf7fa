//! Which records a reader wants.

use gambeson_core::{AuditKind, Outcome};

use crate::entry::Entry;

/// Which records to read; each further word narrows. The default takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    events_only: bool,
    tenant: Option<String>,
    subject: Option<String>,
    kind: Option<AuditKind>,
    outcome: Option<Outcome>,
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

    /// Events of this subject only, by its name at whichever issuer.
    #[must_use]
    pub fn subject(self, name: impl Into<String>) -> Self {
        Self { subject: Some(name.into()), ..self.events_too() }
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

    fn events_too(self) -> Self {
        Self { events_only: true, ..self }
    }

    pub(crate) fn takes(&self, entry: &Entry) -> bool {
        let Entry::Event(event) = entry else {
            return !self.events_only;
        };
        let subject = event.subject.as_ref().map(|subject| &subject.sub);
        self.tenant.as_ref().is_none_or(|tenant| event.tenant.as_ref() == Some(tenant))
            && self.subject.as_ref().is_none_or(|name| subject == Some(name))
            && self.kind.is_none_or(|kind| event.kind == kind)
            && self.outcome.is_none_or(|outcome| event.outcome == outcome)
    }
}
