//! Callers who resemble each other are decided each for himself.

use super::{Fault, Found, ensure};
use crate::authorization::caller::{Confusable, confusables};
use crate::authorization::guard::{MakeCaller, Plan};
use crate::authorization::site::Site;

/// Each pair by turns, begun by either.
pub(super) async fn cache_keys(plan: &Plan) -> Found {
    let Some((granting, request)) = &plan.callers else {
        return Err(Fault::Untried("say how any caller's request is made: `.callers(…)`"));
    };
    let pairs = confusables(granting);
    let mut wrong = Vec::new();
    for pair in &pairs {
        for may_first in [true, false] {
            let mut site = Site::new(&plan.build);
            if let Err(what) = by_turns(&mut site, request, pair, may_first).await {
                wrong.push(format!("{}: {what}", pair.how));
                break;
            }
        }
    }
    ensure!(
        wrong.is_empty(),
        "{} of {} pairs of callers are mixed up: {}",
        wrong.len(),
        pairs.len(),
        wrong.join("; ")
    );
    Ok(())
}

async fn by_turns(
    site: &mut Site,
    request: &MakeCaller,
    pair: &Confusable,
    may_first: bool,
) -> Result<(), String> {
    for turn in 0..4 {
        if (turn % 2 == 0) == may_first {
            site.passes(request(&pair.may)).await.map_err(|what| format!("who may: {what}"))?;
        } else {
            site.refuses(request(&pair.may_not)).await.map_err(|what| format!("who may not: {what}"))?;
        }
    }
    Ok(())
}
