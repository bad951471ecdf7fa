//! The byte stream under a connection, whatever it is made of.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// A stream of bytes in both directions: TCP, or TLS over another one.
pub(crate) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

/// What the pool keeps: the stream, and what the handshakes found out.
pub(crate) struct Wire {
    stream: TokioIo<Box<dyn ByteStream>>,
    /// Requests name the whole address, because a proxy reads them.
    absolute_form: bool,
    h2: bool,
}

impl Wire {
    pub(crate) fn new(stream: Box<dyn ByteStream>) -> Self {
        Self { stream: TokioIo::new(stream), absolute_form: false, h2: false }
    }

    pub(crate) fn absolute_form(self) -> Self {
        Self { absolute_form: true, ..self }
    }

    pub(crate) fn h2(self, h2: bool) -> Self {
        Self { h2, ..self }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("absolute_form", &self.absolute_form)
            .field("h2", &self.h2)
            .finish_non_exhaustive()
    }
}

impl Connection for Wire {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.absolute_form);
        if self.h2 { connected.negotiated_h2() } else { connected }
    }
}

impl Read for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
