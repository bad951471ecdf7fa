//! The loop that accepts, and the drain.

use std::sync::atomic::Ordering;
use std::time::Duration;

use gambeson_core::{BoxFuture, ConfigError};
use tokio::task::JoinSet;

use super::accept::{Accept, Socket, is_of_one_connection};
use super::app::App;
use super::clients::Clients;
use super::config::Server;
use super::draining::Phase;
use super::drive::Driver;
use super::{DrainReport, telemetry};

/// How long the listener rests when the system has no more files for it.
const REST: Duration = Duration::from_millis(200);

pub(super) async fn run(
    listener: impl Accept,
    app: impl App,
    server: Server,
) -> Result<DrainReport, ConfigError> {
    server.check()?;
    let driver = Driver::new(&server);
    // The set belongs to this future: who drops `serve` drops its connections, and none is left behind.
    let mut open = Open {
        driver: driver.clone(),
        app,
        tasks: JoinSet::new(),
        most: server.connections,
        full: false,
        clients: Clients::new(server.connections_per_client.of(server.connections)),
        refused: 0,
    };
    #[cfg(feature = "tls")]
    let mut refreshing = JoinSet::new();
    #[cfg(feature = "tls")]
    if let Some(tls) = server.tls.clone() {
        refreshing.spawn(super::tls::refresh(tls, driver.times.clone(), server.tls_refresh));
    }
    let Server { readiness, mut shutdown, linger, drain, phase, .. } = server;
    readiness.set_ready();
    open.accept(&listener, &mut shutdown).await;
    readiness.drain();
    open.accept(&listener, &mut driver.times.after(linger)).await;
    open.accept_queue(&listener).await;
    drop(listener);
    phase.send_replace(Phase::Draining);
    let report = open.finish(driver.times.after(drain)).await;
    telemetry::drained(report);
    Ok(report)
}

/// The connections that are open.
struct Open<S> {
    driver: Driver,
    app: S,
    tasks: JoinSet<()>,
    most: usize,
    full: bool,
    clients: Clients,
    refused: usize,
}

impl<S: App> Open<S> {
    /// Takes connections until `over` resolves.
    async fn accept<A: Accept>(&mut self, listener: &A, over: &mut BoxFuture<()>) {
        loop {
            let room = self.has_room();
            tokio::select! {
                () = &mut *over => return,
                Some(ended) = self.tasks.join_next() => telemetry::joined(&ended),
                accepted = listener.accept(), if room => {
                    if !self.take(accepted) {
                        tokio::select! {
                            () = &mut *over => return,
                            () = self.driver.times.after(REST) => {}
                        }
                    }
                }
            }
        }
    }

    /// Takes what still waits in the system's queue, which would be reset with the listener; no more than it holds at once, since more
    /// may come as fast as it is taken.
    async fn accept_queue<A: Accept>(&mut self, listener: &A) {
        for _ in 0..self.most {
            while let Some(ended) = self.tasks.try_join_next() {
                telemetry::joined(&ended);
            }
            if !self.has_room() {
                return;
            }
            tokio::select! {
                biased;
                accepted = listener.accept() => if !self.take(accepted) { return },
                // tokio looks for news of the system before it goes on here.
                () = tokio::task::yield_now() => return,
            }
        }
    }

    fn has_room(&mut self) -> bool {
        let room = self.tasks.len() < self.most;
        if !room && !std::mem::replace(&mut self.full, true) {
            telemetry::full(self.most);
        }
        room
    }

    /// Serves the connection that came; says whether the listener is well.
    fn take(&mut self, accepted: std::io::Result<(impl Socket, crate::Connection)>) -> bool {
        match accepted {
            Ok((io, connection)) => {
                let Some(place) = self.clients.place(connection.remote.ip()) else {
                    if self.refused == 0 {
                        telemetry::crowded(connection.remote, self.clients.most);
                    }
                    self.refused += 1;
                    return true;
                };
                let driven = self.driver.clone().drive(io, connection, self.app.clone());
                self.tasks.spawn(async move {
                    let _place = place;
                    driven.await;
                });
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                telemetry::accept_failed(&error);
                return false;
            }
        }
        true
    }

    /// Waits for the connections that are left, and drops those that are not done in time.
    async fn finish(mut self, mut over: BoxFuture<()>) -> DrainReport {
        let mut report = DrainReport::default();
        while !self.tasks.is_empty() {
            tokio::select! {
                Some(ended) = self.tasks.join_next() => {
                    telemetry::joined(&ended);
                    report.drained += 1;
                }
                () = &mut over => break,
            }
        }
        report.refused = self.refused;
        report.aborted = self.tasks.len();
        report.upgraded = self.driver.upgraded.load(Ordering::Acquire);
        self.tasks.shutdown().await;
        report
    }
}
