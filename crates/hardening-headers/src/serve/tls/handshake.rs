//! The handshake, in the task of its connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Tls;
use crate::Connection;
use crate::serve::patience::Times;
use crate::serve::telemetry;

/// Makes TLS out of connections, so many at once.
#[derive(Debug, Clone)]
pub(in crate::serve) struct Handshakes {
    tls: Tls,
    slots: Arc<Semaphore>,
    timeout: Duration,
}

impl Handshakes {
    pub(in crate::serve) fn new(tls: Tls, at_once: usize, timeout: Duration) -> Self {
        Self { tls, slots: Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS))), timeout }
    }

    /// The connection as TLS, with what the client has shown; `None`, and an end, if that fails or takes too long.
    pub(in crate::serve) async fn shake<I>(
        &self,
        io: I,
        connection: Connection,
        times: &Times,
    ) -> Option<(TlsStream<I>, Connection)>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        let remote = connection.remote;
        let shaken = async {
            let _slot = self.slots.acquire().await.ok()?;
            match TlsAcceptor::from(self.tls.config()).accept(io).await {
                Ok(stream) => Some(stream),
                Err(error) => {
                    telemetry::handshake_failed(remote, &error);
                    None
                }
            }
        };
        let stream = tokio::select! {
            stream = shaken => stream?,
            () = times.after(self.timeout) => {
                telemetry::handshake_failed(remote, &"not done in time");
                return None;
            }
        };
        match shown(&stream, connection) {
            Ok(connection) => Some((stream, connection)),
            Err(error) => {
                telemetry::handshake_failed(remote, &error);
                None
            }
        }
    }
}

/// What the handshake says of the connection.
fn shown<I>(stream: &TlsStream<I>, connection: Connection) -> Result<Connection, crate::CertificateError> {
    let (_, session) = stream.get_ref();
    let mut connection = match session.peer_certificates().and_then(<[_]>::first) {
        Some(certificate) => connection.client_certificate(certificate)?,
        None => connection,
    };
    connection.tls = true;
    connection.server_name = session.server_name().map(Arc::from);
    Ok(connection)
}
