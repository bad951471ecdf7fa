//! The word that a server is about to end.

use tokio::sync::watch;

/// How far a server has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Phase {
    /// It takes connections.
    #[default]
    Serving,
    /// It takes no more, and ends what it has.
    Draining,
}

/// Tells that a server drains: it has taken its last connection, and what is open has the time that
/// [`Server::drain`](super::Server::drain) gives. For long answers and WebSockets, which know best how to say good-bye.
#[derive(Debug, Clone)]
pub struct Draining(pub(super) watch::Receiver<Phase>);

impl Draining {
    /// Resolves when the server begins to drain, also after it did. Never if the server went without that.
    pub async fn begun(&self) {
        let mut phase = self.0.clone();
        if phase.wait_for(|phase| *phase >= Phase::Draining).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
