//! Who did what, provably: an [`AuditSink`](gambeson_core::AuditSink) that keeps security events in a hash-chained
//! file, and the verifier that finds what was changed in it.
//!
//! ```
//! use std::time::Duration;
//! use gambeson_audit_trail::{AuditTrail, Config, VerifyOptions, verify};
//! use gambeson_core::{AuditEvent, AuditKind, AuditSink, Durability, Outcome, Timestamp};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let dir = folder.path().join("audit");
//! let trail = AuditTrail::open(&dir, &Config::default())?;
//! let at = Timestamp::from_unix_seconds(1_795_421_730);
//! let event = AuditEvent::new(AuditKind::Authorization, "notes:write", Outcome::Denied, at);
//! let _ = trail.record(event, Durability::Async);
//! let head = trail.close(Duration::from_secs(5))?;
//!
//! let report = verify(&dir, &VerifyOptions::default().head(head))?;
//! assert_eq!((report.events, report.closed, report.head_confirmed), (1, true, true));
//!
//! let file = dir.join("trail-000001.jsonl");
//! let changed = std::fs::read_to_string(&file)?.replace("denied", "failed");
//! std::fs::write(&file, changed)?;
//! assert_eq!(verify(&dir, &VerifyOptions::default()).unwrap_err().seq(), Some(1));
//! # Ok(()) }
//! ```
//!
//! # How surely an event is kept
//!
//! | durability | `record` answers | when the queue is full | when the disk fails |
//! |---|---|---|---|
//! | `Async` | at once | counted, told by a gap record | counted, told by a gap record |
//! | `Ordered` | at once; when the queue is full, as soon as there is room | taken all the same, up to twice the bounds, then an error | tried again each second |
//! | `Strict` | after the sync, one for all who wait | as `Ordered` | an error: refuse the act |
//!
//! The writer hands on what it has as soon as it has it, so an async event waits for no timer. An ordered or strict
//! event is in the queue before its answer is waited for: dropping the answer loses nothing.
//!
//! # What a chain proves
//!
//! | it shows | it does not show |
//! |---|---|
//! | that a record was changed, taken out, moved or repeated by somebody who did not recompute all hashes after it | that somebody who may write the files has recomputed the whole chain from there on |
//! | with a [`Head`] that was kept elsewhere: that nothing up to that head was changed, by whomever, and that nothing was cut off before it | what happened to records after the newest head that was kept |
//! | how many events were lost, and when | an event that the app never recorded; what an attacker inside the process wrote |
//! | that a stop was not clean | whether the end was cut off at a line, unless a head was kept |
//!
//! So keep heads where the app can't reach them: [`AuditTrail::close`] tells the last one, [`AuditTrail::head`] the
//! present one, `gambeson audit heads` one for each segment. Signed checkpoints are not part of format 1.
//!
//! # File format
//!
//! Version 1. A directory holds the segments `trail-000001.jsonl`, `trail-000002.jsonl`, … (six digits or more), the
//! empty file `lock`, and files `torn-*.partial` that a recovery set aside. The directory is made with mode 0700, its
//! files with 0600. A segment is UTF-8 text, one record a line, each line a JSON object (RFC 8259) ended by one line
//! feed, at most 1 MiB long. Lines are never changed, only appended.
//!
//! **Members.** A record begins with `seq`, `prev`, `at` and `record`, in this order and without blanks, and ends
//! with `hash`:
//!
//! ```text
//! {"seq":1,"prev":"<64 hex>","at":"2026-11-23T08:15:30.250Z","record":"event",…,"hash":"<64 hex>"}
//! ```
//!
//! - `hash` is the SHA-256 (FIPS 180-4), in lower-case hexadecimal digits, of the line's bytes as written up to and
//!   without `,"hash":"`. These are all bytes of the line but its last 76: `,"hash":"`, 64 digits, `"}` and the line feed.
//! - `prev` is the `hash` of the record before, across segments; of the first record it is 64 zeros.
//! - `seq` counts from 0 without gaps, across segments. `at` is RFC 3339 in UTC with milliseconds: of an event, when
//!   it happened; of other records, when they were written.
//!
//! | `record` | further members | when |
//! |---|---|---|
//! | `genesis` | `format` (1), `algorithm` (`sha256`), `instance` (32 random hex digits), `segment` (1) | first of the chain |
//! | `event` | `kind`, `action`, `outcome`, then as far as known `reason`, `subject` {`iss`, `sub`}, `actor` {`iss`, `sub`}, `tenant`, `method`, `route`, `object`, `policy`, `address`, `request_id`, `trace_id`, `span_id`, `details` {name: text} | an audit event |
//! | `gap` | `cause` (`queue_full`, `write_failed`, `quota`), `lost`, `first`, `last` | before the next event after a loss |
//! | `seal` | `next` (number of the next segment) | last of a full segment |
//! | `segment` | `format`, `algorithm`, `instance`, `segment` | first of each further segment |
//! | `shutdown` | – | last of a clean stop |
//! | `start` | – | first after a clean stop |
//! | `recovery` | after a torn line: `torn_bytes`, `torn_sha256`, `set_aside` (file) | first after any other stop |
//!
//! A text of an event is cut after 1,024 bytes and then ends in `…(+N bytes)`; of more than 32 details the rest are
//! counted in `details.omitted`; the second detail of one name is called `name#2`.
//!
//! A verifier in another language:
//!
//! ```python
//! import glob, hashlib, json
//! prev, seq = "0" * 64, 0
//! for path in sorted(glob.glob("audit/trail-*.jsonl")):
//!     for line in open(path, "rb"):
//!         record, digest = json.loads(line), hashlib.sha256(line[:-76]).hexdigest()
//!         assert line.endswith(b'"}\n') and record["hash"] == digest, f"edited: {seq}"
//!         assert record["seq"] == seq and record["prev"] == prev, f"broken: {seq}"
//!         prev, seq = digest, seq + 1
//! print(f"{seq - 1}:{prev}")
//! ```
//!
//! # Bounds
//!
//! What strangers cause is bounded: the queue by [`Config::queue_events`] and [`Config::queue_bytes`], the disk by
//! [`Config::max_total_bytes`], of which refusals without a subject may not use the last
//! [`Config::reserve_bytes`]. Losses are told by gap records, at most one of a cause between two other writes.
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `audit trail can't keep events` | error | the health becomes unhealthy |
//! | `audit trail is degraded` | warn | the reserve is reached |
//! | `audit trail writes again` | info | the health is restored |
//!
//! # After a crash
//!
//! A killed process loses no event that was acknowledged as durable; the verifier says `torn-tail` at worst, and the
//! next start sets the torn line aside. A loss of power may leave garbage behind the last sync, which can then look
//! like an edit of records that were never acknowledged: opening refuses such a directory as damaged.
#![forbid(unsafe_code)]

mod appender;
mod config;
mod digest;
mod encode;
mod entry;
mod error;
mod filter;
mod line;
mod lines;
mod losses;
mod queue;
mod read;
mod report;
mod resume;
mod segment;
mod telemetry;
mod ticket;
mod trail;
mod verify;
mod writer;

pub use config::Config;
pub use digest::{Digest, Head, ParseHeadError};
pub use entry::{ControlRecord, Entry, StoredEvent, StoredSubject};
pub use error::{TrailError, TrailErrorKind};
pub use filter::Filter;
pub use read::{Entries, read, tail};
pub use report::{Report, SegmentReport, VerifyError, VerifyErrorKind};
pub use trail::AuditTrail;
pub use verify::{VerifyOptions, verify};
