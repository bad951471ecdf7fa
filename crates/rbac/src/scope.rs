//! Path parameters that must name what is the caller's own.

use std::borrow::Cow;

use gambeson_core::{Principal, PrincipalKind};

/// Which path parameters must name the caller's tenant, or the caller; empty: none.
///
/// They are read decoded, as the handler reads them. Another's answers 404, as what does not exist would.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The parameter that names a tenant.
    pub(crate) tenant: Option<Cow<'static, str>>,
    /// The parameter that names a subject.
    pub(crate) subject: Option<Cow<'static, str>>,
}

impl Scope {
    /// The parameter that must name the caller's tenant.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The parameter that must name the caller.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tenant.is_none() && self.subject.is_none()
    }

    /// Whether all parameters name what is the caller's, who is in this tenant. Who has none is in nobody's.
    pub(crate) fn holds(
        &self,
        caller: &Principal,
        tenant: Option<&str>,
        parameter: impl Fn(&str) -> Option<String>,
    ) -> bool {
        let is = |name: Option<&str>, own: Option<&str>| {
            name.is_none_or(|name| own.is_some() && parameter(name).as_deref() == own)
        };
        // A service of that name is somebody else.
        let person = (caller.kind() == PrincipalKind::User).then(|| caller.subject());
        is(self.tenant(), tenant) && is(self.subject(), person)
    }

    /// The parameters that `template` does not have exactly once, so that nothing can be read from them.
    pub(crate) fn lacking<'a>(&'a self, template: &'a str) -> impl Iterator<Item = &'a str> {
        let count = move |name: &str| {
            template.split('/').filter(|segment| parameter_name(segment) == Some(name)).count()
        };
        [self.tenant(), self.subject()].into_iter().flatten().filter(move |name| count(name) != 1)
    }

    #[cfg(feature = "axum-router")]
    pub(crate) fn check(&self, template: &str, field: &str, problems: &mut gambeson_core::ConfigProblems) {
        for name in self.lacking(template) {
            problems.add(field, name, lacking_cure(name));
        }
    }

    /// As people read it; empty when there is none.
    pub(crate) fn text(&self) -> String {
        let tenant = self.tenant().map(|name| format!("tenant = path:{name}"));
        let subject = self.subject().map(|name| format!("subject = path:{name}"));
        tenant.into_iter().chain(subject).collect::<Vec<_>>().join(", ")
    }

    /// As code writes it.
    pub(crate) fn calls(&self) -> String {
        let tenant = self.tenant().map(|name| format!(".tenant_in({name:?})"));
        let subject = self.subject().map(|name| format!(".subject_in({name:?})"));
        tenant.into_iter().chain(subject).collect()
    }
}

pub(crate) fn lacking_cure(name: &str) -> String {
    format!(
        "the template must have the parameter {{{name}}} exactly once: name another, or mend the template"
    )
}

/// The name of a parameter that is a whole segment; others can't be compared with a tenant.
fn parameter_name(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}').filter(|name| !name.starts_with('*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_no_tenant_is_in_nobodys() {
        let scope = Scope { tenant: Some("t".into()), subject: None };
        let alice = Principal::user("i", "alice").build();
        let read = |value: &'static str| move |name: &str| (name == "t").then(|| value.to_owned());
        assert!(scope.holds(&alice, Some("acme"), read("acme")));
        assert!(
            !scope.holds(&alice, Some("acme"), read("globex"))
                && !scope.holds(&alice, Some("acme"), |_| None)
        );
        assert!(!scope.holds(&alice, None, |_| None) && !scope.holds(&alice, None, read("")));
        let own = Scope { tenant: None, subject: Some("t".into()) };
        assert!(own.holds(&alice, None, read("alice")) && !own.holds(&alice, None, read("bob")));
        let service = Principal::service("i", "alice").build();
        assert!(!own.holds(&service, None, read("alice")));
    }

    #[test]
    fn a_parameter_is_a_whole_segment_once() {
        let scope = Scope { tenant: Some("t".into()), subject: None };
        let lacks = |template| scope.lacking(template).count() == 1;
        assert!(!lacks("/{t}/notes"));
        for template in ["/notes", "/{t}/{t}", "/{*t}", "/x{t}", "/t"] {
            assert!(lacks(template), "{template}");
        }
    }
}
