//! Files that change while the server runs, and certificates that end.

use std::time::Duration;

use super::Tls;
use super::term::Reminder;
use crate::serve::patience::Times;
use crate::serve::telemetry;

/// Looks at the files again and again, and says when what is in use should not be: a certificate that is about to end, a key that
/// everybody can read.
pub(in crate::serve) async fn refresh(tls: Tls, times: Times, interval: Duration) {
    let mut reminder = Reminder::default();
    let mut open = false;
    loop {
        let current = tls.0.current.load_full();
        if let Some(end) = reminder.due(current.term, tls.0.clock.now()) {
            telemetry::ends(end, current.term.not_after);
        }
        let was_open = std::mem::replace(&mut open, current.open_key.is_some());
        if let (Some(key), false) = (&current.open_key, was_open) {
            telemetry::key_is_open(key);
        }
        times.after(interval).await;
        let reading = tls.clone();
        // A disk may be slow, and connections are not to wait for it.
        if let Ok(refreshed) = tokio::task::spawn_blocking(move || reading.refresh()).await {
            telemetry::refreshed(&refreshed, tls.not_after());
        }
    }
}
