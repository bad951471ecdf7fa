//! What a [`ReplayStore`] has to hold.

use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{Clock, SystemClock};

use super::replay::{ProofId, ReplayStore, UsedProof};
use crate::conformance::{Cases, NotConformant, Why, crowd, random, same};

/// For so long the proofs of the suite are good.
const GOOD_FOR: Duration = Duration::from_secs(120);

/// Drives two handles of one empty store through everything that is asked of it. See [`crate::conformance`].
///
/// # Errors
/// The cases that it does not hold.
pub async fn check(one: Arc<dyn ReplayStore>, other: Arc<dyn ReplayStore>) -> Result<(), NotConformant> {
    let mut cases = Cases::default();
    cases.note("a proof is new once", once(&one, &one).await);
    cases.note("a proof is new once of all instances", once(&one, &other).await);
    cases.note("another proof is another", others(&one).await);
    cases.note("a proof is known until it is too old", until(&one, &other).await);
    cases.note("of many who send one proof at once one is let in", race(&one, &other).await);
    cases.result()
}

fn proof() -> Result<UsedProof, Why> {
    let clock = SystemClock::new();
    let (now, at) = (clock.now(), clock.monotonic());
    Ok(UsedProof { id: ProofId::new(random()?), now, until: now.plus(GOOD_FOR), at, client: None })
}

async fn told(store: &Arc<dyn ReplayStore>, proof: UsedProof) -> Result<bool, Why> {
    store.remember(proof).wait().await.map_err(|error| error.to_string())
}

async fn once(one: &Arc<dyn ReplayStore>, other: &Arc<dyn ReplayStore>) -> Result<(), Why> {
    let proof = proof()?;
    same("the first time", &told(one, proof).await?, &true)?;
    same("the second time", &told(other, proof).await?, &false)?;
    same("the third time", &told(one, proof).await?, &false)
}

async fn others(store: &Arc<dyn ReplayStore>) -> Result<(), Why> {
    let proof = proof()?;
    told(store, proof).await?;
    for at in 0..32 {
        let mut id = *proof.id.as_bytes();
        if let Some(byte) = id.get_mut(at) {
            *byte ^= 1;
        }
        let similar = UsedProof { id: ProofId::new(id), ..proof };
        same("one that differs in a bit", &told(store, similar).await?, &true)?;
    }
    Ok(())
}

async fn until(one: &Arc<dyn ReplayStore>, other: &Arc<dyn ReplayStore>) -> Result<(), Why> {
    let proof = proof()?;
    told(one, proof).await?;
    let nearly = GOOD_FOR.saturating_sub(Duration::from_millis(1));
    let last = UsedProof { now: proof.now.plus(nearly), at: proof.at.plus(nearly), ..proof };
    same("a millisecond before", &told(other, last).await?, &false)
}

async fn race(one: &Arc<dyn ReplayStore>, other: &Arc<dyn ReplayStore>) -> Result<(), Why> {
    let proof = proof()?;
    let all = crowd(|number| {
        let store = Arc::clone(if number % 2 == 0 { one } else { other });
        async move { told(&store, proof).await }
    });
    let told = all.await?.into_iter().collect::<Result<Vec<bool>, Why>>()?;
    same("how many were told that it is new", &told.iter().filter(|is_new| **is_new).count(), &1)
}
