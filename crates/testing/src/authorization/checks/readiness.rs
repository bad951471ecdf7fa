//! Readiness belongs to one instance: that is the one to call.

use super::{Found, ensure};
use crate::authorization::guard::Plan;
use crate::authorization::inners::STRICT;
use crate::authorization::site::Site;
use crate::contract::Inner;

/// Requests that pass and requests that don't, before each service that counts on `poll_ready`.
pub(super) async fn readiness(plan: &Plan) -> Found {
    let mut wrong = Vec::new();
    for (name, put) in STRICT {
        let mut site = Site::with(&plan.build, put, Inner::new());
        if let Err(what) = in_turn(plan, &mut site).await {
            wrong.push(format!("before {name}: {what}"));
            continue;
        }
        let unreadied = site.work.unreadied_calls();
        if unreadied > 0 {
            wrong.push(format!("{name} was called {unreadied} times without having been polled ready"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

/// A refusal between two requests that pass: what it keeps, the second one misses.
async fn in_turn(plan: &Plan, site: &mut Site) -> Result<(), String> {
    for _ in 0..3 {
        site.passes((plan.allowed)()).await?;
        site.refuses((plan.refused)()).await?;
    }
    Ok(())
}
