//! What any instance has denied.

use std::time::Duration;

use gambeson_core::Answer;

use super::link::LinkError;
use super::log::{Entry, Log, Place};
use super::names::hex;
use crate::denylist::{DenialLog, DenialLogError, LogPage, LogPosition, LoggedDenial};

/// The log of denials for all instances, for [`DenylistBuilder::shared`](crate::denylist::DenylistBuilder::shared). Made by
/// [`RedisStores::denials`](super::RedisStores::denials).
#[derive(Debug, Clone)]
pub struct RedisDenials(Log);

impl RedisDenials {
    pub(super) fn new(log: Log) -> Self {
        Self(log)
    }
}

impl DenialLog for RedisDenials {
    fn append(&self, denials: Vec<LoggedDenial>) -> Answer<Result<(), DenialLogError>> {
        let log = self.0.clone();
        let millis = |keep: Duration| u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
        let entries: Vec<(u64, String)> =
            denials.iter().map(|denial| (millis(denial.keep), written(denial))).collect();
        Answer::pending(async move { log.append(&entries).await.map_err(unavailable) })
    }

    fn read(&self, after: Option<LogPosition>) -> Answer<Result<LogPage, DenialLogError>> {
        let log = self.0.clone();
        Answer::pending(async move {
            let after = after.map(|LogPosition { log, entry, mark }| Place { log, entry, mark });
            let page = log.read(after).await.map_err(unavailable)?;
            let denials = page.entries.iter().filter_map(read).collect();
            let Place { log, entry, mark } = page.end;
            let read = LogPage::new(denials, LogPosition::new(log, entry, mark), page.has_more);
            Ok(if page.is_anew { read.anew() } else { read })
        })
    }
}

fn unavailable(error: LinkError) -> DenialLogError {
    DenialLogError::unavailable().with_source(error)
}

fn written(denial: &LoggedDenial) -> String {
    format!("{}:{}", hex(&denial.name), denial.issued_until)
}

fn read(entry: &Entry) -> Option<LoggedDenial> {
    let (name, until) = entry.text.split_once(':').filter(|_| entry.left > 0)?;
    let name = u128::from_str_radix(name, 16).ok().filter(|_| name.len() == 32)?;
    Some(LoggedDenial::new(name.to_be_bytes(), until.parse().ok()?, Duration::from_millis(entry.left)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_reads_as_it_was_written_and_nothing_else_does() {
        let denial = LoggedDenial::new([7; 16], i64::MAX, Duration::from_millis(5));
        let entry = |text: &str| Entry { text: text.into(), left: 5 };
        assert_eq!(read(&entry(&written(&denial))), Some(denial));
        for text in ["", ":", "07", "07:5", &format!("{}:", "0".repeat(32)), &format!("{}:x", "0".repeat(32))]
        {
            assert_eq!(read(&entry(text)), None, "{text}");
        }
        assert_eq!(read(&Entry { left: 0, ..entry(&written(&denial)) }), None, "it is over");
    }
}
