//! Names that people take for one another, and roles that are nothing.

use std::collections::HashMap;

use crate::finding::Findings;
use crate::policy::Policy;

pub(super) fn check(policy: &Policy, findings: &mut Findings<'_>) {
    let document = policy.document();
    let plain = document.roles.iter().map(|role| &role.name);
    let bundles = document.business_roles.iter().map(|role| &role.name);
    let mut seen: HashMap<String, &str> = HashMap::new();
    for name in plain.chain(bundles) {
        let folded = name.value.to_lowercase();
        match seen.get(folded.as_str()) {
            Some(other) => {
                let message = format!("`{}` and `{other}` differ only in case", name.value);
                let cure = "names are compared as they are: give one of them another name";
                findings.warning("case-only-names", name.at, message, cure);
            }
            None => _ = seen.insert(folded, &name.value),
        }
    }
    for role in &document.roles {
        if role.grants.is_empty()
            && role.deny.is_empty()
            && role.clauses.is_empty()
            && role.inherits.is_empty()
        {
            let message = format!("role `{}` grants, denies and inherits nothing", role.name.value);
            findings.warning("unused-role", role.name.at, message, "grant it something, or drop it");
        }
    }
}
