//! The audit trail, in which names and addresses of people are sealed: who verifies it need not learn who they are, and a person
//! can be erased though no line can be changed.

use std::sync::Arc;

use gambeson::audit_trail::{AuditTrail, FieldKeys, FileSubjectKeys, TrailErrorKind};

use crate::data_dir::DataDir;
use crate::run::Failure;
use crate::settings::Settings;

/// Opens the trail in the folder for data; its keys are made at the first start.
pub fn open(settings: &Settings, data: &DataDir) -> Result<AuditTrail, Failure> {
    let folder = settings.audit_keys_dir.clone().unwrap_or_else(|| data.audit_keys());
    let folder = DataDir::create(&folder)?;
    let subjects = FileSubjectKeys::open(folder.subjects())?;
    let keys = FieldKeys::in_file(folder.secret())?.with_subjects(Arc::new(subjects))?;
    AuditTrail::builder(data.audit()).keys(keys).open().map_err(|error| match error.kind() {
        TrailErrorKind::Locked => {
            let path = settings.data_dir.display();
            format!(
                "{path} is in use by another process: stop it, or choose another folder with DATA_DIR=./data2"
            )
            .into()
        }
        _ => error.into(),
    })
}
