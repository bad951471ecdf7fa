//! One connection, from its first byte to its last.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use gambeson_core::{BoxError, Clock, Timer};
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tower_service::Service;

use super::activity::Activity;
use super::config::Server;
use super::service::OnConnection;
use super::telemetry;
use super::timer::HyperTimer;
use crate::Connection;

/// What all connections of a server share.
#[derive(Clone)]
pub(super) struct Driver {
    builder: Arc<Builder<TokioExecutor>>,
    pub(super) timer: HyperTimer,
    clock: Arc<dyn Clock>,
    sleep: Arc<dyn Timer>,
    header_timeout: Duration,
    idle_timeout: Duration,
}

impl Driver {
    pub(super) fn new(server: &Server) -> Self {
        let timer = HyperTimer::new(Arc::clone(&server.clock), Arc::clone(&server.timer));
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(timer.clone())
            .header_read_timeout(server.header_timeout)
            .max_buf_size(usize::try_from(server.header_bytes).unwrap_or(usize::MAX));
        builder
            .http2()
            .timer(timer.clone())
            .max_concurrent_streams(server.streams)
            .max_header_list_size(server.header_bytes)
            .max_pending_accept_reset_streams(20)
            .max_local_error_reset_streams(128)
            .keep_alive_interval(server.ping_interval)
            .keep_alive_timeout(server.ping_interval / 2);
        Self {
            builder: Arc::new(builder),
            timer,
            clock: Arc::clone(&server.clock),
            sleep: Arc::clone(&server.timer),
            header_timeout: server.header_timeout,
            idle_timeout: server.idle_timeout,
        }
    }

    /// Serves one connection until it ends, is idle for too long, or has drained.
    pub(super) async fn drive<I, S, B>(
        self,
        io: I,
        connection: Connection,
        inner: S,
        mut draining: watch::Receiver<bool>,
    ) where
        I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send + 'static,
        S::Error: Into<BoxError>,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<BoxError>,
    {
        let activity = Activity::new(Arc::clone(&self.clock));
        let remote = connection.remote;
        let service = OnConnection { inner, connection, activity: Arc::clone(&activity) };
        let service = TowerToHyperService::new(service);
        let mut served = pin!(self.builder.serve_connection_with_upgrades(TokioIo::new(io), service));
        let mut idle = pin!(self.idle(&activity));
        let (mut closing, mut rested) = (false, false);
        loop {
            tokio::select! {
                ended = served.as_mut() => return telemetry::ended(remote, ended.err().as_deref()),
                used = idle.as_mut(), if !rested => {
                    telemetry::idle(remote);
                    if !used {
                        return;
                    }
                    // The last piece of an answer may still be on its way, or a request: HTTP/2 is told before (GOAWAY).
                    (rested, closing) = (true, true);
                    served.as_mut().graceful_shutdown();
                }
                _ = draining.wait_for(|on| *on), if !closing => {
                    closing = true;
                    served.as_mut().graceful_shutdown();
                }
            }
        }
    }

    /// Resolves when the connection has had nothing to do for too long; says whether it ever had.
    async fn idle(&self, activity: &Activity) -> bool {
        loop {
            let used = activity.was_used();
            let allowed = if used { self.idle_timeout } else { self.header_timeout };
            let now = self.clock.monotonic();
            let due = activity.idle_since().unwrap_or(now).plus(allowed);
            if due <= now {
                return used;
            }
            self.sleep.until(due).await;
        }
    }
}
