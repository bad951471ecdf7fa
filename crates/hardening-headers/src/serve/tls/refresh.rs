//! Files that change while the server runs.

use std::time::Duration;

use super::Tls;
use crate::serve::patience::Times;
use crate::serve::telemetry;

/// Looks at the files again and again.
pub(in crate::serve) async fn refresh(tls: Tls, times: Times, interval: Duration) {
    loop {
        times.after(interval).await;
        let reading = tls.clone();
        // A disk may be slow, and connections are not to wait for it.
        if let Ok(refreshed) = tokio::task::spawn_blocking(move || reading.refresh()).await {
            telemetry::refreshed(&refreshed, tls.not_after());
        }
    }
}
