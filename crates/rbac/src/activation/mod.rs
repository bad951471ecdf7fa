//! Roles that a caller takes or activates for a time.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use gambeson_core::{Authentication, Challenges, Principal, RequestFacts, SystemClock};
//! use gambeson_rbac::{Activations, ActivationErrorKind, FileActivations, PolicyHandle};
//! # use gambeson_core::NullSink;
//!
//! let policy: PolicyHandle = r#"
//!     version = 1
//!     [permissions]
//!     "db:repair" = {}
//!     [roles]
//!     admin = { grants = ["db:repair"] }
//!     [[break_glass]]
//!     role = "admin"
//!     who = ["group:oncall"]
//!     max = "1h"
//! "#.parse()?;
//! # let folder = tempfile::tempdir()?;
//! # let (path, trail) = (folder.path().join("activations.toml"), Arc::new(NullSink));
//! let clock = Arc::new(SystemClock::new());
//! let activations = Activations::open(&policy, FileActivations::new(path), trail, clock)?;
//! let layer = gambeson_rbac::AuthorizeLayer::new(&policy, gambeson_rbac::GrpcMethod).activations(&activations);
//! # let _ = layer;
//!
//! // In a handler; the facts are those of its request.
//! let facts = RequestFacts::new();
//! let bob = Principal::user("https://id.example", "bob").group("oncall").build();
//! # facts.authenticate(Authentication::Verified(bob, Challenges::none()))?;
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let taken = activations.break_glass(&facts, "admin", "incident 42", Duration::from_secs(600)).await;
//! // The trail of this example keeps nothing, so nobody gets anything.
//! assert_eq!(taken.unwrap_err().kind(), ActivationErrorKind::NotRecorded);
//! # });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod file;
mod record;
mod store;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use gambeson_core::{AuditSink, Clock, Monotonic, Principal, RequestFacts};

pub use self::error::{ActivationError, ActivationErrorKind};
pub use self::file::FileActivations;
pub use self::store::{Activation, ActivationKind, ActivationStore, MemoryActivations};
use crate::handle::PolicyHandle;
use crate::policy::{Party, Policy};

/// So many may live at a time: in all, and of one subject.
const MOST: usize = 1_000;
const MOST_OF_ONE: usize = 16;
/// Of all places, those that everyday duties leave free for an emergency.
const KEPT_FOR_BREAK_GLASS: usize = 100;
/// The longest that a duty stays activated.
const LONGEST_DUTY: Duration = Duration::from_secs(8 * 3_600);
/// The longest reason, in bytes.
const LONGEST_REASON: usize = 1_000;

/// The roles that callers have taken (break-glass) or activated (dynamic separation of duties). Clones share them.
///
/// They only ever add to what a caller may do, are on record before they hold, end by the clock, and never hold longer
/// than the policy in force lets them. One process keeps one store.
#[derive(Clone)]
pub struct Activations(Arc<State>);

struct State {
    policy: PolicyHandle,
    store: Box<dyn ActivationStore>,
    audit: Arc<dyn AuditSink>,
    clock: Arc<dyn Clock>,
    live: ArcSwap<Vec<Live>>,
    /// Held while the list is replaced and saved.
    changing: Mutex<()>,
}

/// An activation, and when it ends on the clock that nobody can set back.
#[derive(Debug, Clone)]
struct Live {
    activation: Activation,
    ends: Monotonic,
}

/// Roles that a caller has taken or activated.
#[derive(Debug)]
pub(crate) struct Taken<'a> {
    /// The caller, whose own roles were looked up for it.
    pub(crate) party: Party<'a>,
    pub(crate) roles: Vec<usize>,
    /// Whether one of them is of break-glass: what is done then is on record before it happens.
    pub(crate) breaks_glass: bool,
}

impl Live {
    fn of(activation: Activation, clock: &dyn Clock) -> Self {
        let ends = clock.monotonic().plus(activation.until.since(clock.now()));
        Self { activation, ends }
    }

    fn holds(&self, clock: &dyn Clock) -> bool {
        let now = clock.now();
        let in_time = now >= self.activation.from && now < self.activation.until;
        in_time && clock.monotonic() < self.ends
    }

    /// Whether it is over for good.
    fn is_over(&self, clock: &dyn Clock) -> bool {
        clock.now() >= self.activation.until || clock.monotonic() >= self.ends
    }
}

impl Activations {
    /// Takes up what the store has kept, and puts on record what of it goes on (`role.resume`): whoever may write to the store can give
    /// itself, and others, what `[[break_glass]]` allows. What is over is dropped from the store.
    ///
    /// # Errors
    /// The store can't be read, or holds what nobody can have saved, or what is over can't be dropped.
    pub fn open(
        policy: &PolicyHandle,
        store: impl ActivationStore,
        audit: Arc<dyn AuditSink>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ActivationError> {
        let kept = store.load().map_err(ActivationError::store)?;
        let now = clock.now();
        if kept.iter().any(|activation| now >= activation.until) {
            store.forget_ended(now).map_err(ActivationError::store)?;
        }
        let live: Vec<Live> = kept
            .into_iter()
            .map(|activation| Live::of(activation, &*clock))
            .filter(|live| !live.is_over(&*clock))
            .collect();
        let activations = Self(Arc::new(State {
            policy: policy.clone(),
            store: Box::new(store),
            audit,
            clock,
            live: ArcSwap::from_pointee(live),
            changing: Mutex::new(()),
        }));
        activations.record_resumed();
        Ok(activations)
    }

    /// Takes a role for `time`, as a `[[break_glass]]` of the policy lets this caller.
    ///
    /// Strictly audited: it holds only once it is on record and saved. Saving writes a file on this thread.
    ///
    /// # Errors
    /// Nobody is logged in; the policy does not let this caller, or not for so long, or asks for a reason; the role is taken
    /// already, or must not come with what the caller has; too many live; not on record, or not saved.
    pub async fn break_glass(
        &self,
        facts: &RequestFacts,
        role: &str,
        reason: &str,
        time: Duration,
    ) -> Result<Activation, ActivationError> {
        let policy = self.0.policy.policy();
        let plan = self.plan_break_glass(&policy, facts, role, reason, time);
        self.carry_out(&policy, facts, role, plan).await
    }

    /// Activates a role that the caller has, but which a dynamic separation of duties leaves inactive. Of one that grants already it changes
    /// nothing but the record.
    ///
    /// For the caller's log-in session, until the credential ends, at most eight hours. Audited and saved as
    /// [`Activations::break_glass`].
    ///
    /// # Errors
    /// Nobody is logged in; the caller does not have the role; it is active already, or too many of its set are; too many
    /// live; not on record, or not saved.
    pub async fn activate(&self, facts: &RequestFacts, role: &str) -> Result<Activation, ActivationError> {
        let policy = self.0.policy.policy();
        let plan = self.plan_duty(&policy, facts, role);
        self.carry_out(&policy, facts, role, plan).await
    }

    /// Ends what this caller has taken or activated; `false` when there was nothing. It no longer holds when this returns.
    ///
    /// # Errors
    /// It could not be saved: then it ends here, but would be back after a restart, until its time is over.
    pub fn end(&self, facts: &RequestFacts, role: &str) -> Result<bool, ActivationError> {
        let Some(caller) = facts.principal().filter(|caller| in_person(caller).is_ok()) else {
            return Ok(false);
        };
        let is_it = |live: &Live| *live.activation.role == *role && live.activation.is_of(caller);
        let _changing = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.0.live.load().iter().any(is_it) {
            return Ok(false);
        }
        let mut rest = self.still_live();
        rest.retain(|live| !is_it(live));
        let saved = self.save(&rest);
        self.0.live.store(Arc::new(rest));
        self.record_end(facts, role);
        saved.map(|()| true)
    }

    /// Drops from the store what is over: names and reasons of people need not wait there for the next role that is taken or ended.
    /// Call it when the app ends; `Kit::close` of the facade does.
    ///
    /// # Errors
    /// The store can't be read or written: what is over stays in it until the next change or start, and the log says so.
    pub fn forget_ended(&self) -> Result<(), ActivationError> {
        let _changing = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let live = self.still_live();
        // Also when nothing is over here: what could not be saved may be in the store alone.
        self.0.store.forget_ended(self.0.clock.now()).map_err(|error| {
            let why = error.to_string();
            tracing::error!(why, "what is over stays in the store of activations");
            ActivationError::store(error)
        })?;
        self.0.live.store(Arc::new(live));
        Ok(())
    }

    /// What holds or will hold now.
    #[must_use]
    pub fn live(&self) -> Vec<Activation> {
        let live = self.0.live.load();
        live.iter().filter(|live| !live.is_over(&*self.0.clock)).map(|live| live.activation.clone()).collect()
    }

    /// What `caller` has taken or activated, as far as the policy lets it hold; `None`: nothing, or their roles are not known.
    pub(crate) fn taken<'a>(&self, caller: &'a Principal, policy: &'a Policy) -> Option<Taken<'a>> {
        let live = self.0.live.load();
        // Who has taken nothing is not looked up.
        live.iter().find(|live| live.activation.is_of(caller))?;
        let party = policy.party(caller).ok()?;
        let own = self.own(&live, &party, policy);
        let breaks_glass = own.iter().any(|(_, kind)| *kind == ActivationKind::BreakGlass);
        let roles: Vec<usize> = own.into_iter().map(|(role, _)| role).collect();
        (!roles.is_empty()).then_some(Taken { party, roles, breaks_glass })
    }

    /// The roles among `live` that this caller has taken or activated, as far as the policy in force still lets them hold.
    fn own(&self, live: &[Live], party: &Party<'_>, policy: &Policy) -> Vec<(usize, ActivationKind)> {
        let now = self.0.clock.now();
        let own =
            live.iter().filter(|live| live.activation.is_of(party.caller) && live.holds(&*self.0.clock));
        own.filter_map(|live| {
            let activation = &live.activation;
            let role = policy.role_number(&activation.role)?;
            let lets = match activation.kind {
                ActivationKind::BreakGlass => {
                    policy.break_glass(role, party).is_some_and(|rule| now < activation.from.plus(rule.max))
                }
                ActivationKind::Duty => party.has(role),
            };
            lets.then_some((role, activation.kind))
        })
        .collect()
    }

    /// Whether `role` may come to what the caller has and has activated.
    fn fits(&self, role: usize, party: &Party<'_>, policy: &Policy) -> Result<(), ActivationErrorKind> {
        let own = self.own(&self.0.live.load(), party, policy);
        let activated: Vec<usize> = own.into_iter().map(|(role, _)| role).collect();
        match policy.only_adds(party, &activated, role) {
            true => Ok(()),
            false => Err(ActivationErrorKind::Incompatible),
        }
    }

    fn plan_break_glass(
        &self,
        policy: &Policy,
        facts: &RequestFacts,
        role: &str,
        reason: &str,
        time: Duration,
    ) -> Result<Activation, ActivationErrorKind> {
        use ActivationErrorKind::{NotAllowed, ReasonMissing, TooLong, Unauthenticated};
        let caller = facts.principal().ok_or(Unauthenticated)?;
        in_person(caller)?;
        let number = policy.role_number(role).ok_or(NotAllowed)?;
        let party = policy.party(caller).map_err(|_| NotAllowed)?;
        let rule = policy.break_glass(number, &party).ok_or(NotAllowed)?;
        let reason = reason.trim();
        if reason.len() > LONGEST_REASON || (rule.reason && reason.is_empty()) {
            return Err(ReasonMissing);
        }
        if time > rule.max || time.is_zero() {
            return Err(TooLong);
        }
        self.fits(number, &party, policy)?;
        let from = self.0.clock.now();
        let subject = caller.full_subject().clone();
        let plan = Activation::new(ActivationKind::BreakGlass, subject, role, from, from.plus(time));
        Ok(Activation { reason: reason.into(), ..plan })
    }

    fn plan_duty(
        &self,
        policy: &Policy,
        facts: &RequestFacts,
        role: &str,
    ) -> Result<Activation, ActivationErrorKind> {
        use ActivationErrorKind::{NotAllowed, Unauthenticated};
        let caller = facts.principal().ok_or(Unauthenticated)?;
        in_person(caller)?;
        let number = policy.role_number(role).ok_or(NotAllowed)?;
        let party = policy.party(caller).ok().filter(|party| party.has(number)).ok_or(NotAllowed)?;
        self.fits(number, &party, policy)?;
        let from = self.0.clock.now();
        let longest = from.plus(LONGEST_DUTY);
        let until = caller.expires_at().map_or(longest, |ends| ends.min(longest));
        let subject = caller.full_subject().clone();
        let plan = Activation::new(ActivationKind::Duty, subject, role, from, until);
        Ok(Activation { session: caller.session_id().map(Box::from), ..plan })
    }

    /// Whether there is room for it, beside these.
    fn room(&self, plan: &Activation, live: &[Live]) -> Result<(), ActivationErrorKind> {
        let of_one = || live.iter().filter(|live| live.activation.subject == plan.subject);
        let same = |live: &Live| live.activation.role == plan.role && live.activation.session == plan.session;
        if of_one().any(same) {
            return Err(ActivationErrorKind::AlreadyActive);
        }
        let most = match plan.kind {
            ActivationKind::BreakGlass => MOST,
            ActivationKind::Duty => MOST - KEPT_FOR_BREAK_GLASS,
        };
        match live.len() >= most || of_one().count() >= MOST_OF_ONE {
            true => Err(ActivationErrorKind::TooMany),
            false => Ok(()),
        }
    }

    fn still_live(&self) -> Vec<Live> {
        let live = self.0.live.load();
        live.iter().filter(|live| !live.is_over(&*self.0.clock)).cloned().collect()
    }

    /// Puts a planned activation that is on record in force.
    ///
    /// What could not be saved does not hold. A store that fails may have kept it all the same, so the list before it is saved again;
    /// where that fails too it may be back after a restart, until its time is over, and the log says so.
    fn keep(&self, policy: &Policy, caller: &Principal, plan: &Activation) -> Result<(), ActivationError> {
        let _changing = self.0.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut live = self.still_live();
        self.room(plan, &live)?;
        // Another may have been activated while this one was put on record.
        let number = policy.role_number(&plan.role).ok_or(ActivationErrorKind::NotAllowed)?;
        let party = policy.party(caller).map_err(|_| ActivationErrorKind::NotAllowed)?;
        self.fits(number, &party, policy)?;
        live.push(Live::of(plan.clone(), &*self.0.clock));
        if let Err(error) = self.save(&live) {
            live.pop();
            if self.save(&live).is_err() {
                tracing::error!(role = %gambeson_core::escape_controls(&plan.role), "an activation that failed may be in its store: end it there before a restart");
            }
            return Err(error);
        }
        self.0.live.store(Arc::new(live));
        Ok(())
    }

    fn save(&self, live: &[Live]) -> Result<(), ActivationError> {
        let kept: Vec<Activation> = live.iter().map(|live| live.activation.clone()).collect();
        self.0.store.save(&kept).map_err(ActivationError::store)
    }
}

/// Who acts for somebody else does not take roles for them: these would hold in all of their sessions.
fn in_person(caller: &Principal) -> Result<(), ActivationErrorKind> {
    match caller.actor() {
        None => Ok(()),
        Some(_) => Err(ActivationErrorKind::NotAllowed),
    }
}

impl fmt::Debug for Activations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Activations").field("store", &self.0.store).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
