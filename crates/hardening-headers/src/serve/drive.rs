//! One connection, from its first byte to its last.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use gambeson_core::{Clock, Readiness};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};

use super::accept::Socket;
use super::activity::Activity;
use super::app::App;
use super::config::Server;
use super::contain::Contained;
use super::draining::Draining;
use super::line::{Cut, Line};
use super::patience::{Over, Times};
use super::rests::Rests;
use super::service::OnConnection;
use super::stall::Readers;
use super::streams::Streams;
use super::telemetry;
use super::timer::HyperTimer;
#[cfg(feature = "tls")]
use super::tls::Handshakes;
use super::wire::Wire;
use crate::Connection;

/// How long a connection that has come just before the drain has for its first byte: its request may be on its way already.
const GRACE: Duration = Duration::from_millis(500);

/// What all connections of a server share.
#[derive(Clone)]
pub(super) struct Driver {
    builder: Arc<Builder<Streams>>,
    pub(super) times: Times,
    clock: Arc<dyn Clock>,
    readers: Readers,
    readiness: Readiness,
    draining: Draining,
    pub(super) upgraded: Arc<AtomicUsize>,
    #[cfg(feature = "tls")]
    handshakes: Option<Handshakes>,
}

impl Driver {
    pub(super) fn new(server: &Server) -> Self {
        let timer = HyperTimer::new(Arc::clone(&server.clock), Arc::clone(&server.timer));
        let readers = Readers::new(server);
        let mut builder = Builder::new(Streams(readers.clone()));
        builder
            .http1()
            .timer(timer.clone())
            // hyper's would run between two requests too.
            .header_read_timeout(None)
            .max_buf_size(usize::try_from(server.header_bytes).unwrap_or(usize::MAX));
        builder
            .http2()
            .timer(timer)
            .max_concurrent_streams(server.streams)
            .max_header_list_size(server.header_bytes)
            .max_send_buf_size(server.send_buffer)
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(128)
            .keep_alive_interval(server.ping_interval)
            .keep_alive_timeout(server.ping_interval / 2);
        Self {
            builder: Arc::new(builder),
            times: Times::new(server),
            clock: Arc::clone(&server.clock),
            readers,
            readiness: server.readiness.clone(),
            draining: server.draining(),
            upgraded: Arc::new(AtomicUsize::new(0)),
            #[cfg(feature = "tls")]
            handshakes: server.tls.clone().map(|tls| Handshakes::new(tls, server.handshake_timeout)),
        }
    }

    /// Serves one connection until it ends, is idle for too long, or has drained; and waits for the app, which may have its bytes after
    /// an upgrade. Who drops this future cuts the app off.
    pub(super) async fn drive(self, io: impl Socket, connection: Connection, app: impl App) {
        let line = Arc::new(Line::default());
        let _cut = Cut(&line);
        let activity = Activity::new(Arc::clone(&self.clock));
        let wire = Wire::new(io, Arc::clone(&activity), Arc::clone(&line), self.readers.one());
        self.begin(wire, connection, app, activity, Arc::clone(&line)).await;
        if line.was_upgraded() {
            let _counted = Counted::new(&self.upgraded);
            line.closed().await;
        }
    }

    /// Speaks TLS first, if that is wanted.
    async fn begin(
        &self,
        wire: Wire<impl Socket>,
        connection: Connection,
        app: impl App,
        activity: Arc<Activity>,
        line: Arc<Line>,
    ) {
        #[cfg(feature = "tls")]
        if let Some(handshakes) = &self.handshakes {
            let shaken = tokio::select! {
                biased;
                shaken = handshakes.shake(wire, connection, &self.times) => shaken,
                () = self.drained(&activity) => None,
            };
            if let Some((stream, connection)) = shaken {
                activity.begin();
                self.converse(stream, connection, app, activity, line).await;
            }
            return;
        }
        self.converse(wire, connection, app, activity, line).await;
    }

    async fn converse(
        &self,
        io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        connection: Connection,
        app: impl App,
        activity: Arc<Activity>,
        line: Arc<Line>,
    ) {
        let remote = connection.remote;
        let mut patience = self.times.watch(Arc::clone(&activity));
        let (left, rests) = Rests::new(&self.times);
        let readiness = self.readiness.clone();
        let service =
            OnConnection { inner: app, connection, activity: Arc::clone(&activity), line, readiness, left };
        let service = TowerToHyperService::new(service);
        let served = self.builder.serve_connection_with_upgrades(TokioIo::new(io), service);
        let mut served = pin!(Contained::new(served));
        let mut draining = pin!(self.drained(&activity));
        // None: the connection is to end.
        let mut rests = Some(rests);
        loop {
            tokio::select! {
                // Rests and patience look at what the bytes have told.
                biased;
                ended = served.as_mut() => {
                    return telemetry::ended(remote, ended.and_then(Result::err).as_deref());
                }
                never = poll_fn(|cx| rests.as_mut().map_or(Poll::Pending, |rests| rests.poll(cx))) => match never {},
                over = poll_fn(|cx| patience.poll(cx)) => {
                    telemetry::idle(remote);
                    if over == Over::Now {
                        return;
                    }
                }
                () = draining.as_mut(), if rests.is_some() => {}
            }
            // HTTP/2 is told (GOAWAY). The last piece of an answer may still be on its way, or a request.
            rests = None;
            patience.ending();
            if let Some(served) = served.as_mut().inner() {
                served.graceful_shutdown();
            }
        }
    }

    /// Resolves when this connection is to end with its server.
    async fn drained(&self, activity: &Activity) {
        self.draining.begun().await;
        if !activity.was_used() {
            self.times.after(GRACE).await;
        }
    }
}

/// One more, for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
