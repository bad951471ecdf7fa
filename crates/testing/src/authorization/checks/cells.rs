//! A guard that does nothing, or something else than was said, is noticed.

use super::{Found, ensure};
use crate::authorization::guard::{Cell, Plan};
use crate::authorization::site::Site;

/// The whole table on one service, there and back and there again: what was decided before must not matter.
pub(super) async fn cells(plan: &Plan) -> Found {
    let own = [("the request that must pass", true), ("the request that must be refused", false)];
    let own = own.map(|(name, passes)| Cell {
        name: name.to_owned(),
        passes,
        request: if passes { plan.allowed.clone() } else { plan.refused.clone() },
    });
    let cells: Vec<&Cell> = own.iter().chain(&plan.cells).collect();
    let mut site = Site::new(&plan.build);
    let mut wrong: Vec<String> = Vec::new();
    let there_and_back = cells.iter().chain(cells.iter().rev()).chain(&cells);
    for cell in there_and_back {
        let request = (cell.request)();
        let answered = match cell.passes {
            true => site.passes(request).await,
            false => site.refuses(request).await.map(drop),
        };
        if let Err(what) = answered {
            let what = format!("{}: {what}", cell.name);
            if !wrong.contains(&what) {
                wrong.push(what);
            }
        }
    }
    ensure!(wrong.is_empty(), "{} of {} cells: {}", wrong.len(), cells.len(), wrong.join("; "));
    Ok(())
}
