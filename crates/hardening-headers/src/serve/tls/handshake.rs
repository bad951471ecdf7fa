//! The handshake, in the task of its connection.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::Tls;
use crate::Connection;
use crate::serve::patience::Times;
use crate::serve::telemetry;

/// Makes TLS out of connections. As many at once as there are connections: a bound of their own would be filled by silent ones.
#[derive(Debug, Clone)]
pub(in crate::serve) struct Handshakes {
    tls: Tls,
    timeout: Duration,
}

impl Handshakes {
    pub(in crate::serve) fn new(tls: Tls, timeout: Duration) -> Self {
        Self { tls, timeout }
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
        let failed = |error: &dyn Display| telemetry::handshake_failed(remote, error);
        let stream = tokio::select! {
            shaken = TlsAcceptor::from(self.tls.config()).accept(io) => {
                shaken.inspect_err(|error| failed(error)).ok()?
            }
            () = times.after(self.timeout) => {
                failed(&"not done in time");
                return None;
            }
        };
        let connection = shown(&stream, connection).inspect_err(|error| failed(error)).ok()?;
        Some((stream, connection))
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
