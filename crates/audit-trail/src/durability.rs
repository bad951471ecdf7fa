//! Which events are kept how surely, whatever their sender asked for.

use gambeson_core::{AuditEvent, AuditKind, ConfigProblems, Durability};

/// One line of the policy: events that match are kept at least this surely.
///
/// ```
/// use gambeson_audit_trail::{Config, DurabilityRule};
/// use gambeson_core::{AuditKind, Durability};
///
/// let config = Config::default()
///     .durability(DurabilityRule::of_kind(AuditKind::SecretAccess, Durability::Strict))
///     .durability(DurabilityRule::of_action("notes:*", Durability::Ordered));
/// assert!(config.validate().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct DurabilityRule {
    /// Only events of this sort. Default all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<AuditKind>,
    /// Only this action, or all that begin so if it ends with `*`. Default all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// How surely at least.
    pub durability: Durability,
}

impl DurabilityRule {
    /// A rule for all events of a sort.
    #[must_use]
    pub fn of_kind(kind: AuditKind, durability: Durability) -> Self {
        Self { kind: Some(kind), action: None, durability }
    }

    /// A rule for an action, or for all that begin so if it ends with `*`.
    #[must_use]
    pub fn of_action(action: impl Into<String>, durability: Durability) -> Self {
        Self { kind: None, action: Some(action.into()), durability }
    }

    fn matches(&self, event: &AuditEvent) -> bool {
        let named = self.action.as_deref().is_none_or(|action| match action.strip_suffix('*') {
            Some(start) => event.action.starts_with(start),
            None => event.action == action,
        });
        named && self.kind.is_none_or(|kind| kind == event.kind)
    }
}

pub(crate) fn validate(rules: &[DurabilityRule], problems: &mut ConfigProblems) {
    for (at, rule) in rules.iter().enumerate() {
        if rule.action.as_deref().is_some_and(str::is_empty) {
            let field = format!("audit_trail.durability[{at}].action");
            problems.add(field, "", "name an action, or leave the line out for all");
        }
    }
}

/// How surely `event` is kept: as its sender wishes, or as the strictest rule says if that is more.
pub(crate) fn of(rules: &[DurabilityRule], event: &AuditEvent, wish: Durability) -> Durability {
    rules.iter().filter(|rule| rule.matches(event)).map(|rule| rule.durability).fold(wish, Durability::max)
}

#[cfg(test)]
mod tests {
    use gambeson_core::{Outcome, Timestamp};

    use super::*;

    use AuditKind::{Authorization, SecretAccess};
    use Durability::{Async, Ordered, Strict};

    #[test]
    fn the_strictest_rule_counts_and_never_lowers_a_wish() {
        let rules = [
            DurabilityRule::of_kind(SecretAccess, Strict),
            DurabilityRule::of_action("notes:*", Ordered),
            DurabilityRule::of_action("notes:read", Async),
        ];
        let kept = |kind, action: &'static str, wish| {
            of(&rules, &AuditEvent::new(kind, action, Outcome::Success, Timestamp::default()), wish)
        };
        assert_eq!(kept(SecretAccess, "secret.read", Async), Strict);
        assert_eq!(kept(SecretAccess, "notes:read", Async), Strict);
        assert_eq!(kept(Authorization, "notes:read", Async), Ordered);
        assert_eq!(kept(Authorization, "notes:read", Strict), Strict);
        assert_eq!(kept(Authorization, "note", Async), Async);
        assert_eq!(kept(Authorization, "bills:read", Ordered), Ordered);
    }
}
