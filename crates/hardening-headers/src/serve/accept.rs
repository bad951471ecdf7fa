//! Where connections come from.

use std::future::Future;
use std::io;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::Connection;

/// A source of connections: the seam for TLS, and for tests of a system that runs out of files.
pub(super) trait Accept {
    type Io: Socket;

    fn accept(&self) -> impl Future<Output = io::Result<(Self::Io, Connection)>>;
}

/// The bytes of a connection, which can end without sending what its client does not take.
pub(super) trait Socket: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// When it is dropped, what waits in the system's buffer goes too.
    fn abort(&self);
}

impl Socket for TcpStream {
    fn abort(&self) {
        // Without this the system would hold what is left, and the connection, for a client that still reads nothing.
        let _ = self.set_zero_linger();
    }
}

impl Accept for TcpListener {
    type Io = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Connection)> {
        let (stream, remote) = Self::accept(self).await?;
        // Answers are written whole; waiting for more to send would only delay the last part.
        let _ = stream.set_nodelay(true);
        let mut connection = Connection::new(remote);
        connection.local = stream.local_addr().ok();
        Ok((stream, connection))
    }
}

/// Whether this failure concerns only the connection that came, and not the listener.
pub(super) fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::InvalidInput
    )
}
