//! Heads that are kept elsewhere: when they are published, and what they find.

use std::fs;
use std::future::pending;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use gambeson_audit_trail::{
    Anchor, AnchorError, AuditTrail, Config, FileAnchor, Head, HttpAnchor, PublishedHead, Publisher,
    Publishing, TrailErrorKind, VerifyErrorKind as Kind, VerifyOptions, read_heads, verify,
};
use gambeson_core::{
    AuditSink, BoxFuture, Durability, Health, HealthCheck, HttpTransport, ManualClock, Timestamp, TokioSpawn,
    TransportError, TransportErrorKind, TransportLimits,
};
use http::{HeaderValue, Request, Response, header};

use super::{LONG, answered, event, open, small, until, within, written};

/// What the anchor does with the next heads.
#[derive(Debug, Clone, Copy)]
enum Way {
    Keeps,
    Fails,
    Hangs,
}

#[derive(Debug, Clone)]
struct Recorder(Arc<Mutex<(Way, Vec<Head>)>>);

impl Recorder {
    fn new() -> Self {
        Self(Arc::new(Mutex::new((Way::Keeps, Vec::new()))))
    }

    fn heads(&self) -> Vec<u64> {
        self.0.lock().unwrap().1.iter().map(|head| head.seq.unwrap()).collect()
    }

    fn now(&self, way: Way) {
        self.0.lock().unwrap().0 = way;
    }
}

impl Anchor for Recorder {
    fn name(&self) -> &str {
        "recorder"
    }

    fn publish(&self, head: &PublishedHead) -> BoxFuture<Result<(), AnchorError>> {
        let mut state = self.0.lock().unwrap();
        state.1.push(head.head);
        match state.0 {
            Way::Keeps => Box::pin(async { Ok(()) }),
            Way::Fails => Box::pin(async { Err(AnchorError::Io(std::io::Error::other("full"))) }),
            Way::Hangs => Box::pin(pending()),
        }
    }
}

fn manual(dir: &Path) -> (AuditTrail, ManualClock) {
    let clock = ManualClock::at(Timestamp::from_unix_seconds(1_795_421_730));
    (AuditTrail::builder(dir).clock(Arc::new(clock.clone())).open().unwrap(), clock)
}

#[tokio::test]
async fn heads_are_published_in_time_if_anything_is_new_and_at_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (trail, clock) = manual(dir.path());
    let anchor = Recorder::new();
    let timer = Arc::new(clock.clone());
    let publish = |anchor: &Recorder| {
        let anchor = Arc::new(anchor.clone());
        trail.publish_with(anchor, Publishing::default(), timer.clone(), &TokioSpawn::new()).unwrap()
    };
    let second = Recorder::new();
    let (publisher, _other) = (publish(&anchor), publish(&second));
    until(|| anchor.heads() == [0]).await;
    let _ = trail.record(event("a", Some("acme")), Durability::Async);
    until(|| clock.sleepers() >= 2).await;
    clock.advance(Duration::from_secs(59));
    tokio::task::yield_now().await;
    assert_eq!(anchor.heads(), [0]);
    clock.advance(Duration::from_secs(1));
    until(|| anchor.heads() == [0, 1]).await;
    until(|| publisher.published().and_then(|head| head.seq) == Some(1)).await;
    until(|| clock.sleepers() >= 2).await;
    clock.advance(Duration::from_secs(60));
    assert_eq!(within(LONG, publisher.publish_now()).await.unwrap().unwrap().seq, Some(1));
    assert_eq!(anchor.heads(), [0, 1], "nothing new");
    let head = trail.close(LONG).unwrap();
    until(|| anchor.heads() == [0, 1, 2] && second.heads().ends_with(&[2])).await;
    assert_eq!(publisher.published(), Some(head));
}

#[tokio::test]
async fn a_failing_anchor_is_tried_a_few_times_and_shows_in_the_health_only() {
    let dir = tempfile::tempdir().unwrap();
    let (trail, clock) = manual(dir.path());
    let anchor = Recorder::new();
    anchor.now(Way::Fails);
    let timer = Arc::new(clock.clone());
    let publisher = trail
        .publish_with(Arc::new(anchor.clone()), Publishing::default(), timer, &TokioSpawn::new())
        .unwrap();
    until(|| anchor.heads().len() == 1).await;
    for (pause, attempts) in [(1, 2), (2, 3)] {
        until(|| clock.sleepers() > 0).await;
        clock.advance(Duration::from_secs(pause) - Duration::from_millis(1));
        tokio::task::yield_now().await;
        assert_eq!(anchor.heads().len(), attempts - 1, "not before its pause");
        clock.advance(Duration::from_millis(1));
        until(|| anchor.heads().len() == attempts).await;
    }
    until(|| clock.sleepers() > 0).await;
    clock.advance(Duration::from_secs(30));
    tokio::task::yield_now().await;
    assert_eq!(anchor.heads().len(), 3, "attempts are bounded");
    let Health::Degraded(why) = answered(publisher.check()).await else { panic!("it fails") };
    assert_eq!(why, "heads can't be published to recorder: can't write the head: full");
    assert_eq!(answered(trail.check()).await, Health::Healthy);
    answered(trail.record(event("a", Some("acme")), Durability::Strict)).await.unwrap();

    anchor.now(Way::Hangs);
    clock.advance(Duration::from_secs(30));
    until(|| anchor.heads().len() == 4).await;
    answered(trail.record(event("b", Some("acme")), Durability::Strict)).await.unwrap();
    anchor.now(Way::Keeps);
    until(|| clock.sleepers() > 0).await;
    clock.advance(Duration::from_secs(10));
    until(|| clock.sleepers() > 0).await;
    clock.advance(Duration::from_secs(1));
    until(|| publisher.published().is_some()).await;
    assert_eq!(answered(publisher.check()).await, Health::Healthy);
}

#[tokio::test]
async fn who_closes_a_trail_can_wait_for_its_last_head() {
    let dir = tempfile::tempdir().unwrap();
    let (trail, clock) = manual(dir.path());
    let anchor = Recorder::new();
    let publish = || {
        let (anchor, timer) = (Arc::new(anchor.clone()), Arc::new(clock.clone()));
        trail.publish_with(anchor, Publishing::default(), timer, &TokioSpawn::new()).unwrap()
    };
    // A thread of its own has no runtime.
    let without_task = std::thread::scope(|scope| scope.spawn(publish).join().unwrap());
    let publisher = publish();
    let told = async |publisher: &Publisher| match publisher.finished(Duration::ZERO).await {
        Err(error) if error.kind() == TrailErrorKind::Unpublished => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(told(&publisher).await.ends_with("not published to recorder: it took too long"));
    assert!(told(&without_task).await.ends_with("there is no runtime for its task"));
    let head = trail.stopped(LONG).await.unwrap();
    assert_eq!(trail.stopped(Duration::ZERO).await.unwrap(), head, "it is closed");
    assert_eq!(publisher.finished(LONG).await.unwrap(), head);
    assert_eq!(anchor.heads().last(), head.seq.as_ref());
}

#[test]
fn without_a_runtime_it_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path(), &small());
    let publisher = trail.publish_to(Arc::new(Recorder::new()), Publishing::default()).unwrap();
    let Ok(Health::Degraded(why)) = publisher.check().ready() else { panic!("nobody publishes") };
    assert!(why.contains("no runtime"), "{why}");
    let wrong = serde_json::from_str(r#"{"interval":"1ms","attempts":0}"#).unwrap();
    let error = trail.publish_to(Arc::new(Recorder::new()), wrong).unwrap_err();
    assert_eq!(error.problems().len(), 2, "{error}");
}

/// Cut at a line or a segment, or rewritten: the file of published heads tells.
#[tokio::test]
async fn what_was_published_must_be_in_the_trail() {
    let folder = tempfile::tempdir().unwrap();
    let (dir, anchor) = (folder.path().join("audit"), folder.path().join("heads.jsonl"));
    let trail = open(&dir, &small());
    let publisher = trail.publish_to(Arc::new(FileAnchor::new(&anchor)), Publishing::default()).unwrap();
    for n in 0..3 {
        for _ in 0..5 {
            let _ = trail.record(event(&n.to_string(), Some("acme")), Durability::Async);
        }
        within(LONG, publisher.publish_now()).await.unwrap().unwrap();
    }
    trail.close(LONG).unwrap();
    within(LONG, publisher.publish_now()).await.unwrap().unwrap();
    drop(publisher);
    // A line that a crash left unfinished.
    let mut text = fs::read_to_string(&anchor).unwrap();
    text.push_str("{\"instance\":\"00");
    fs::write(&anchor, text).unwrap();
    let options = || VerifyOptions::default().anchored(read_heads(&anchor).unwrap());
    let report = verify(&dir, &options()).unwrap();
    assert!(report.anchored >= 4, "{report:?}");
    assert_eq!(report.anchored_to, report.head.seq);

    let segments = report.segments;
    let last = &segments.last().unwrap().path;
    let whole = fs::read(last).unwrap();
    fs::remove_file(last).unwrap();
    let before = &segments[segments.len() - 2].path;
    let sealed = fs::read_to_string(before).unwrap();
    let end = sealed.trim_end().rfind('\n').unwrap() + 1;
    fs::write(before, &sealed[..end]).unwrap();
    assert!(verify(&dir, &VerifyOptions::default()).is_ok(), "hashes alone don't tell");
    assert_eq!(verify(&dir, &options()).unwrap_err().kind(), Kind::CutTail);
    fs::write(before, sealed).unwrap();
    fs::write(last, whole).unwrap();
    assert!(verify(&dir, &options()).is_ok());

    let other = folder.path().join("other");
    written_elsewhere(&other);
    assert_eq!(verify(&other, &options()).unwrap_err().kind(), Kind::CutTail, "another chain in its place");
    fs::write(&anchor, "nonsense}\n").unwrap();
    assert!(read_heads(&anchor).is_err());
    fs::write(&anchor, "").unwrap();
    let error = read_heads(&anchor).unwrap_err();
    assert!(error.to_string().contains("no published head"), "nothing would be held against: {error}");
}

/// It has a thread of its own: whoever asked may have given up.
#[tokio::test]
async fn a_head_reaches_the_file_whether_or_not_somebody_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heads.jsonl");
    let anchor = FileAnchor::new(&path);
    let head: PublishedHead = serde_json::from_value(serde_json::json!({
        "instance": "0".repeat(32), "head": format!("1:{}", "0".repeat(64)), "at": "2026-11-23T08:15:30.250Z",
    }))
    .unwrap();
    drop(anchor.publish(&head));
    let kept = async { while matches!(anchor.publish(&head).await, Err(AnchorError::Busy)) {} };
    within(LONG, kept).await.unwrap();
    assert_eq!(read_heads(&path).unwrap(), [head.clone(), head.clone()]);
    let missing = FileAnchor::new(folder.path().join("no/such/folder"));
    assert!(matches!(missing.publish(&head).await, Err(AnchorError::Io(_))));
}

fn written_elsewhere(dir: &Path) {
    drop(AuditTrail::open(dir, &Config::default()).unwrap());
}

#[tokio::test]
async fn a_rewritten_chain_misses_what_was_published() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let heads = Recorder::new();
    let trail = open(dir.path(), &small());
    let _ = trail.record(event("a", Some("acme")), Durability::Async);
    let publisher = trail.publish_to(Arc::new(heads.clone()), Publishing::default()).unwrap();
    let head = within(LONG, publisher.publish_now()).await.unwrap().unwrap();
    trail.close(LONG).unwrap();
    // The same instance by the same entropy, and other events.
    written(other.path(), &small(), 5);
    let report = verify(other.path(), &VerifyOptions::default()).unwrap();
    let line = format!(
        "{{\"instance\":\"{}\",\"head\":\"{head}\",\"at\":\"2026-11-23T08:15:30.250Z\"}}\n",
        report.instance
    );
    let anchor = dir.path().join("heads");
    fs::write(&anchor, line).unwrap();
    let options = VerifyOptions::default().anchored(read_heads(&anchor).unwrap());
    let error = verify(other.path(), &options).unwrap_err();
    assert_eq!((error.kind(), error.seq()), (Kind::Rewritten, Some(1)), "{error}");
}

/// Keeps what it was sent, and answers with a status.
#[derive(Debug)]
struct Transport(u16, Mutex<Vec<Request<Bytes>>>);

impl HttpTransport for Transport {
    fn send(
        &self,
        request: Request<Bytes>,
        _: TransportLimits,
    ) -> BoxFuture<Result<Response<Bytes>, TransportError>> {
        self.1.lock().unwrap().push(request);
        let answer = match self.0 {
            0 => Err(TransportError::new(TransportErrorKind::Connect)),
            status => Ok(Response::builder().status(status).body(Bytes::new()).unwrap()),
        };
        Box::pin(async { answer })
    }
}

#[tokio::test]
async fn heads_are_posted_and_only_success_counts() {
    let dir = tempfile::tempdir().unwrap();
    let trail = open(dir.path(), &small());
    let options: Publishing = serde_json::from_str(r#"{"attempts":1}"#).unwrap();
    for (status, kept) in [(201, true), (302, false), (503, false), (0, false)] {
        let transport = Arc::new(Transport(status, Mutex::default()));
        let anchor = HttpAnchor::new("https://anchor.example/heads".parse().unwrap(), transport.clone())
            .header(header::AUTHORIZATION, HeaderValue::from_static("Bearer s3cr3t"));
        assert!(!format!("{anchor:?}").contains("s3cr3t"));
        let publisher = trail.publish_to(Arc::new(anchor), options.clone()).unwrap();
        assert_eq!(within(LONG, publisher.publish_now()).await.unwrap().is_ok(), kept, "{status}");
        let sent = transport.1.lock().unwrap();
        let head: PublishedHead = serde_json::from_slice(sent[0].body()).unwrap();
        assert_eq!((head.head, sent[0].method().as_str()), (trail.head(), "POST"));
        assert_eq!(sent[0].headers()[header::AUTHORIZATION], "Bearer s3cr3t");
    }
}
