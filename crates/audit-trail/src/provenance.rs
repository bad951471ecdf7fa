//! Where a result came from, in the words of W3C PROV.

use gambeson_core::{AuditEvent, AuditKind, Outcome, RequestFacts, Timestamp};

use crate::digest::Digest;

/// So many inputs, outputs and tool calls are told one by one; what is more is told by one digest over all of it.
const EACH: usize = 8;

/// An account of one processing step for the trail: what went in, what came out, which model did it with which tools, and which
/// decision allowed it. Contents stay out of it: it holds names and SHA-256 digests.
///
/// | word | detail | PROV-O (W3C Recommendation of 30 April 2013) |
/// |---|---|---|
/// | [`used`](Self::used) | `prov.used` | `prov:used`: an entity that went in |
/// | [`generated`](Self::generated) | `prov.generated` | `prov:generated`: an entity that came out |
/// | [`model`](Self::model) | `prov.wasAssociatedWith` | `prov:wasAssociatedWith`: the agent that did it |
/// | [`tool`](Self::tool) | `prov.wasInformedBy` | `prov:wasInformedBy`: another activity, whose results it used |
/// | [`allowed_by`](Self::allowed_by) | `prov.wasInfluencedBy` | `prov:wasInfluencedBy`: the decision |
///
/// The digest of a short or guessable text gives it away to whoever guesses it: use [`keyed`](Self::keyed) for texts about people.
///
/// ```
/// use gambeson_audit_trail::Provenance;
/// use gambeson_core::{AuditKind, Timestamp};
///
/// let at = Timestamp::from_unix_seconds(1_795_421_730);
/// let event = Provenance::new("note.summarise", at)
///     .used("note/42", b"the note as it was sent")
///     .model("gpt-oss-20b", b"the model's manifest")
///     .tool("search", b"what it was asked and what it answered")
///     .generated("summary/42", b"the summary")
///     .allowed_by("notes:read", "a-request-id")
///     .into_event();
/// assert_eq!(event.kind, AuditKind::Provenance);
/// assert_eq!(event.details.len(), 5);
/// ```
#[derive(Debug, Clone)]
pub struct Provenance {
    event: AuditEvent,
    used: Named,
    generated: Named,
    tools: Named,
}

/// Things of one sort, with their digests; bounded however many there are.
#[derive(Debug, Clone, Default)]
struct Named {
    told: Vec<String>,
    more: usize,
    rest: Option<Digest>,
}

impl Named {
    fn add(&mut self, name: &str, digest: &str) {
        let one = format!("{digest} {name}");
        if self.told.len() < EACH {
            return self.told.push(one);
        }
        self.more += 1;
        let before = self.rest.map(|digest| digest.to_string()).unwrap_or_default();
        self.rest = Some(Digest::of(format!("{before}{one}\n").as_bytes()));
    }

    fn into_details(self, name: &'static str, details: &mut Vec<(&'static str, String)>) {
        details.extend(self.told.into_iter().map(|one| (name, one)));
        if let Some(rest) = self.rest {
            details.push((name, format!("sha256:{rest} chain of {} more", self.more)));
        }
    }
}

impl Provenance {
    /// A step of this name, for example `note.summarise`. A success unless [`outcome`](Self::outcome) says otherwise.
    #[must_use]
    pub fn new(action: &'static str, at: Timestamp) -> Self {
        Self {
            event: AuditEvent::new(AuditKind::Provenance, action, Outcome::Success, at),
            used: Named::default(),
            generated: Named::default(),
            tools: Named::default(),
        }
    }

    /// Fills in for whom it was done, in which request and trace.
    #[must_use]
    pub fn with_facts(self, facts: &RequestFacts) -> Self {
        Self { event: self.event.with_facts(facts), ..self }
    }

    /// How it ended, and why if it did not succeed.
    #[must_use]
    pub fn outcome(mut self, outcome: Outcome, reason: Option<&'static str>) -> Self {
        self.event.outcome = outcome;
        self.event.reason = reason.map(Into::into);
        self
    }

    /// An entity that went in. The name is a reference, such as `note/42`; of its content only the digest is kept.
    #[must_use]
    pub fn used(mut self, name: &str, content: &[u8]) -> Self {
        self.used.add(name, &sha256(content));
        self
    }

    /// An entity that came out.
    #[must_use]
    pub fn generated(mut self, name: &str, content: &[u8]) -> Self {
        self.generated.add(name, &sha256(content));
        self
    }

    /// The model that did it: its name with the version, and what is known to tell this one from others, for example its weights, its manifest, or the
    /// fingerprint that its seller answers with. The last one given counts.
    #[must_use]
    pub fn model(mut self, name: &str, known_by: &[u8]) -> Self {
        self.set("prov.wasAssociatedWith", format!("{} {name}", sha256(known_by)));
        self
    }

    /// A tool that was called on the way, with what it was asked and what it answered.
    #[must_use]
    pub fn tool(mut self, name: &str, call: &[u8]) -> Self {
        self.tools.add(name, &sha256(call));
        self
    }

    /// The decision that allowed it: the permission, and where that decision is on record, by its sequence number or request id. The last
    /// one given counts.
    #[must_use]
    pub fn allowed_by(mut self, permission: &str, recorded_as: &str) -> Self {
        self.set("prov.wasInfluencedBy", format!("{permission} {recorded_as}"));
        self
    }

    /// An input of which the digest is keyed: nobody without the secret can find it by guessing.
    #[must_use]
    pub fn keyed(mut self, name: &str, content: &[u8], keys: &crate::FieldKeys) -> Self {
        self.used.add(name, &keys.hmac("prov.used", &Digest::of(content).to_string()));
        self
    }

    fn set(&mut self, name: &'static str, value: String) {
        self.event.details.retain(|(other, _)| *other != name);
        self.event.details.push((name, value));
    }

    /// The event, for any sink. It has at most 29 details, which a trail keeps all.
    #[must_use]
    pub fn into_event(self) -> AuditEvent {
        let Self { mut event, used, generated, tools } = self;
        used.into_details("prov.used", &mut event.details);
        generated.into_details("prov.generated", &mut event.details);
        tools.into_details("prov.wasInformedBy", &mut event.details);
        event
    }
}

fn sha256(content: &[u8]) -> String {
    format!("sha256:{}", Digest::of(content))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<'e>(event: &'e AuditEvent, name: &str) -> Vec<&'e str> {
        event.details.iter().filter(|(other, _)| *other == name).map(|(_, value)| value.as_str()).collect()
    }

    #[test]
    fn each_part_is_told_by_its_digest() {
        let event = Provenance::new("note.summarise", Timestamp::default())
            .used("note/42", b"abc")
            .model("one", b"1")
            .model("two", b"abc")
            .allowed_by("notes:read", "17")
            .outcome(Outcome::Failed, Some("timeout"))
            .into_event();
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(values(&event, "prov.used"), [format!("{abc} note/42")]);
        assert_eq!(values(&event, "prov.wasAssociatedWith"), [format!("{abc} two")]);
        assert_eq!(values(&event, "prov.wasInfluencedBy"), ["notes:read 17"]);
        assert_eq!((event.outcome, event.reason.as_deref()), (Outcome::Failed, Some("timeout")));
    }

    #[test]
    fn however_many_there_are_it_stays_small_and_each_counts() {
        let step = |last: &[u8]| {
            let mut step =
                Provenance::new("note.search", Timestamp::default()).model("m", b"").allowed_by("a", "b");
            for n in 0..1_000 {
                let content = if n == 999 { last } else { b"same" };
                step = step.used("note", content).generated("answer", content).tool("search", content);
            }
            step.into_event()
        };
        let (one, other) = (step(b"x"), step(b"y"));
        assert_eq!(one.details.len(), 29);
        let last = values(&one, "prov.used")[EACH].to_owned();
        assert!(last.ends_with("chain of 992 more"), "{last}");
        assert_ne!(last, values(&other, "prov.used")[EACH]);
    }
}
