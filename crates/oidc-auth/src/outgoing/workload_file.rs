//! The token that a platform puts into a file, such as Kubernetes' projected service account token.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::BoxFuture;

use super::issue::{Issue, IssueError, Issued};
use super::jwt_end::jwt_end;
use crate::token_file::read_token;

/// How often the file is looked at while requests come: the kubelet renews it at four fifths of its life.
const LOOK_AGAIN: Duration = Duration::from_secs(60);

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
        let token = read_token(&self.path).map_err(IssueError::unavailable)?;
        let issued = Issued::bearer(&token, jwt_end(&token))
            .map_err(|error| IssueError::unavailable(format!("{}: {error}", self.name)))?;
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
