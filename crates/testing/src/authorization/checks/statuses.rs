//! The answers to nobody, to one who may not, and to what can't be decided.

use super::{Fault, Found, ensure};
use crate::authorization::guard::Plan;
use crate::authorization::site::Site;

/// 401 and 403. Of a challenge (RFC 9110 §15.5.2) gRPC knows nothing.
pub(super) async fn statuses(plan: &Plan) -> Found {
    let mut site = Site::new(&plan.build);
    let refused = site.refuses((plan.refused)()).await.map_err(|what| format!("who may not: {what}"))?;
    ensure!(refused.status == 403, "who may not was answered with {} instead of 403", refused.status);
    let Some(nobody) = &plan.nobody else {
        return Err(Fault::Untried("say what nobody's request looks like: `.nobody(…)`"));
    };
    let refused = site.refuses(nobody()).await.map_err(|what| format!("nobody: {what}"))?;
    ensure!(refused.status == 401, "nobody was answered with {} instead of 401", refused.status);
    let challenged = refused.is_challenge || refused.is_grpc;
    ensure!(challenged, "nobody was answered with 401, but without WWW-Authenticate");
    Ok(())
}

/// 503, twice: what could not be decided is not decided by having been asked.
pub(super) async fn undecidable(plan: &Plan) -> Found {
    let Some(undecidable) = &plan.undecidable else {
        return Err(Fault::Untried("say what can't be decided: `.undecidable(…)`"));
    };
    let mut site = Site::new(&plan.build);
    for _ in 0..2 {
        let refused = site.refuses(undecidable()).await.map_err(|what| format!("undecidable: {what}"))?;
        ensure!(
            refused.status == 503,
            "what can't be decided was answered with {} instead of 503",
            refused.status
        );
    }
    Ok(())
}
