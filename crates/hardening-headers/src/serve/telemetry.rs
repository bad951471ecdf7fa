//! What the server logs.

use std::error::Error;
use std::net::SocketAddr;

use tokio::task::JoinError;

use super::DrainReport;

pub(super) fn ended(remote: SocketAddr, error: Option<&(dyn Error + Send + Sync + 'static)>) {
    if let Some(error) = error {
        tracing::debug!(%remote, %error, "connection ended with an error");
    }
}

/// A panic that no layer caught took its connection with it, and nothing else.
pub(super) fn joined(ended: &Result<(), JoinError>) {
    if ended.as_ref().is_err_and(JoinError::is_panic) {
        tracing::error!("a panic of the app ended its connection; HardeningLayer answers 500 in its place");
    }
}

pub(super) fn idle(remote: SocketAddr) {
    tracing::debug!(%remote, "connection closed: no request in time");
}

pub(super) fn accept_failed(error: &std::io::Error) {
    tracing::warn!(%error, "no connection could be accepted; trying again");
}

pub(super) fn full(connections: usize) {
    tracing::warn!(connections, "all connections are taken; more wait in the system's queue");
}

pub(super) fn drained(report: DrainReport) {
    tracing::info!(drained = report.drained, aborted = report.aborted, "server ended");
}
