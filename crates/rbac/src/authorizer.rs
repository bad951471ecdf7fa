//! Further checks inside a handler.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use gambeson_core::{MatchedRoute, Principal, Rejection, RequestFacts, RequestHead};

use crate::authorize::{Act, Both, Judge, Said, Verdict, rejections, terms, told};
use crate::condition::Attributes;
use crate::decision::Decision;
use crate::permission::Permission;
use crate::policy::Policy;
use crate::refusal::Refusal;

/// Checks further permissions, and the tenant of a record, inside a handler.
///
/// Behind an [`AuthorizeLayer`](crate::AuthorizeLayer) each request has one: [`Authorizer::of`] finds it, and with feature
/// `axum` it is an extractor. It decides by the policy in force at that moment.
#[derive(Clone)]
pub struct Authorizer {
    judge: Arc<Judge>,
    facts: RequestFacts,
}

impl Authorizer {
    /// The one of this request, `&Request` or `&Parts`.
    ///
    /// `None`: no [`AuthorizeLayer`](crate::AuthorizeLayer) let it pass, or the innermost is off or was told `without_authorizer`.
    pub fn of<'a>(head: impl Into<RequestHead<'a>>) -> Option<Self> {
        let facts = RequestFacts::of(head.into().extensions)?;
        let judge = Arc::clone(facts.decision_point()?.downcast_ref()?);
        Some(Self { judge, facts: facts.apart() })
    }

    /// The caller; `None` on a public route without a credential.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.facts.principal()
    }

    /// Whether the caller may whatever the record, and is signed in well enough for it, for choosing what to show. Not
    /// audited.
    #[must_use]
    pub fn allows(&self, permission: impl Into<Permission>) -> bool {
        self.would(&permission.into(), None)
    }

    /// The same upon this record.
    #[must_use]
    pub fn allows_on(&self, permission: impl Into<Permission>, record: &dyn Attributes) -> bool {
        self.would(&permission.into(), Some(record))
    }

    fn would(&self, permission: &Permission, record: Option<&dyn Attributes>) -> bool {
        let policy = self.judge.settings.policy.load();
        match (self.principal(), policy.permission(permission.as_str())) {
            (Some(principal), Some(id)) => {
                self.judge.settings.decide(&policy, principal, id, record).decision == Decision::Allow
                    && self.judge.settings.admit(&policy, principal, id, None, &self.facts).is_ok()
            }
            _ => false,
        }
    }

    /// Asks for a permission before an act; audited like the permission of a route.
    ///
    /// Waits for the audit trail where the policy asks for strict audit; otherwise it is ready at once.
    ///
    /// # Errors
    /// 401 `unauthenticated`, 403 `forbidden`, 503 `indeterminate` or `audit-unavailable`: return it.
    pub async fn require(&self, permission: impl Into<Permission>) -> Result<(), Refusal> {
        self.carry_out(self.settle(permission.into(), None)).await
    }

    /// Asks for a permission upon a record before an act, for grants with conditions; audited like any other.
    ///
    /// Decides at once; the answer waits for the audit trail where the policy asks for strict audit.
    ///
    /// # Errors
    /// As [`Authorizer::require`]; 503 also when the record lacks an attribute that a condition asks for.
    pub fn require_on<'a, P: Into<Permission>>(
        &'a self,
        permission: P,
        record: &dyn Attributes,
    ) -> impl Future<Output = Result<(), Refusal>> + Send + use<'a, P> {
        // The record is looked at here, so that it need not outlive the wait.
        self.carry_out(self.settle(permission.into(), Some(record)))
    }

    pub(crate) async fn carry_out(&self, verdict: Verdict) -> Result<(), Refusal> {
        let rejection = match verdict {
            Verdict::Pass => return Ok(()),
            Verdict::Refuse(rejection) => rejection,
            Verdict::Wait(mut recording) => match (&mut recording).await {
                Ok(()) => {
                    recording.begun();
                    return Ok(());
                }
                Err(rejection) => rejection,
            },
        };
        Err(self.refuse(rejection))
    }

    /// Decides and starts to record.
    pub(crate) fn settle(&self, permission: Permission, record: Option<&dyn Attributes>) -> Verdict {
        let policy = self.judge.settings.policy.load();
        let name = permission.into_name();
        let id = policy.permission(&name);
        let mut taken = None;
        let ruling = match (self.principal(), id) {
            (None, _) => Err(rejections::unauthenticated(&self.facts)),
            (_, None) => {
                Err(rejections::indeterminate().cause("the policy does not declare this permission"))
            }
            (Some(principal), Some(id)) => {
                let decided = self.judge.settings.decide(&policy, principal, id, record);
                taken = decided.taken;
                rejections::by(&policy, principal, decided.decision)
                    .and_then(|()| self.judge.settings.admit(&policy, principal, id, None, &self.facts))
            }
        };
        self.settle_beside(&policy, &name, &ruling, record);
        let strict = id.is_some_and(|id| policy.is_strict(id));
        let act = Act {
            policy: &policy,
            permission: &name,
            strict,
            taken: taken.as_deref(),
            facts: &self.facts,
            method: &self.judge.method,
            record,
        };
        match self.judge.settings.settle(&act, ruling) {
            Verdict::Refuse(rejection) => {
                let template = self.facts.route().map(MatchedRoute::as_str);
                Verdict::Refuse(told(rejection, &policy, terms(&policy, template, &self.judge.method)))
            }
            other => other,
        }
    }

    /// Lets the next policy decide too. Changes nothing.
    fn settle_beside(
        &self,
        policy: &Policy,
        permission: &str,
        ruling: &Result<(), Rejection>,
        record: Option<&dyn Attributes>,
    ) {
        let Some((shadow, principal)) = self.judge.settings.shadow.as_deref().zip(self.principal()) else {
            return;
        };
        let next = shadow.policy();
        let beside = match next.permission(permission) {
            Some(id) => rejections::of(self.judge.settings.decide(&next, principal, id, record).decision)
                .and_then(|()| self.judge.settings.admit(&next, principal, id, None, &self.facts)),
            None => Err(rejections::indeterminate()),
        };
        let both = Both {
            current: (policy, Said::from(ruling)),
            next: (&next, Said::from(&beside)),
            permission: Some(permission),
            facts: &self.facts,
            method: &self.judge.method,
            record,
        };
        self.judge.settings.compare(shadow, &both);
    }

    /// The caller's tenant, if the policy in force lets the caller's issuer name it; see [`Policy::tenant`].
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.judge.settings.policy.load().tenant(self.principal()?)
    }

    /// Makes sure that a record belongs to the caller's tenant.
    ///
    /// Never observed only: a record of another tenant is nobody's business, also while a policy is tried out.
    ///
    /// # Errors
    /// 404 `not-found`, the same answer that a missing record gets: also when the caller has no tenant, or one that its issuer may not
    /// name.
    pub fn same_tenant(&self, record: &str) -> Result<(), Refusal> {
        match self.tenant() {
            Some(tenant) if tenant == record => Ok(()),
            _ => Err(self.not_found()),
        }
    }

    /// The answer to a record that does not exist: the same that a record of another tenant gets.
    #[must_use]
    pub fn not_found(&self) -> Refusal {
        self.refuse(rejections::not_found())
    }

    fn refuse(&self, rejection: Rejection) -> Refusal {
        Refusal::new(rejection, &self.facts)
    }
}

impl fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorizer").field("principal", &self.principal()).finish_non_exhaustive()
    }
}

#[cfg(feature = "axum")]
mod extract {
    use std::marker::PhantomData;
    use std::ops::Deref;

    use axum_core::extract::FromRequestParts;
    use gambeson_core::RequestFacts;
    use http::request::Parts;

    use super::{Authorizer, Refusal, rejections};
    use crate::permission::{NamedPermission, Permission};

    /// Fails with 500 `layer-order` when no [`AuthorizeLayer`](crate::AuthorizeLayer) ran.
    impl<S: Sync> FromRequestParts<S> for Authorizer {
        type Rejection = Refusal;

        async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
            Self::of(&*parts).ok_or_else(|| {
                let facts = RequestFacts::of(&parts.extensions).cloned().unwrap_or_default();
                let cause = "no AuthorizeLayer ran, it is off, or it was told `without_authorizer`";
                Refusal::new(rejections::layer_order().cause(cause), &facts)
            })
        }
    }

    /// Proof that the caller has the permission `P`: as an extractor it asks for it.
    ///
    /// It derefs to the [`Authorizer`], for further checks.
    #[derive(Debug, Clone)]
    pub struct Authorized<P> {
        authorizer: Authorizer,
        permission: PhantomData<fn() -> P>,
    }

    impl<P> Authorized<P> {
        /// After the permission was asked for, and only then.
        pub(crate) fn proven(authorizer: Authorizer) -> Self {
            Self { authorizer, permission: PhantomData }
        }
    }

    impl<P> Deref for Authorized<P> {
        type Target = Authorizer;

        fn deref(&self) -> &Authorizer {
            &self.authorizer
        }
    }

    impl<P: NamedPermission, S: Sync> FromRequestParts<S> for Authorized<P> {
        type Rejection = Refusal;

        async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
            let authorizer = Authorizer::from_request_parts(parts, state).await?;
            authorizer.require(Permission::from(P::NAME)).await?;
            Ok(Self::proven(authorizer))
        }
    }
}
#[cfg(feature = "axum")]
pub use extract::Authorized;
