//! tracing-appender's writer thread, with one JSON line an event and no chain.

use std::hint::black_box;
use std::io::Write as _;

use serde_json::json;
use tracing_appender::non_blocking::NonBlockingBuilder;

use crate::Case;
use crate::cases::audit_trail::{event, facts};

pub(super) fn join(case: Case) -> Case {
    if case.name != "enqueue" {
        return case;
    }
    case.peer("tracing-appender", || {
        let file = tempfile::tempfile().expect("a file");
        let (mut writer, guard) = NonBlockingBuilder::default().lossy(false).finish(file);
        let facts = facts();
        Box::new(move || {
            let _ = &guard;
            let event = event(&facts);
            let subject = facts.principal().map(|principal| principal.subject());
            let line = json!({
                "kind": format!("{:?}", event.kind), "action": event.action,
                "outcome": format!("{:?}", event.outcome), "subject": subject,
            });
            black_box(writer.write_all(format!("{line}\n").as_bytes()).is_ok());
        })
    })
}
