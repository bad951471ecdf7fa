//! What is said of the shared store in the log.

use std::fmt::Display;

/// There is a connection again, or for the first time.
pub(super) fn connected() {
    tracing::info!("redis: connected");
}

/// There is none.
pub(super) fn not_connected(why: &dyn Display) {
    tracing::warn!(cause = %why, "redis: no connection");
}

/// The way to the server may be plain text to anywhere.
pub(super) fn plain_text() {
    tracing::warn!(
        "redis: dangerously_allow_plain_text: who is on the network reads and changes what instances share"
    );
}

/// What stands under a session's key is not a session of this app.
pub(super) fn foreign_session(why: &'static str) {
    tracing::warn!(why, "redis: a session can't be read, as if it were not there");
}

/// The server was not told or asked something.
pub(super) fn failed(what: &'static str, why: &dyn Display) {
    tracing::warn!(what, cause = %why, "redis: not answered");
}

/// Which sessions were ended meanwhile can't be told.
pub(super) fn ends_lost() {
    tracing::warn!("redis: which sessions were ended can't be told: all long answers end");
}
