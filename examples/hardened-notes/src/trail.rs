//! The audit trail, in which names and addresses of people are sealed: who verifies it need not learn who they are, and a person
//! can be erased though no line can be changed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use gambeson::audit_trail::{AuditTrail, FieldKeys, FileSubjectKeys, TrailErrorKind};
use gambeson::core::{Entropy, SecretBytes, SystemEntropy};

use crate::data_dir::{DataDir, private_file};
use crate::run::Failure;
use crate::settings::Settings;

/// Opens the trail in the folder for data; its keys are made at the first start.
pub fn open(settings: &Settings, data: &DataDir) -> Result<AuditTrail, Failure> {
    let folder = settings.audit_keys_dir.clone().unwrap_or_else(|| data.audit_keys());
    let folder = DataDir::create(&folder)?;
    let secret = secret(&folder.secret())?;
    let subjects = FileSubjectKeys::open(folder.subjects())?;
    let keys = FieldKeys::new(&secret)?.with_subjects(Arc::new(subjects))?;
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

/// The trail's secret: 32 random bytes, the same at each start.
fn secret(path: &Path) -> io::Result<SecretBytes> {
    if !path.exists() {
        let mut bytes = [0; 32];
        SystemEntropy::new().fill(&mut bytes).map_err(io::Error::other)?;
        // Whole or not there, whenever the machine stops.
        let beside = path.with_extension("new");
        let mut file = private_file(&beside)?;
        file.set_len(0)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
    }
    fs::read(path).map(SecretBytes::new)
}
