//! Requirements of nothing, and layers over layers.

use super::{Fault, Found, ensure};
use crate::authorization::guard::Plan;
use crate::authorization::site::Site;

/// Nobody and one who may not, before a layer that was told to require nothing.
pub(super) async fn empty_requirement(plan: &Plan) -> Found {
    let Some(empty) = &plan.empty else {
        let how = "say how a requirement of nothing is written: `.empty_requirement(…)`, or that it can't: `.except(…)`";
        return Err(Fault::Untried(how));
    };
    let mut site = Site::new(empty);
    for request in std::iter::once(&plan.refused).chain(&plan.nobody) {
        site.refuses(request()).await?;
    }
    Ok(())
}

/// The layer over itself decides as it does alone; with a wider one it refuses all the same, outside and inside of it.
pub(super) async fn only_narrows(plan: &Plan) -> Found {
    let mut twice = Site::nested(&plan.build, &plan.build);
    let placed = |what| format!("the layer over itself: {what}");
    twice.passes((plan.allowed)()).await.map_err(placed)?;
    for request in std::iter::once(&plan.refused).chain(&plan.nobody) {
        twice.refuses(request()).await.map_err(placed)?;
    }
    let Some(wider) = &plan.wider else {
        return Err(Fault::Untried("say which layer lets through more: `.wider(…)`"));
    };
    let alone = Site::new(wider).passes((plan.refused)()).await;
    ensure!(alone.is_ok(), "the layer that should be wider is not: {}", alone.err().unwrap_or_default());
    for (place, outer, inner) in [("outside", &plan.build, wider), ("inside", wider, &plan.build)] {
        let mut both = Site::nested(outer, inner);
        both.refuses((plan.refused)()).await.map_err(|what| format!("{place} of a wider one: {what}"))?;
    }
    Ok(())
}
