//! The probes, one concept a file. Each answers with a sentence about what went wrong.

mod ending;
mod passing;
mod readiness;
mod refusal;
mod tower_inners;

use super::subject::Subject;
use super::{Cases, Probe};

/// What a probe found, in a sentence; nothing if all is well.
pub(crate) type Found = Result<(), String>;

macro_rules! ensure {
    ($holds:expr, $($what:tt)+) => {
        if !$holds {
            return Err(format!($($what)+));
        }
    };
}
pub(crate) use ensure;

pub(crate) use refusal::refuses;

/// Runs one probe.
pub(crate) async fn run(probe: Probe, subject: &Subject, cases: &Cases) -> Found {
    match probe {
        Probe::Passes => passing::passes(&subject.plain, &cases.pass).await,
        Probe::Errors => passing::errors(subject, cases).await,
        Probe::Readiness => readiness::readiness(subject, cases).await,
        Probe::Clone => readiness::clone(subject).await,
        Probe::Refusal => match &cases.refuse {
            Some(refuse) => refuses(&subject.plain, refuse).await,
            None => Ok(()),
        },
        Probe::Cancel => ending::cancel(subject, cases).await,
        Probe::DropMidBody => ending::drop_mid_body(subject, cases).await,
        Probe::Panic => ending::panic(subject, cases).await,
        Probe::BodyWrap => body_wrap(subject, cases).await,
        Probe::TowerInners => tower_inners::tower_inners(subject, cases).await,
    }
}

async fn body_wrap(subject: &Subject, cases: &Cases) -> Found {
    for (place, build) in [("inside", &subject.inside), ("around", &subject.around)] {
        let placed = |what| format!("{place} a layer that wraps bodies: {what}");
        passing::passes(build, &cases.pass).await.map_err(placed)?;
        if let Some(refuse) = &cases.refuse {
            refuses(build, refuse).await.map_err(placed)?;
        }
    }
    Ok(())
}
