//! The audit trail as the file describes it: signed, and its heads published.

use std::path::Path;
use std::sync::Arc;

use gambeson_audit_trail::{Anchor, AuditTrail, FileAnchor, Publisher, Publishing, SigningKey, StdoutAnchor};
use gambeson_core::ConfigProblems;

use super::text;
use crate::Config;

/// Opens the trail, if there is to be one, and begins to publish its heads where that is asked for.
pub(super) fn open(
    config: &Config,
    problems: &mut ConfigProblems,
) -> (Option<AuditTrail>, Option<Publisher>) {
    let table = &config.audit_trail;
    let Some(directory) = table.directory.as_deref().map(|directory| config.path(directory)) else {
        for (field, set) in
            [("signing", table.signing.is_some()), ("publish-heads", table.publish_heads.is_some())]
        {
            if set {
                problems.add(
                    format!("audit-trail.{field}"),
                    "",
                    "name the trail's directory, or leave this out",
                );
            }
        }
        return (None, None);
    };
    let mut builder = AuditTrail::builder(&directory).config(table.limits.clone());
    if let Some(signing) = &table.signing {
        let path = config.path(&signing.key);
        match SigningKey::from_file(&signing.name, &path) {
            Ok(key) => builder = builder.sign(key),
            // Nothing is written unsigned that should have been signed.
            Err(error) => {
                problems.add("audit-trail.signing", text(path.display()), text(error));
                return (None, None);
            }
        }
    }
    let opened = builder.open();
    let noted = opened
        .map_err(|error| problems.add("audit-trail.directory", text(directory.display()), text(error)))
        .ok();
    let publisher = noted.as_ref().zip(table.publish_heads.as_deref()).and_then(|(trail, place)| {
        let anchor: Arc<dyn Anchor> = match place == Path::new("-") {
            true => Arc::new(StdoutAnchor::new()),
            false => Arc::new(FileAnchor::new(config.path(place))),
        };
        let publisher = trail.publish_to(anchor, Publishing::default());
        publisher.map_err(|error| problems.extend(error)).ok()
    });
    (noted, publisher)
}
