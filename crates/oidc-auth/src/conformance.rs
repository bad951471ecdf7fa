//! What an implementation of this crate's traits has to hold, as suites that drive one through it (feature `conformance`).
//!
//! Each suite lives with its trait: [`login::conformance`](crate::login::conformance) for session stores,
//! [`dpop::conformance`](crate::dpop::conformance) for stores of used proofs, [`denylist::conformance`](crate::denylist::conformance) for
//! logs of denials. They are given two handles, of two instances, to one empty thing; an implementation of one process gives the same twice.
//! Run them in a test on a runtime of several threads, so that races are races:
//!
//! ```
//! use std::sync::Arc;
//!
//! use gambeson_oidc_auth::MemorySessions;
//! use gambeson_oidc_auth::login::conformance;
//!
//! # #[tokio::main]
//! # async fn main() {
//! let store = Arc::new(MemorySessions::new().per_subject(100));
//! conformance::check(store.clone(), store).await.unwrap();
//! # }
//! ```

use std::fmt;
use std::sync::Arc;

use gambeson_core::{Entropy, Spawn, SystemEntropy, TokioSpawn};
use tokio::sync::{Barrier, mpsc};

/// So many do the same at once.
pub(crate) const CROWD: usize = 64;

/// What an implementation does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotConformant(Vec<(&'static str, String)>);

impl NotConformant {
    /// The cases that failed, and what was seen.
    pub fn cases(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(case, why)| (*case, why.as_str()))
    }
}

impl fmt::Display for NotConformant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(case, why)| writeln!(f, "{case}: {why}"))
    }
}

impl std::error::Error for NotConformant {}

/// Why a case failed.
pub(crate) type Why = String;

/// The cases so far.
#[derive(Debug, Default)]
pub(crate) struct Cases(Vec<(&'static str, String)>);

impl Cases {
    pub(crate) fn note(&mut self, case: &'static str, outcome: Result<(), Why>) {
        if let Err(why) = outcome {
            self.0.push((case, why));
        }
    }

    pub(crate) fn result(self) -> Result<(), NotConformant> {
        if self.0.is_empty() { Ok(()) } else { Err(NotConformant(self.0)) }
    }
}

/// That both are the same.
pub(crate) fn same<T: PartialEq + fmt::Debug>(what: &str, got: &T, wanted: &T) -> Result<(), Why> {
    match got == wanted {
        true => Ok(()),
        false => Err(format!("{what}: got {got:?}, wanted {wanted:?}")),
    }
}

/// Random bytes, so that one case is in no other's way.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], Why> {
    let mut bytes = [0; N];
    SystemEntropy::new().fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

/// What each of many tasks got that did the same at once.
pub(crate) async fn crowd<T, F>(mut task: impl FnMut(usize) -> F) -> Result<Vec<T>, Why>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let (done, mut all) = mpsc::channel(CROWD);
    let start = Arc::new(Barrier::new(CROWD));
    for number in 0..CROWD {
        let (work, done, start) = (task(number), done.clone(), Arc::clone(&start));
        let started = TokioSpawn::new().spawn(Box::pin(async move {
            start.wait().await;
            let _ = done.send(work.await).await;
        }));
        if !started {
            return Err("there is no tokio runtime to run the suite on".into());
        }
    }
    drop(done);
    let mut results = Vec::with_capacity(CROWD);
    while let Some(result) = all.recv().await {
        results.push(result);
    }
    same("how many tasks came to an end", &results.len(), &CROWD)?;
    Ok(results)
}
