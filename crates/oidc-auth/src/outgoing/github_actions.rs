//! The token that GitHub Actions gives a job that has the permission `id-token: write`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use form_urlencoded::byte_serialize;
use gambeson_core::{BoxFuture, HttpTransport, SecretBytes, TransportLimits};
use http::{HeaderValue, Request, StatusCode, header};
use serde::Deserialize;

use super::issue::{Issue, IssueError, Issued};
use super::jwt_end::jwt_end;
use crate::keys::describe;

#[derive(Debug)]
pub(super) struct GithubActions {
    pub(super) url: String,
    pub(super) token: SecretBytes,
    pub(super) audience: String,
    pub(super) special_use: bool,
    pub(super) deadline: Duration,
    pub(super) transport: Arc<dyn HttpTransport>,
}

#[derive(Deserialize)]
struct Given {
    value: String,
}

impl GithubActions {
    async fn ask(&self) -> Result<Issued, IssueError> {
        let url = self.with_audience();
        let wrong = |what: &dyn std::fmt::Display| IssueError::unavailable(format!("{}: {what}", self.url));
        let authorization = [b"Bearer ", self.token.expose()].concat();
        let mut authorization = HeaderValue::try_from(authorization)
            .map_err(|_| wrong(&"ACTIONS_ID_TOKEN_REQUEST_TOKEN can't stand in a header field"))?;
        authorization.set_sensitive(true);
        let request = Request::get(&url)
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, authorization)
            .body(Bytes::new())
            .map_err(|error| wrong(&error))?;
        let limits = TransportLimits::default()
            .deadline(self.deadline)
            .max_body(64 << 10)
            .allow_special_use_addresses(self.special_use);
        let sent = self.transport.send(request, limits).await;
        let answer = sent.map_err(|error| IssueError::unavailable(describe(&self.url, &error)))?;
        match answer.status() {
            StatusCode::OK => {
                let given: Given = serde_json::from_slice(answer.body())
                    .map_err(|_| wrong(&"gave no token that can be read"))?;
                Issued::bearer(&given.value, jwt_end(&given.value)).map_err(|error| wrong(&error))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(IssueError::refused(format!(
                "{} answered {}: the job needs `permissions: id-token: write`",
                self.url,
                answer.status().as_u16()
            ))),
            status => Err(wrong(&format_args!("answered {}", status.as_u16()))),
        }
    }

    fn with_audience(&self) -> String {
        let joint = if self.url.contains('?') { '&' } else { '?' };
        let audience: String = byte_serialize(self.audience.as_bytes()).collect();
        format!("{}{joint}audience={audience}", self.url)
    }
}

impl Issue for GithubActions {
    fn name(&self) -> &str {
        "GitHub Actions"
    }

    fn issue(self: Arc<Self>) -> BoxFuture<Result<Issued, IssueError>> {
        Box::pin(async move { self.ask().await })
    }
}
