//! The policy in force, and how another takes its place.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use arc_swap::{ArcSwap, Guard};
use gambeson_core::{AuditSink, Clock, ConfigError, ConfigProblems, Principal};

use crate::kept::{Found, Kept};
use crate::load_record::LoadRecord;
use crate::policy::{Policy, PolicyError};
use crate::table::{RouteTable, check_permission};

/// The policy in force. Clones share it; a reload takes effect for all of them, between two decisions.
///
/// Each thread keeps the policies of up to four handles that it decides by, so that a decision costs no write that others see. A policy that another took
/// the place of stays in memory until a later change finds that no thread keeps it. What a dropped handle leaves with a thread is freed when that thread
/// decides by another handle in its place, or ends.
#[derive(Clone)]
pub struct PolicyHandle(Arc<State>);

struct State {
    current: ArcSwap<Policy>,
    kept: Kept,
    path: Option<PathBuf>,
    /// What the running code asks of every policy. Also held while reloading, so that reloads come one by one.
    needs: Mutex<Needs>,
    record: OnceLock<LoadRecord>,
}

#[derive(Default)]
struct Needs {
    permissions: Vec<Box<str>>,
    tables: Vec<Arc<RouteTable>>,
}

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reloaded {
    /// The digest of the policy that was in force.
    pub before: Box<str>,
    /// The digest of the policy that is in force now.
    pub after: Box<str>,
}

impl Reloaded {
    /// Whether another policy is in force than before.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.before != self.after
    }
}

impl PolicyHandle {
    /// A handle on a policy at hand.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::with(policy, None)
    }

    /// Reads the policy from a file, which [`PolicyHandle::reload`] reads again.
    ///
    /// # Errors
    /// The file can't be read, or its policy is refused.
    pub fn from_path(path: impl Into<PathBuf>) -> Result<Self, PolicyError> {
        let path = path.into();
        let policy = Policy::parse(&text_of(&path)?)?;
        Ok(Self::with(policy, Some(path)))
    }

    fn with(policy: Policy, path: Option<PathBuf>) -> Self {
        let policy = Arc::new(policy);
        let kept = Kept::new(&policy);
        Self(Arc::new(State {
            current: ArcSwap::new(policy),
            kept,
            path,
            needs: Mutex::default(),
            record: OnceLock::new(),
        }))
    }

    /// Puts on record which policy is in force, now and at each change: `policy.load`, a
    /// [`PolicyChange`](gambeson_core::AuditKind::PolicyChange) of the object `policy/<name>`, with the policy's digest and after a change the one
    /// `before`. A reload that is refused is `failed`, with why and the policy that stays; one that finds the same text is no change.
    ///
    /// For all clones; the first call counts.
    pub fn audit(&self, name: &str, sink: Arc<dyn AuditSink>, clock: Arc<dyn Clock>) {
        // Locked: no reload comes between what is told now and what follows.
        let _needs = self.needs();
        if self.0.record.get().is_none() {
            self.0.record.get_or_init(|| LoadRecord::new(name, sink, clock)).started(self.load().digest());
        }
    }

    /// Reads the file again and puts its policy in force. A handle without a file stays as it is.
    ///
    /// # Errors
    /// The file can't be read, its policy is refused, or it does not fit the running routes: then the policy in
    /// force stays.
    pub fn reload(&self) -> Result<Reloaded, PolicyError> {
        match &self.0.path {
            Some(path) => {
                // Locked before the file is read: else an older text could take the place of a newer one.
                let needs = self.needs();
                self.replace_within(&needs, text_of(path))
            }
            None => {
                let digest: Box<str> = self.load().digest().into();
                Ok(Reloaded { before: digest.clone(), after: digest })
            }
        }
    }

    /// Puts the policy of this text in force, at once and for all layers.
    ///
    /// # Errors
    /// The policy is refused, or does not fit the running routes: then the policy in force stays.
    pub fn replace(&self, text: &str) -> Result<Reloaded, PolicyError> {
        self.replace_within(&self.needs(), Ok(text.to_owned()))
    }

    fn needs(&self) -> MutexGuard<'_, Needs> {
        self.0.needs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace_within(
        &self,
        needs: &Needs,
        text: Result<String, PolicyError>,
    ) -> Result<Reloaded, PolicyError> {
        let before = self.0.current.load_full();
        let reloaded = text.and_then(|text| self.exchange(needs, &before, &text));
        if let Some(record) = self.0.record.get() {
            match &reloaded {
                Ok(reloaded) if reloaded.changed() => record.changed(reloaded),
                Ok(_) => {}
                Err(error) => record.refused(error, before.digest()),
            }
        }
        reloaded
    }

    fn exchange(&self, needs: &Needs, before: &Arc<Policy>, text: &str) -> Result<Reloaded, PolicyError> {
        let policy = Policy::parse_after(text, Some(before))?;
        needs.check(&policy).map_err(|error| PolicyError::mismatch(&error))?;
        let reloaded = Reloaded { before: before.digest().into(), after: policy.digest().into() };
        if reloaded.changed() {
            let policy = Arc::new(policy);
            // In this order: else a thread could see the new policy, and then decide by the one before, which it keeps.
            self.0.kept.supersede(&policy);
            self.0.current.store(policy);
            self.0.kept.retire(Arc::clone(before));
        }
        tracing::info!(before = %reloaded.before, after = %reloaded.after, "policy loaded");
        Ok(reloaded)
    }

    /// The policy in force now.
    #[must_use]
    pub fn policy(&self) -> Arc<Policy> {
        self.0.current.load_full()
    }

    /// Whether `principal` may, as [`Policy::may`].
    #[must_use]
    pub fn may(&self, principal: &Principal, permission: &str) -> bool {
        self.look(|policy| policy.may(principal, permission))
    }

    /// Makes sure that the policy declares these permissions, now and after each reload.
    ///
    /// # Errors
    /// Every name that the policy does not declare.
    pub fn check_permissions(&self, names: &[&str]) -> Result<(), ConfigError> {
        let mut needs = self.needs();
        let policy = self.load();
        let mut problems = ConfigProblems::new();
        names.iter().for_each(|name| check_permission("permissions", name, &policy, &mut problems));
        problems.check()?;
        needs.permissions.extend(names.iter().map(|name| Box::from(*name)));
        Ok(())
    }

    /// Takes over the routes of the running code; `fill` writes them with the numbers of the policy in force.
    ///
    /// Kept for as long as the handle lives: a stack is built once a process.
    #[cfg(feature = "axum-router")]
    pub(crate) fn adopt(
        &self,
        fill: impl FnOnce(&crate::policy::Universe) -> (RouteTable, ConfigProblems),
    ) -> Result<Arc<RouteTable>, ConfigError> {
        let mut needs = self.needs();
        let policy = self.load();
        let (table, mut problems) = fill(policy.universe());
        table.check_against(&policy, &mut problems);
        problems.check()?;
        let table = Arc::new(table);
        needs.tables.push(Arc::clone(&table));
        Ok(table)
    }

    pub(crate) fn load(&self) -> Guard<Arc<Policy>> {
        self.0.current.load()
    }

    /// Looks at the policy in force: at what this thread keeps of it, where that is still in force.
    #[inline]
    pub(crate) fn look<U>(&self, look: impl FnOnce(&Policy) -> U) -> U {
        let State { current, kept, .. } = &*self.0;
        let entry = match kept.take() {
            Found::InForce(entry) => entry,
            Found::Nothing => kept.entry(current.load_full()),
            Found::Others => return look(&current.load()),
        };
        let seen = look(&entry.policy);
        kept.put(entry);
        seen
    }

    /// Whether this thread keeps its policy; it lets it go by that.
    #[cfg(test)]
    pub(crate) fn keeps(&self) -> bool {
        matches!(self.0.kept.take(), Found::InForce(_))
    }
}

impl Needs {
    fn check(&self, policy: &Policy) -> Result<(), ConfigError> {
        let mut problems = ConfigProblems::new();
        self.permissions.iter().for_each(|name| check_permission("permissions", name, policy, &mut problems));
        self.tables.iter().for_each(|table| table.check_against(policy, &mut problems));
        problems.check()
    }
}

fn text_of(path: &Path) -> Result<String, PolicyError> {
    std::fs::read_to_string(path).map_err(|error| PolicyError::unreadable(path, &error))
}

impl FromStr for PolicyHandle {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        Policy::parse(text).map(Self::new)
    }
}

impl fmt::Debug for PolicyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyHandle")
            .field("path", &self.0.path)
            .field("digest", &self.load().digest())
            .finish_non_exhaustive()
    }
}
