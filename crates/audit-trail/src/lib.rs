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
//! | `Strict` | after the sync, one for all who wait; an error after [`Config::strict_deadline`] | as `Ordered` | an error: refuse the act |
//!
//! [`Config::durability`] raises this by kind or action, whatever the sender asked for. [`FanOut`] gives events to several
//! sinks, each with a deadline, and needs some, all or one of them.
//!
//! While the disk hangs, a caller whose event is strict waits for ten seconds at most ([`Config::strict_deadline`]); the health says then that it
//! hangs. The answer is an error, so the act is refused; the event stays queued, and is written if the disk comes back. So a trail may hold events of acts that
//! were refused for its own sake, and never lacks one that was strict and was not refused.
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
//! So keep heads where the app can't reach them: [`AuditTrail::publish_to`] sends them to an [`Anchor`] each minute (standard
//! output, a file, an HTTP endpoint, or one of yours), [`AuditTrail::close`] tells the last one, [`AuditTrail::head`] the
//! present one, `gambeson audit heads` one for each segment. Only heads of synced records are published, so a crash never
//! looks like a cut. [`VerifyOptions::anchored`] holds a trail against what [`read_heads`] gives.
//!
//! With a [`SigningKey`] ([`TrailBuilder::sign`]) the trail signs its head every [`Config::checkpoints`], first right behind its genesis.
//! Whoever may write the files but has not the key can then change only what came after the newest checkpoint; or cut the chain off
//! behind any checkpoint, and write as many other records there as a crash leaves unsigned ([`VerifyOptions::max_unsigned`]). More are
//! found, and heads that are kept elsewhere show the cut.
//! `verify` with the public key says up to which record the chain is vouched for ([`Report::signed`]); a wrong or foreign
//! signature, and a seal or shutdown without one, is `bad-signature`. An attacker inside the process has the key.
//!
//! A trail that is opened again did not see its files while it was stopped, and vouches for nothing that it finds unsigned:
//!
//! | it finds | and |
//! |---|---|
//! | its last checkpoint is not over the records before it | does not open (`Damaged`): a part that was signed was rewritten |
//! | no checkpoint of its key | does not open (`Signing`): a trail is signed from its beginning or never. But a genesis that stands alone is gone on with: a crash within the first write leaves that |
//! | checkpoints, and has no key | does not open (`Signing`): it would never verify again |
//! | records behind its last checkpoint, as after a crash | goes on, counts them in its `start` or `recovery` record (`unsigned`) and in the log. `verify` counts them in [`Report::unsigned`], whatever is signed later |
//! | more of them than a crash leaves: the interval's, and up to 24 that are written with them | the same, and its health is degraded until the next start. `verify` with the key says `unsigned` for good |
//! | records that were closed or sealed without a checkpoint | goes on and counts them, and `verify` with the key says `bad-signature` for good |
//!
//! So a crash leaves unsigned what fits between two checkpoints, and whoever writes there can change that much. Somebody who cuts
//! a stopped trail off at a checkpoint and writes other events behind it shows as so many unsigned records; one who only cuts it off, or puts
//! an old copy or a new chain in its place, does not show: against that keep heads elsewhere. To sign a trail that has run without a key begin
//! a new directory. After a change of keys name the key before once ([`TrailBuilder::previous_key`]), and `verify` with both.
//!
//! # File format
//!
//! Version 3; version 1 had no `checkpoint`, `refusals` and `tombstone`, version 2 no `unsigned`. Both are still read, verified and gone on
//! with; what is new may then stand behind them in the same segment. A directory holds the segments `trail-000001.jsonl`, `trail-000002.jsonl`, … (six digits or more), the
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
//! - A directory whose first segment is not number 1 is whole if a `tombstone` in it has the `last_seq` and `last_hash` of the
//!   record before its first; or, when a crash left segments that were to go, those of the last record of a segment in it.
//! - `seq` counts from 0 without gaps, across segments. `at` is RFC 3339 in UTC with milliseconds: of an event, when
//!   it happened; of other records, when they were written.
//!
//! | `record` | further members | when |
//! |---|---|---|
//! | `genesis` | `format` (3), `algorithm` (`sha256`), `instance` (32 random hex digits), `segment` (1) | first of the chain |
//! | `event` | `kind`, `action`, `outcome`, then as far as known `reason`, `subject` {`iss`, `sub`}, `actor` {`iss`, `sub`}, `tenant`, `method`, `route`, `object`, `policy`, `address`, `request_id`, `trace_id`, `span_id`, `details` {name: text} | an audit event |
//! | `gap` | `cause` (`queue_full`, `write_failed`, `keys`, `quota`, `disk_low`), `lost`, `first`, `last` | before the next event after a loss |
//! | `seal` | `next` (number of the next segment) | last of a full segment |
//! | `segment` | `format`, `algorithm`, `instance`, `segment` | first of each further segment |
//! | `refusals` | `kind`, `action`, `outcome`, as far as known `reason`, `method`, `route`, `network`; `count`, `first`, `last`. Without `kind`: of all that fitted into no group | at the end of a window in which strangers were refused again |
//! | `tombstone` | `first_segment`, `last_segment`, `last_seq`, `last_hash` | before segments are deleted; the two last are those of the last record that goes |
//! | `checkpoint` | `note` | with a key: after each start, every [`Config::checkpoints`], before each seal and shutdown |
//! | `shutdown` | – | last of a clean stop |
//! | `start` | with a key: `unsigned`, how many records before it the key has not signed, if any | first after a clean stop |
//! | `recovery` | `unsigned` as in `start`; after a torn line: `torn_bytes`, `torn_sha256`, `set_aside` (file) | first after any other stop |
//!
//! A text of an event is cut after 1,024 bytes and then ends in `…(+N bytes)`; of more than 32 details the rest are
//! counted in `details.omitted`; the second detail of one name is called `name#2`.
//!
//! The `note` of a checkpoint is a signed note (C2SP `signed-note`, Ed25519) over the records before it. Its text has the three
//! lines of a C2SP checkpoint: the origin `NAME/INSTANCE`, of the key's name and the chain's `instance`; the number of
//! records before this one, which is its `seq`; its `prev`, in base64 (RFC 4648 §4). That is the head of a hash chain, not the
//! root of a Merkle tree: tools for signed notes check the signature, witnesses of transparency logs can't prove
//! consistency. The public key is `NAME+ID+KEY`, as [`VerifyingKey`] and Go's `sumdb/note` write it.
//!
//! A verifier in another language:
//!
//! ```python
//! import glob, hashlib, json
//! paths = sorted(glob.glob("audit/trail-*.jsonl"), key=lambda path: (len(path), path))
//! first = json.loads(open(paths[0], "rb").readline())
//! prev, seq = first["prev"], first["seq"]
//! seen, dropped = {(prev, seq)}, set()
//! for path in paths:
//!     for line in open(path, "rb"):
//!         record, digest = json.loads(line), hashlib.sha256(line[:-76]).hexdigest()
//!         assert line.endswith(b'"}\n') and record["hash"] == digest, f"edited: {seq}"
//!         assert record["seq"] == seq and record["prev"] == prev, f"broken: {seq}"
//!         prev, seq = digest, seq + 1
//!         seen.add((prev, seq))
//!         if record["record"] == "tombstone":
//!             dropped.add((record["last_hash"], record["last_seq"] + 1))
//! assert first["seq"] == 0 or seen & dropped, "missing: 0"
//! print(f"{seq - 1}:{prev}")
//! ```
//!
//! With the public key it checks checkpoints too. A checkpoint vouches for all records before it, but for the `unsigned` ones that
//! `start` and `recovery` records tell of. `Ed25519PublicKey` is that of the package `cryptography`:
//!
//! ```python
//! def checkpoint(record, vkey, instance):  # call it where `record["record"] == "checkpoint"`
//!     name, key_id, key = vkey.split("+", 2)
//!     text, _, signatures = record["note"].rpartition("\n\n")
//!     head = base64.b64encode(bytes.fromhex(record["prev"])).decode()
//!     assert text == f"{name}/{instance}\n{record['seq']}\n{head}"
//!     for line in signatures.splitlines():
//!         _, signer, signature = line.split(" ")
//!         raw = base64.b64decode(signature)
//!         if signer == name and raw[:4].hex() == key_id:
//!             public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:])
//!             public.verify(raw[4:], f"{text}\n".encode())
//! ```
//!
//! # Data about people
//!
//! Whoever may verify a trail need not learn who is in it, and a person can be erased though no line can be changed. With
//! [`FieldKeys`] ([`TrailBuilder::keys`]) names never reach the disk as they are. Digests are made when the event is queued; what is to be sealed
//! waits in the queue, in memory only, and the trail's own thread seals it before it writes: a request never waits for the store of keys.
//!
//! | field | without keys | with a secret | with a store of subjects' keys too | why |
//! |---|---|---|---|---|
//! | `sub` of `subject` and `actor` | plain | `hmac` | `sealed` | names a person |
//! | `address` | plain | `hmac` | `sealed` | often leads to one |
//! | details that [`Config::personal_details`] names | plain | `hmac` | `sealed` | say what they are by their name |
//! | `network` of `refusals` | plain | plain | plain | of many addresses, and only of strangers |
//! | `iss`, `tenant` | plain | plain | plain | organisations; a tenant's admin filters by it |
//! | `object`, other details | plain | plain | plain | the app's own: name things by ids, not by people |
//! | all others | plain | plain | plain | what happened |
//!
//! [`Config::personal_data`] decides: `as-keyed` (the default) is this table; `plain`, `hmac` and `sealed` are one column each, and
//! `hmac` and `sealed` refuse to open without their keys.
//!
//! | stands in the file | means |
//! |---|---|
//! | `hmac:KEY:DIGEST` | HMAC-SHA-256 (RFC 2104) of field, a zero byte and text, under a key that HKDF (RFC 5869) makes of the secret; `KEY` tells which secret. The same text gives the same digest: it can be looked up and counted, and whoever has the secret can try names |
//! | `sealed:ID:…` | AES-256-GCM (NIST SP 800-38D) under a key that HKDF makes of the key `ID` of the subject and 16 random bytes; base64url of these, a random 96-bit nonce, ciphertext and tag. A key made so seals 2³² texts at most. Texts are padded to 32 bytes, and good for their field only |
//! | `withheld:` | the key could not be kept; a strict event is refused then, and counted as lost. The health says so |
//! | `plain:…` | a text that looks like one of these and is none |
//!
//! Each subject, known by issuer and name, has a key in the store; requests of nobody share one. [`FieldKeys::erase`] removes it: what was recorded before then reads
//! `erased:ID` to everybody, the chain still verifies, and that these events were one subject's still shows. An app
//! that runs notices and takes a new key. What still waited in its queue is sealed under a key that nobody keeps: the store knows for a day when a
//! subject was erased. That is told by the wall clocks of the app and of who erases: an app whose clock is set back
//! makes more unreadable, one that runs ahead less. An erasure that is more than a minute ahead of the app's clock was told by one that leapt:
//! the key goes, and what waited then is sealed under the next one. Backups of the store bring keys back: keep them shorter than what must be erasable.
//! The first event of a subject waits in the queue for its key's file to be synced; each sealed text costs a few microseconds. A store that hangs holds
//! the trail up as a disk does, and shows in its health; another process that holds the files of [`FileSubjectKeys`] does so for a second at most, once until it is done; then
//! the name is withheld. A strict event
//! waits for keys of those before it in the queue, and of none behind it for more than a tenth of a second and one key. Only the user who owns that folder may use it: what another one, be it root, wrote there the app could not read.
//!
//! # What came of an act, and where a result came from
//!
//! [`AuditLayer`] records how each request ended, with the same `request_id` as the decision that allowed it.
//! [`Provenance`] records inputs, outputs, model and tools of a processing step by their digests. [`export`] writes trails
//! for other programs.
//!
//! # Bounds
//!
//! What strangers cause is bounded. A stranger's is an event that came with a request (a method, route, address or request id) and has
//! neither subject nor actor; what the app does on its own is not, nor is anything about secrets, policies, configuration and provenance. Of strangers'
//! refusals of one kind, reason, route and network within a minute
//! ([`Config::refusals`]) the first is kept and the others are counted in one record, and none makes anybody wait. The queue is bounded by [`Config::queue_events`] and [`Config::queue_bytes`], the disk by
//! [`Config::max_total_bytes`]. No event of a stranger, refused or not, may use the last quarter of the queue, the last
//! [`Config::reserve_bytes`] of the trail, or the last [`Config::min_free_bytes`] of the disk. [`Config::retention`] drops old segments
//! and leaves a tombstone; a clock that leaps by more than a day is not believed for a day. Losses are told by gap records, at most one of a cause between two other writes.
//!
//! # Telemetry
//!
//! | event | level | when |
//! |---|---|---|
//! | `audit trail can't keep events` | error | the health becomes unhealthy (a hanging disk shows in the health only) |
//! | `audit trail is degraded` | warn | the reserve or the disk's free space is reached, or data about people can't be sealed |
//! | `audit trail's head can't be published` | warn | the first failure of a row |
//! | `audit trail's head is published again` | info | the end of such a row |
//! | `audit trail goes on after records that its key has not signed` | warn | a start, with their number: after a crash as many as fit between two checkpoints |
//! | `audit trail drops nothing by age: its clock leapt` | warn | the clock went forward by more than a day, with `ahead`; once a leap |
//! | `audit trail writes again` | info | the health is restored |
//! | `audit trail seals for nobody what was recorded before its subject was erased` | warn | it waited when its subject was erased, or a clock leapt; at most once a minute |
//! | `audit trail can't seal data about people` | error | the store of subjects' keys failed; at the 1st, 2nd, 4th … time of a row, which ends with a success when nothing failed for ten seconds |
//!
//! # After a crash
//!
//! A killed process loses no event that was acknowledged as durable; the verifier says `torn-tail` at worst, and the
//! next start sets the torn line aside. A loss of power may leave garbage behind the last sync, which can then look
//! like an edit of records that were never acknowledged: opening refuses such a directory as damaged.
#![forbid(unsafe_code)]

mod anchor;
mod appender;
mod aside;
mod builder;
mod checkpoint;
mod config;
mod deadline;
mod digest;
mod disk;
mod durability;
mod encode;
mod entry;
mod error;
pub mod export;
mod fan_out;
mod fields;
mod filter;
mod keys;
mod line;
mod lines;
mod losses;
mod note;
pub mod outcome;
mod patience;
mod provenance;
mod publisher;
mod queue;
mod read;
mod refusals;
mod report;
mod resume;
mod retention;
mod sealing;
mod segment;
mod set;
mod signed;
mod telemetry;
mod ticket;
mod trail;
mod trail_time;
mod unsealed;
mod verify;
mod writer;

pub use anchor::{Anchor, AnchorError, FileAnchor, HttpAnchor, PublishedHead, StdoutAnchor, read_heads};
pub use builder::TrailBuilder;
pub use checkpoint::Checkpoints;
pub use config::{Config, PersonalData};
pub use digest::{Digest, Head, ParseHeadError};
pub use durability::DurabilityRule;
pub use entry::{ControlRecord, Entry, StoredEvent, StoredSubject};
pub use error::{TrailError, TrailErrorKind};
pub use fan_out::{FanOut, FanOutBuilder, Quorum};
pub use filter::Filter;
pub use keys::{
    FieldKeys, FileSubjectKeys, Kept, KeyId, MemorySubjectKeys, SubjectKey, SubjectKeys, SubjectState,
    SubjectTag,
};
pub use note::{KeyError, SigningKey, VerifyingKey};
pub use outcome::AuditLayer;
pub use provenance::Provenance;
pub use publisher::{Publisher, Publishing};
pub use read::{Entries, read, read_with_keys, tail, tail_with_keys};
pub use refusals::Refusals;
pub use report::{Report, SegmentReport, VerifyError, VerifyErrorKind};
pub use retention::Retention;
pub use set::{SetReport, trails_in, verify_set};
pub use trail::AuditTrail;
pub use verify::{VerifyOptions, verify};
