//! An issuer with a name for each of its tenants.

use gambeson_core::ConfigProblems;

use crate::error::{Reason, TokenError};

/// The names `prefix` + tenant + `suffix`, where the tenant is what a claim says, and one that is let in.
///
/// The tokens' `iss` differs by tenant, while discovery document and keys are shared: both name the placeholder.
#[derive(Debug, Clone)]
pub(crate) struct Tenants {
    template: Box<str>,
    prefix: Box<str>,
    suffix: Box<str>,
    pub(crate) claim: Box<str>,
    /// `None`: whoever has a tenant.
    allowed: Option<Vec<Box<str>>>,
}

impl Tenants {
    /// `None` when the name has not exactly one placeholder in braces.
    pub(crate) fn new(template: &str, claim: Box<str>, allowed: Option<Vec<Box<str>>>) -> Option<Self> {
        let (prefix, rest) = template.split_once('{')?;
        let (_, suffix) = rest.split_once('}')?;
        let one = !suffix.contains(['{', '}']) && !prefix.contains('}');
        let (template, prefix, suffix) = (template.into(), prefix.into(), suffix.into());
        one.then_some(Self { template, prefix, suffix, claim, allowed })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.allowed.is_none()
    }

    /// The tenant whose issuer has this name.
    pub(crate) fn tenant<'n>(&self, name: &'n str) -> Option<&'n str> {
        let tenant = name.strip_prefix(&*self.prefix)?.strip_suffix(&*self.suffix)?;
        (!tenant.is_empty() && !tenant.contains(['/', '{', '}', '?', '#'])).then_some(tenant)
    }

    /// Whether `iss` and the tenant's claim name one tenant, and one that is let in.
    pub(crate) fn check(&self, iss: &str, claimed: Option<&str>) -> Result<(), TokenError> {
        let refused = |text| Err(TokenError::with(Reason::Issuer, text));
        let Some(tenant) = self.tenant(iss) else {
            return refused(format!("iss is {iss:?}, wanted {:?} of some tenant", self.template));
        };
        if claimed != Some(tenant) {
            let claim = &self.claim;
            return refused(format!("{claim} is {claimed:?}, and iss names the tenant {tenant:?}"));
        }
        match &self.allowed {
            Some(allowed) if !allowed.iter().any(|one| **one == *tenant) => {
                refused(format!("the tenant {tenant:?} is not one of those that are let in"))
            }
            _ => Ok(()),
        }
    }

    /// Whether a key that names an issuer may sign for this one: it names the shared template, or just this tenant's.
    pub(crate) fn allows_key(&self, issuer_of_key: &str, iss: &str) -> bool {
        issuer_of_key == &*self.template || issuer_of_key == iss
    }

    /// Whether a template that a key set names as a key's issuer stands for this one too.
    pub(crate) fn covers(template: &str, iss: &str) -> bool {
        Self::new(template, "".into(), None).is_some_and(|shared| shared.tenant(iss).is_some())
    }

    pub(crate) fn validate(&self, problems: &mut ConfigProblems) {
        let Some(allowed) = &self.allowed else { return };
        if allowed.is_empty() {
            problems.add("issuer.tenants", "", "name the tenants that are let in");
        }
        let odd = |tenant: &str| {
            tenant.is_empty() || tenant.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        };
        for tenant in allowed.iter().filter(|tenant| odd(tenant)) {
            problems.add(
                "issuer.tenants",
                &**tenant,
                "give the tenant's id as tokens have it, not its domain",
            );
        }
    }
}
