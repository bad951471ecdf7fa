//! What somebody probably meant who asks why about a name that a policy does not have.

use crate::decision::Decision;
use crate::nearest::did_you_mean;
use crate::policy::Policy;
use crate::why::{Stage, Why};

impl Policy {
    /// What to ask in place of it. For operators only: it looks at every name of the policy.
    pub(crate) fn meant(&self, why: &Why) -> Option<Box<str>> {
        let asked = &*why.asked;
        match why.stage {
            _ if why.decision == Decision::Allow => None,
            Stage::Permission => Some(did_you_mean(asked, self.permissions()).into()),
            Stage::Route | Stage::Method => Some(self.meant_route(asked).into()),
            _ => {
                let role = why.caller.unknown_roles.first()?;
                let declared = self.document();
                let plain = declared.roles.iter().map(|role| role.name.value.as_str());
                let business = declared.business_roles.iter().map(|role| role.name.value.as_str());
                Some(format!("role {role}: {}", did_you_mean(role, plain.chain(business))).into())
            }
        }
    }

    /// A path or a method in small letters leads to its template; else the route whose name is nearest does.
    fn meant_route(&self, asked: &str) -> String {
        let (method, path) = asked.split_once(' ').unwrap_or(("", asked));
        let entries = self.table().entries();
        let names = || entries.iter().map(|(method, template, _)| (*method, *template));
        let is_it =
            |name: &(&http::Method, &str)| name.0.as_str().eq_ignore_ascii_case(method) && fits(name.1, path);
        let near = names().find(is_it).map(|(method, template)| format!("{method} {template}"));
        let known: Vec<String> =
            near.map_or_else(|| names().map(|(m, t)| format!("{m} {t}")).collect(), |it| vec![it]);
        match &known[..] {
            [one] => format!("did you mean `{one}`?"),
            all => did_you_mean(asked, all.iter().map(String::as_str)),
        }
    }
}

/// Whether a path is one of those that a template stands for.
fn fits(template: &str, path: &str) -> bool {
    let (mut wanted, mut got) = (template.split('/'), path.split('/'));
    loop {
        match (wanted.next(), got.next()) {
            (None, None) => return true,
            (Some(rest), Some(_)) if rest.starts_with("{*") => return true,
            (Some(wanted), Some(got)) if wanted == got || wanted.starts_with('{') => {}
            _ => return false,
        }
    }
}
