//! What is refused never reaches the app.

use super::{Found, ensure};
use crate::authorization::guard::Plan;
use crate::authorization::inners::EAGER;
use crate::authorization::site::Site;
use crate::contract::Inner;

/// What is begun before the decision may be given up in time by chance: not always.
const TRIES: usize = 32;

/// Refused requests, in front of each service that starts its work in `call`.
pub(super) async fn decides_first(plan: &Plan) -> Found {
    let mut wrong = Vec::new();
    for (name, put) in EAGER {
        let mut site = Site::with(&plan.build, put, Inner::new());
        let refused = std::iter::repeat_n(&plan.refused, TRIES).chain(&plan.nobody);
        let asked = refused.clone().count();
        for request in refused {
            let outcome = site.ask(request()).await.map_err(|what| format!("before {name}: {what}"))?;
            ensure!(!outcome.is_success(), "before {name}: a refusal was answered with {}", outcome.status);
        }
        let called = site.app.calls();
        site.straight().await?;
        let begun = site.work.calls().saturating_sub(1);
        if called > 0 {
            wrong.push(format!(
                "{asked} refused requests called {name} {called} times, which began its work {begun} times"
            ));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}
