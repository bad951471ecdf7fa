//! The token that a platform puts into a file, such as Kubernetes' projected service account token.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::BoxFuture;

use super::issue::{Issue, IssueError, Issued};
use super::jwt_end::jwt_end;

/// How often the file is looked at while requests come: the kubelet renews it at four fifths of its life.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// The largest file that is read, in bytes.
const LARGEST: u64 = 64 << 10;

#[derive(Debug)]
pub(super) struct WorkloadFile {
    path: PathBuf,
    name: String,
}

impl WorkloadFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { name: path.display().to_string(), path }
    }

    fn read(&self) -> Result<Issued, IssueError> {
        let wrong = |what: &dyn std::fmt::Display| IssueError::unavailable(format!("{}: {what}", self.name));
        let file = File::open(&self.path).map_err(|error| wrong(&error))?;
        let mut text = String::new();
        // A file of a few kilobytes in memory: reading it takes less than handing it to another thread.
        let length =
            file.take(LARGEST + 1).read_to_string(&mut text).map_err(|error| wrong(&error.kind()))?;
        if length as u64 > LARGEST {
            return Err(wrong(&format_args!("larger than {LARGEST} bytes, so it is no token")));
        }
        let token = text.trim();
        let issued = Issued::bearer(token, jwt_end(token)).map_err(|error| wrong(&error))?;
        Ok(Issued { look_again: Some(LOOK_AGAIN), ..issued })
    }
}

impl Issue for WorkloadFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn issue(self: Arc<Self>) -> BoxFuture<Result<Issued, IssueError>> {
        Box::pin(async move { self.read() })
    }
}
