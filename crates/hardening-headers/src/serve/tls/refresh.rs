//! Files that change while the server runs, and certificates that end.

use std::time::Duration;

use super::Tls;
use super::term::Reminder;
use crate::serve::patience::Times;
use crate::serve::telemetry;

/// Looks at the files again and again, and says when a certificate in use is about to end.
pub(in crate::serve) async fn refresh(tls: Tls, times: Times, interval: Duration) {
    let mut reminder = Reminder::default();
    loop {
        if let Some(end) = reminder.due(tls.0.current.load().term, tls.0.clock.now()) {
            telemetry::ends(end, tls.not_after());
        }
        times.after(interval).await;
        let reading = tls.clone();
        // A disk may be slow, and connections are not to wait for it.
        if let Ok(refreshed) = tokio::task::spawn_blocking(move || reading.refresh()).await {
            telemetry::refreshed(&refreshed, tls.not_after());
        }
    }
}
