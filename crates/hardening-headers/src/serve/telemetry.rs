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
        panicked();
    }
}

pub(super) fn panicked() {
    tracing::error!("a panic of the app ended its connection; HardeningLayer answers 500 in its place");
}

pub(super) fn stalled() {
    tracing::debug!("stream reset: the client takes its answer too slowly");
}

pub(super) fn idle(remote: SocketAddr) {
    tracing::debug!(%remote, "connection closed: no request in time");
}

#[cfg(feature = "tls")]
pub(super) fn handshake_failed(remote: SocketAddr, error: &dyn std::fmt::Display) {
    tracing::debug!(%remote, %error, "no TLS handshake");
}

#[cfg(feature = "tls")]
pub(super) fn refreshed(refreshed: &Result<bool, super::TlsError>, not_after: gambeson_core::Timestamp) {
    match refreshed {
        Ok(false) => {}
        Ok(true) => tracing::info!(%not_after, "TLS certificates replaced"),
        Err(error) => tracing::error!(%error, %not_after, "TLS certificates not replaced"),
    }
}

#[cfg(feature = "tls")]
pub(super) fn ends(end: super::tls::End, not_after: gambeson_core::Timestamp) {
    match end {
        super::tls::End::Near => tracing::warn!(%not_after, "the TLS certificate ends soon; renew it"),
        super::tls::End::Past => tracing::error!(%not_after, "the TLS certificate has ended; renew it"),
    }
}

#[cfg(feature = "tls")]
pub(super) fn key_is_open(key: &str) {
    tracing::warn!("{key}: every user of this machine can read or change it; chmod o= it");
}

/// A certificate of the chain that is not the server's own.
#[cfg(feature = "tls")]
pub(super) fn doubtful(error: &super::TlsError) {
    tracing::warn!(%error, "a certificate beside the server's own is of no use to clients");
}

pub(super) fn accept_failed(error: &std::io::Error) {
    tracing::warn!(%error, "no connection could be accepted; trying again");
}

pub(super) fn full(connections: usize) {
    tracing::warn!(connections, "all connections are taken; more wait in the system's queue");
}

pub(super) fn crowded(remote: SocketAddr, most: usize) {
    tracing::warn!(%remote, most, "a client has all the connections that it may have; more are closed at once");
}

pub(super) fn drained(report: DrainReport) {
    tracing::info!(
        drained = report.drained,
        aborted = report.aborted,
        upgraded = report.upgraded,
        refused = report.refused,
        "server ended"
    );
}
