//! Who is calling.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::word::{named, shown};
use crate::{BoxFuture, Clock, Timer, Timestamp};

/// A verified caller. A clone is one atomic increment.
///
/// Roles and groups are as the issuer claimed them: what they allow is rbac's to say.
#[derive(Clone)]
pub struct Principal(Arc<Inner>);

#[derive(Default)]
struct Inner {
    id: u64,
    subject: Subject,
    kind: PrincipalKind,
    tenant: Option<Box<str>>,
    client: Option<Box<str>>,
    scopes: Vec<Box<str>>,
    roles: Vec<Box<str>>,
    groups: Vec<Box<str>>,
    actor: Option<Principal>,
    acr: Option<Box<str>>,
    amr: Vec<Box<str>>,
    auth_time: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    token_id: Option<Box<str>>,
    session_id: Option<Box<str>>,
    claims: Option<Box<str>>,
    end: EndSignal,
}

/// Issuer and subject: the pair that names a caller for good. A subject alone names nobody.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Subject {
    /// Who vouches for the name.
    pub issuer: Arc<str>,
    /// The name, unique at that issuer.
    pub name: Box<str>,
}

named! {
    /// What kind of caller it is.
    #[derive(Default)]
    pub enum PrincipalKind {
        /// A person.
        #[default]
        User = "user",
        /// Another service, with credentials of its own.
        Service = "service",
        /// A machine, known by its certificate.
        Device = "device",
    }
}

impl Principal {
    /// Describes a person.
    pub fn user(issuer: impl Into<Arc<str>>, subject: impl Into<Box<str>>) -> PrincipalBuilder {
        PrincipalBuilder::new(issuer.into(), subject.into(), PrincipalKind::User)
    }

    /// Describes a service.
    pub fn service(issuer: impl Into<Arc<str>>, subject: impl Into<Box<str>>) -> PrincipalBuilder {
        PrincipalBuilder::new(issuer.into(), subject.into(), PrincipalKind::Service)
    }

    /// Describes a machine.
    pub fn device(issuer: impl Into<Arc<str>>, subject: impl Into<Box<str>>) -> PrincipalBuilder {
        PrincipalBuilder::new(issuer.into(), subject.into(), PrincipalKind::Device)
    }

    /// A number that no other principal of this process has: a key for memo tables. Equal subjects may have several.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The name at its issuer (`sub`).
    pub fn subject(&self) -> &str {
        &self.0.subject.name
    }

    /// Who vouches for the name (`iss`).
    pub fn issuer(&self) -> &str {
        &self.0.subject.issuer
    }

    /// Issuer and name as a pair.
    pub fn full_subject(&self) -> &Subject {
        &self.0.subject
    }

    /// Whether both are the same subject of the same issuer.
    pub fn same_subject(&self, other: &Self) -> bool {
        self.0.subject == other.0.subject
    }

    /// Person, service or device.
    pub fn kind(&self) -> PrincipalKind {
        self.0.kind
    }

    /// Who acts on behalf of the subject (`act`, RFC 8693 §4.1).
    pub fn actor(&self) -> Option<&Self> {
        self.0.actor.as_ref()
    }

    /// When the person logged in (`auth_time`).
    pub fn auth_time(&self) -> Option<Timestamp> {
        self.0.auth_time
    }

    /// When the credential ends (`exp`).
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.0.expires_at
    }

    /// Tells long answers that the credential was revoked.
    pub fn end_signal(&self) -> &EndSignal {
        &self.0.end
    }

    /// Resolves when the credential is revoked or `leeway` after it expires: long answers stop then.
    pub fn ended(&self, clock: &dyn Clock, timer: &dyn Timer, leeway: Duration) -> Ended {
        let expiry = self.0.expires_at.map(|at| {
            let left = at.plus(leeway).since(clock.now());
            timer.until(clock.monotonic().plus(left))
        });
        Ended { signal: self.0.end.clone(), place: next_id(), expiry }
    }
}

// Shows who it is, never the claims.
shown!(Debug for Principal, |who| format_args!("Principal({}, {:?}, tenant {:?})", who.kind(), who.full_subject(), who.tenant()));

/// Describes a [`Principal`] piece by piece.
// Boxed: each piece hands the builder on, and what is inside is large.
pub struct PrincipalBuilder(Box<Inner>);

shown!(Debug for PrincipalBuilder, |builder| format_args!("PrincipalBuilder({:?})", builder.0.subject));

/// A getter of the principal and a setter of its builder for each claim.
macro_rules! claims {
    (texts { $($(#[$text_doc:meta])* $text:ident;)+ } lists { $($(#[$list_doc:meta])* $list:ident, $one:ident;)+ }) => {
        impl Principal {
            $($(#[$text_doc])*
            pub fn $text(&self) -> Option<&str> {
                self.0.$text.as_deref()
            })+
            $($(#[$list_doc])*
            pub fn $list(&self) -> impl ExactSizeIterator<Item = &str> {
                self.0.$list.iter().map(|item| &**item)
            })+
        }

        impl PrincipalBuilder {
            $($(#[$text_doc])*
            pub fn $text(mut self, value: impl Into<Box<str>>) -> Self {
                self.0.$text = Some(value.into());
                self
            })+
            $(#[doc = concat!("Adds one of the ", stringify!($list), ".")]
            pub fn $one(mut self, value: impl Into<Box<str>>) -> Self {
                self.0.$list.push(value.into());
                self
            })+
        }
    };
}

claims! {
    texts {
        /// The organisation that the caller belongs to.
        tenant;
        /// The OAuth client that got the token (`client_id` of RFC 9068, `azp`).
        client;
        /// How strong the log-in was (`acr`).
        acr;
        /// The credential's own id (`jti`).
        token_id;
        /// The log-in session it came from (`sid`).
        session_id;
        /// All claims as one JSON object, for mappings that need more. Verified, but personal data.
        claims;
    }
    lists {
        /// The OAuth scopes granted.
        scopes, scope;
        /// The roles claimed.
        roles, role;
        /// The groups claimed.
        groups, group;
        /// By which methods the log-in was made (`amr`, RFC 8176).
        amr, method;
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl PrincipalBuilder {
    fn new(issuer: Arc<str>, name: Box<str>, kind: PrincipalKind) -> Self {
        Self(Box::new(Inner { id: next_id(), subject: Subject { issuer, name }, kind, ..Inner::default() }))
    }

    /// Who acts on behalf of the subject.
    pub fn actor(mut self, actor: Principal) -> Self {
        self.0.actor = Some(actor);
        self
    }

    /// When the person logged in.
    pub fn auth_time(mut self, at: Timestamp) -> Self {
        self.0.auth_time = Some(at);
        self
    }

    /// When the credential ends.
    pub fn expires_at(mut self, at: Timestamp) -> Self {
        self.0.expires_at = Some(at);
        self
    }

    /// The principal.
    pub fn build(self) -> Principal {
        Principal(Arc::new(*self.0))
    }
}

/// Says once, to all who wait, that a credential was revoked. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct EndSignal(Arc<EndState>);

#[derive(Debug, Default)]
struct EndState {
    ended: AtomicBool,
    waiting: Mutex<BTreeMap<u64, Waker>>,
}

impl EndSignal {
    /// Ends the credential for everyone who waits; a second call does nothing.
    pub fn end(&self) {
        self.0.ended.store(true, Ordering::Release);
        let waiting = std::mem::take(&mut *self.waiting());
        waiting.into_values().for_each(Waker::wake);
    }

    /// Whether it was revoked.
    pub fn has_ended(&self) -> bool {
        self.0.ended.load(Ordering::Acquire)
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<u64, Waker>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Resolves when a credential is over; see [`Principal::ended`].
pub struct Ended {
    signal: EndSignal,
    place: u64,
    expiry: Option<BoxFuture<()>>,
}

impl Future for Ended {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // The waker comes first: who revokes from now on wakes it.
        let _last = self.signal.waiting().insert(self.place, context.waker().clone());
        if self.signal.has_ended() {
            return Poll::Ready(());
        }
        match &mut self.expiry {
            Some(expiry) => expiry.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

/// Nobody waits here any more; others may, for as long as the credential lives.
impl Drop for Ended {
    fn drop(&mut self) {
        let _last = self.signal.waiting().remove(&self.place);
    }
}

shown!(Debug for Ended, |ended| format_args!("Ended({:?})", ended.signal.has_ended()));

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;
    use crate::ManualClock;

    #[test]
    fn who_waits_no_more_leaves_nothing_behind() {
        let (alice, clock) = (Principal::user("i", "alice").build(), ManualClock::default());
        let context = &mut Context::from_waker(Waker::noop());
        let mut last = pin!(alice.ended(&clock, &clock, Duration::ZERO));
        for _ in 0..1_000 {
            let mut other = pin!(alice.ended(&clock, &clock, Duration::ZERO));
            assert!(other.as_mut().poll(context).is_pending() && other.as_mut().poll(context).is_pending());
            assert!(last.as_mut().poll(context).is_pending());
            assert_eq!(alice.end_signal().waiting().len(), 2);
        }
        assert_eq!(alice.end_signal().waiting().len(), 1);
        alice.end_signal().end();
        assert!(last.as_mut().poll(context).is_ready());
    }
}
