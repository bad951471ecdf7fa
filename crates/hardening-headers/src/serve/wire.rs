//! The bytes of one connection, and what can be learned from them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::accept::Socket;
use super::activity::Activity;
use super::line::{Half, Line};
use super::stall::Stall;

/// A connection whose bytes are watched, from its first to its last; below TLS, so that what waits there is seen too.
pub(super) struct Wire<I> {
    io: I,
    activity: Arc<Activity>,
    line: Arc<Line>,
    stall: Stall,
}

impl<I> Wire<I> {
    pub(super) fn new(io: I, activity: Arc<Activity>, line: Arc<Line>, stall: Stall) -> Self {
        Self { io, activity, line, stall }
    }
}

impl<I: Socket> Wire<I> {
    /// What became of writing; the same if its client has time left.
    fn written<T>(
        &mut self,
        done: Poll<io::Result<T>>,
        bytes: impl FnOnce(&T) -> Option<usize>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        match &done {
            Poll::Ready(Ok(written)) => match bytes(written) {
                Some(bytes) => self.stall.took(bytes),
                None => self.stall.took_all(),
            },
            Poll::Ready(Err(_)) => {}
            Poll::Pending if self.line.is_cut(Half::Writing, cx) => return Poll::Ready(Err(cut())),
            Poll::Pending if self.stall.poll_waits(cx).is_ready() => {
                self.io.abort();
                return Poll::Ready(Err(too_slow()));
            }
            Poll::Pending => {}
        }
        done
    }
}

impl<I> Drop for Wire<I> {
    fn drop(&mut self) {
        self.line.close();
    }
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the server has ended")
}

fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the client takes its answer too slowly")
}

impl<I: Socket> AsyncRead for Wire<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.bytes_came();
        }
        if read.is_pending() && self.line.is_cut(Half::Reading, cx) {
            return Poll::Ready(Err(cut()));
        }
        read
    }
}

impl<I: Socket> AsyncWrite for Wire<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.written(written, |bytes| Some(*bytes), cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        all: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(cx, all);
        self.written(written, |bytes| Some(*bytes), cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.io).poll_flush(cx);
        self.written(flushed, |()| None, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.io).poll_shutdown(cx);
        self.written(ended, |()| None, cx)
    }
}
