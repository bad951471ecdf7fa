//! Compiling grants and denials that hold at times or for some records only.

use super::compile::expand;
use super::document::{Clause, Document, Effect};
use super::universe::Universe;
use crate::bits::members;
use crate::condition::{Condition, Typed};
use crate::finding::Findings;
use crate::nearest::did_you_mean;
use crate::window::Window;

/// A grant or a denial that holds at times or for some records only.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) effect: Effect,
    /// The permissions that it is about, as a set.
    pub(crate) permissions: Box<[u64]>,
    /// What the record must be like; `None`: it does not matter.
    pub(crate) condition: Option<Box<dyn Condition>>,
    pub(crate) window: Window,
}

/// The rule that a clause means.
pub(super) fn rule(
    clause: &Clause,
    document: &Document,
    universe: &Universe,
    findings: &mut Findings<'_>,
) -> Rule {
    let mut permissions = universe.no_permissions();
    expand(&clause.pattern, universe, &mut permissions, findings);
    check_attributes(clause, &permissions, document, universe, findings);
    let condition = clause.when.as_ref().map(|when| {
        let comparisons = when.iter().map(|comparison| comparison.value.clone()).collect();
        Box::new(Typed(comparisons)) as Box<dyn Condition>
    });
    Rule { effect: clause.effect, permissions, condition, window: clause.window }
}

/// Every permission that the clause is about must declare what its condition asks of a record.
fn check_attributes(
    clause: &Clause,
    permissions: &[u64],
    document: &Document,
    universe: &Universe,
    findings: &mut Findings<'_>,
) {
    let of = |name: &str| universe.id(name).is_some_and(|id| members(permissions).any(|bit| bit == id.0));
    for permission in document.permissions.iter().filter(|permission| of(&permission.name.value)) {
        for comparison in clause.when.iter().flatten() {
            let (name, wanted) = (&*comparison.value.attribute, comparison.value.wanted.kind());
            let permission_name = &permission.name.value;
            match permission.attributes.iter().find(|declared| *declared.name == *name) {
                Some(declared) if declared.kind == wanted => {}
                Some(declared) => {
                    let (is, compared) = (declared.kind.name(), wanted.name());
                    let message = format!(
                        "attribute `{name}` of `{permission_name}` is a {is}, but is compared as a {compared}"
                    );
                    let cure = format!("compare it as a {is}, or declare it as \"{compared}\"");
                    findings.error("attribute-type", comparison.at, message, cure);
                }
                None => {
                    let message = format!("permission `{permission_name}` declares no attribute `{name}`");
                    let known = permission.attributes.iter().map(|declared| &*declared.name);
                    let cure = format!(
                        "write `attributes = {{ {name} = \"{}\" }}` there; {}",
                        wanted.name(),
                        did_you_mean(name, known)
                    );
                    findings.error("unknown-attribute", comparison.at, message, cure);
                }
            }
        }
    }
}
