//! The loop that accepts, and the drain.

use std::time::Duration;

use gambeson_core::{BoxError, ConfigError};
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower_service::Service;

use super::accept::{Accept, is_of_one_connection};
use super::config::Server;
use super::drive::Driver;
use super::{DrainReport, telemetry};

/// How long the listener rests when the system has no more files for it.
const REST: Duration = Duration::from_millis(200);

pub(super) async fn run<A, S, B>(listener: A, service: S, server: Server) -> Result<DrainReport, ConfigError>
where
    A: Accept,
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    server.check()?;
    let driver = Driver::new(&server);
    let (drain, draining) = watch::channel(false);
    // The set belongs to this future: who drops `serve` drops its connections, and none is left behind.
    let mut tasks = JoinSet::new();
    let Server { readiness, mut shutdown, connections, drain: drain_time, .. } = server;
    readiness.set_ready();
    let mut said_full = false;
    loop {
        let room = tasks.len() < connections;
        if !room && !std::mem::replace(&mut said_full, true) {
            telemetry::full(connections);
        }
        tokio::select! {
            () = &mut shutdown => break,
            Some(ended) = tasks.join_next() => telemetry::joined(&ended),
            accepted = listener.accept(), if room => match accepted {
                Ok((io, connection)) => {
                    let driver = driver.clone();
                    tasks.spawn(driver.drive(io, connection, service.clone(), draining.clone()));
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    telemetry::accept_failed(&error);
                    tokio::select! {
                        () = &mut shutdown => break,
                        () = driver.timer.after(REST) => {}
                    }
                }
            }
        }
    }
    readiness.drain();
    drop(listener);
    let _ = drain.send(true);
    let report = finish(tasks, driver.timer.after(drain_time)).await;
    telemetry::drained(report);
    Ok(report)
}

/// Waits for the connections that are left, and drops those that are not done in time.
async fn finish(mut tasks: JoinSet<()>, mut over: gambeson_core::BoxFuture<()>) -> DrainReport {
    let mut report = DrainReport::default();
    while !tasks.is_empty() {
        tokio::select! {
            Some(ended) = tasks.join_next() => {
                telemetry::joined(&ended);
                report.drained += 1;
            }
            () = &mut over => break,
        }
    }
    report.aborted = tasks.len();
    tasks.shutdown().await;
    report
}
