//! What the layers log.

use std::fmt::Write;
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{
    ManualClock, MatchedRoute, Mode, Principal, RequestFacts, RequestId, Scheme, StatusOnly, Timestamp,
};
use gambeson_hardening_headers::tickets::{TicketRules, Tickets};
use gambeson_hardening_headers::{
    Csp, Edge, EdgeLimitLayer, EdgeRate, Hardening, Limits, LimitsLayer, Nonce, Override, PeerLayer,
    RequestBody, Source, TrustedProxies,
};
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context as Listening, SubscriberExt};

use crate::answers::{answer, connection, page, request};

/// What was logged, a line each.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<String>>>);

/// A subscriber for whoever has none of their own. Without one, a log line that another test reaches first, at a moment
/// when nobody listens, is remembered as one that nobody wants.
static SOMEBODY: LazyLock<bool> =
    LazyLock::new(|| tracing::subscriber::set_global_default(tracing_subscriber::registry()).is_ok());

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: Listening<'_, S>) {
        let mut line = Line(format!("{} ", event.metadata().level()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }
}

impl Lines {
    pub(crate) fn record(&self) -> tracing::subscriber::DefaultGuard {
        assert!(*SOMEBODY, "no other test sets a subscriber for all");
        tracing::subscriber::set_default(tracing_subscriber::registry().with(self.clone()))
    }

    pub(crate) fn with(&self, part: &str) -> Vec<String> {
        let lines = self.0.lock().unwrap();
        lines.iter().filter(|line| line.contains(part)).cloned().collect()
    }
}

#[tokio::test]
async fn a_panic_is_logged_under_the_request_id() {
    let lines = Lines::default();
    let _guard = lines.record();
    let mut request = request(Scheme::Http, "localhost");
    RequestFacts::ensure(&mut request).set_request_id(RequestId::parse(b"r-1").unwrap());
    let layer = Hardening::web().build().unwrap().layer();
    answer(layer, request, async |request: Request<()>| {
        assert!(request.headers().contains_key("x-never"), "told\u{1b}[2J only here");
        page("")
    })
    .await;
    let found = lines.with("the app panicked");
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("ERROR") && found[0].contains("r-1") && found[0].contains("only here"));
    assert!(!found[0].contains('\u{1b}'), "a terminal must survive it");
}

async fn failing<B>(body: B)
where
    B: Body + From<Bytes> + Send + 'static,
{
    let mut request = request(Scheme::Http, "localhost");
    RequestFacts::ensure(&mut request).set_request_id(RequestId::parse(b"r-2").unwrap());
    let mut body = Some(body);
    let app = service_fn(move |_: Request<()>| {
        let answer = Response::builder().status(500).body(body.take().unwrap()).unwrap();
        std::future::ready(Ok::<_, std::convert::Infallible>(answer))
    });
    Hardening::web().build().unwrap().layer().layer(app).oneshot(request).await.unwrap();
}

/// A body that is a frame, and then nothing for ever.
struct Stuck(Option<Bytes>);

impl From<Bytes> for Stuck {
    fn from(bytes: Bytes) -> Self {
        Self(Some(bytes))
    }
}

impl Body for Stuck {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.0.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            None => Poll::Pending,
        }
    }
}

/// A body whose reading panics.
struct Broken;

impl From<Bytes> for Broken {
    fn from(_: Bytes) -> Self {
        Self
    }
}

impl Body for Broken {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        panic!("a body that can't be read")
    }
}

#[tokio::test]
async fn what_a_server_error_said_is_logged_under_the_request_id() {
    let lines = Lines::default();
    let _guard = lines.record();
    failing(Full::new(Bytes::from("no table \"notes\"\u{1b}[2J at db.rs:12"))).await;
    failing(Full::new(Bytes::from("x".repeat(1 << 20)))).await;
    failing(Full::new(Bytes::from_static(b"\x1f\x8b\x08\0\0\0\0"))).await;
    failing(Stuck(Some(Bytes::from_static(b"the first part")))).await;
    failing(Broken).await;
    let found = lines.with("its body was not sent");
    let [text, long, binary, stream, broken] = found.as_slice() else { panic!("{found:?}") };
    assert!(text.starts_with("ERROR") && text.contains("r-2") && text.contains("read=\"whole\""), "{text}");
    assert!(text.contains("no table \"notes\"\\u{1b}[2J at db.rs:12"), "{text}");
    assert!(long.contains("read=\"cut\"") && long.matches('x').count() < 2100, "{}", long.len());
    assert!(binary.contains("read=\"binary\"") && binary.contains("body= "), "{binary}");
    assert!(stream.contains("body=the first part read=\"unfinished\""), "{stream}");
    assert!(broken.contains("read=\"failed\""), "{broken}");
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A line with the rule of its id at the front.
pub(crate) fn id_first(line: &str) -> String {
    let id = line.split_once("id=\"").and_then(|(_, rest)| rest.split('"').next());
    let rule = id.and_then(gambeson_hardening_headers::check::rule);
    rule.map(|rule| format!("{rule} {line}")).unwrap_or_default()
}

/// Requests with a forwarding field from neighbours that are no proxies.
pub(crate) fn undeclared_proxy(lines: &Lines) {
    let neighbours = ["203.0.113.9:5", "10.0.3.1:5", "203.0.113.8:5", "10.0.3.1:6"];
    ask_peer(lines, neighbours.map(Some));
}

/// Requests of which the server does not tell who sent them.
pub(crate) fn no_address(lines: &Lines) {
    ask_peer(lines, [None]);
}

fn ask_peer<const N: usize>(lines: &Lines, neighbours: [Option<&str>; N]) {
    let _guard = lines.record();
    let layer = PeerLayer::new(TrustedProxies::none());
    let app =
        layer.layer(service_fn(async |_: Request<()>| Ok::<_, std::convert::Infallible>(Response::new(()))));
    for neighbour in neighbours {
        let mut request = Request::get("/").header("x-forwarded-for", "198.51.100.7").body(()).unwrap();
        if let Some(neighbour) = neighbour {
            request.extensions_mut().insert(connection(neighbour));
        }
        block_on(app.clone().oneshot(request)).unwrap();
    }
}

/// The layer of a preset whose networks were listed long ago.
pub(crate) fn old_networks(lines: &Lines) {
    let _guard = lines.record();
    let clock = |seconds| ManualClock::at(Timestamp::from_unix_seconds(seconds));
    let _ = PeerLayer::by_clock(TrustedProxies::cloudflare(), &clock(1_790_000_000));
    assert_eq!(lines.with("HH087").len(), 0);
    let _ = PeerLayer::by_clock(TrustedProxies::cloudflare(), &clock(1_900_000_000));
}

#[test]
fn an_old_list_of_networks_is_said_when_the_layer_is_made() {
    let lines = Lines::default();
    old_networks(&lines);
    assert_eq!(lines.with("HH087").len(), 1);
}

#[test]
fn trust_that_a_product_can_not_give_is_said_when_the_layer_is_made() {
    let lines = Lines::default();
    let _guard = lines.record();
    let _ = PeerLayer::new(TrustedProxies::fly().forwarded_host());
    let said = lines.with("HH086");
    assert!(
        said.len() == 1 && said[0].starts_with("ERROR") && said[0].contains("forwarded-host"),
        "{said:?}"
    );
}

/// Three answers with two policies each.
pub(crate) fn two_policies(lines: &Lines) {
    let _guard = lines.record();
    let edge = Hardening::web().build().unwrap();
    for _ in 0..3 {
        block_on(answer(edge.layer(), request(Scheme::Http, "localhost"), async |_| {
            let mut page = page("");
            page.headers_mut().append("content-security-policy", "default-src 'self'".parse().unwrap());
            page.headers_mut().append("content-security-policy", "img-src *".parse().unwrap());
            page
        }));
    }
}

/// An answer that asks for a variant that nobody made.
pub(crate) fn unknown_variant(lines: &Lines) {
    let _guard = lines.record();
    let edge = Hardening::web().build().unwrap();
    give(&edge, "default-src 'self'", Override::named("embed"));
}

/// Only the first of what strangers can send without end is loud; what they send is shown without controls, and cut.
#[tokio::test]
async fn a_refused_host_is_said_with_its_setting() {
    let lines = Lines::default();
    let _guard = lines.record();
    let layer = Hardening::web().hosts(["app.example.com"]).build().unwrap().layer();
    let ask = async |host: &[u8]| {
        let mut request = Request::get("/").body(()).unwrap();
        request.headers_mut().insert("host", http::HeaderValue::from_bytes(host).unwrap());
        RequestFacts::ensure(&mut request).set_request_id(RequestId::parse(b"r-5").unwrap());
        answer(layer.clone(), request, async |_| page("")).await;
    };
    ask(&[b"a\xc2\x9b2J".as_slice(), &[b'x'; 5000]].concat()).await;
    let bad = lines.with("bad-host");
    assert!(bad.len() == 1 && bad[0].starts_with("DEBUG") && bad[0].contains("xxxx"), "{bad:?}");
    assert!(bad[0].len() < 500 && !bad[0].contains('\u{9b}'), "{bad:?}");
    ask(b"www.example.com").await;
    ask(b"www.example.com").await;
    let said = lines.with("misdirected-host");
    assert!(said.len() == 2 && said[0].starts_with("WARN") && said[1].starts_with("DEBUG"), "{said:?}");
    assert!(["r-5", "www.example.com", "hardening-headers.hosts"].iter().all(|part| said[0].contains(part)));
}

/// An app may take a name from a request: it is said without controls, once, and not without end.
#[tokio::test]
async fn unknown_variants_are_named_once_each_and_only_so_many() {
    let lines = Lines::default();
    let _guard = lines.record();
    let edge = Hardening::web().build().unwrap();
    let ask = async |name: String| {
        let mut request = request(Scheme::Http, "localhost");
        let facts = RequestFacts::ensure(&mut request);
        facts.set_request_id(RequestId::parse(b"r-9").unwrap());
        facts.set_route(MatchedRoute::new("/files/{name}"));
        answer(edge.layer(), request, async |_| {
            let mut page = page("");
            page.extensions_mut().insert(Override::named(name));
            page
        })
        .await;
    };
    for _ in 0..2 {
        ask("dwon\u{1b}loads".to_owned()).await;
    }
    let said = lines.with("HH125");
    assert_eq!(said.len(), 1);
    assert!(["dwon", "loads", "r-9", "/files/{name}"].iter().all(|part| said[0].contains(part)), "{said:?}");
    assert!(!said[0].contains('\u{1b}'), "a terminal must survive it");
    for number in 0..100 {
        ask(format!("{number}{}", "x".repeat(1000))).await;
    }
    assert_eq!(lines.with("HH125").len(), 16);
    assert!(lines.with("HH125").iter().all(|line| line.len() < 400));
}

/// An answer with a nonce, a policy of its own, and a `Cache-Control` for all.
fn give(edge: &Edge, policy: &'static str, chosen: Override) {
    block_on(answer(edge.layer(), request(Scheme::Http, "localhost"), async |request: Request<()>| {
        Nonce::of(request.extensions()).unwrap();
        let mut page = page("");
        page.headers_mut().insert("content-security-policy", policy.parse().unwrap());
        page.headers_mut().insert("cache-control", "max-age=600".parse().unwrap());
        page.extensions_mut().insert(chosen);
        page
    }));
}

/// Answers with policies of their own that leave them open.
pub(crate) fn open_policy(lines: &Lines) {
    let _guard = lines.record();
    let edge = Hardening::web().named("embed", |set| set.frame_options(None)).build().unwrap();
    let partner = Source::origin("https://partner.example").unwrap();
    let said = |part: &str| lines.with(part).len();
    give(&edge, "default-src 'self'; Frame-Ancestors 'none'", Override::named("embed"));
    assert_eq!((said("every page can frame it"), said("for shared caches")), (0, 1));
    for _ in 0..2 {
        give(&edge, "default-src 'self'", Override::frame_ancestors([partner.clone()]));
        assert_eq!((said("every page can frame it"), said("asks for frame ancestors")), (0, 1));
    }
    for _ in 0..2 {
        give(&edge, "default-src 'self'", Override::named("embed"));
        assert_eq!(said("every page can frame it"), 1);
    }
    assert_eq!(said("for shared caches"), 1);
}

#[tokio::test]
async fn what_is_odd_about_cookies_is_said_once_without_their_values() {
    let lines = Lines::default();
    let _guard = lines.record();
    let edge = Hardening::web().build().unwrap();
    for _ in 0..3 {
        answer(edge.layer(), request(Scheme::Http, "localhost"), async |_| {
            let mut page = page("");
            let long = format!("big={}; HttpOnly", "hunter2".repeat(600));
            for line in ["XSRF-TOKEN=hunter2", "theme=hunter2", "hunter2", &long, "state=hunter2; HttpOnly"] {
                page.headers_mut().append("set-cookie", line.parse().unwrap());
            }
            page
        })
        .await;
    }
    let names = |part| {
        let said = lines.with(part);
        ["XSRF-TOKEN", "theme", "", "big", "state"]
            .map(|name| said.iter().filter(|line| line.contains(&format!("cookie=\"{name}\" "))).count())
    };
    assert_eq!(names("cookies.readable"), [1, 1, 1, 0, 0]);
    assert_eq!(names("cookies.without-same-site"), [1; 5]);
    assert_eq!(lines.with("over 4096 bytes").len(), 1);
    assert!(lines.with("hunter2").is_empty());
}

#[test]
fn an_undeclared_proxy_is_named_once_with_the_setting() {
    let lines = Lines::default();
    undeclared_proxy(&lines);
    assert_eq!(lines.with("forwarding headers").len(), 2, "once outside, once inside");
    assert_eq!(lines.with("proxies.ranges = [\"10.0.3.1\"]").len(), 1);
}

/// Clusters and overlay networks give proxies shared addresses (RFC 6598).
#[test]
fn a_stranger_uses_up_no_warning_about_a_proxy_with_a_shared_address() {
    let lines = Lines::default();
    ask_peer(&lines, ["203.0.113.9:5", "100.64.3.1:5", "[::ffff:100.64.3.2]:5"].map(Some));
    assert_eq!(lines.with("proxies.ranges = [\"100.64.3.1\"]").len(), 1);
    assert_eq!(lines.with("forwarding headers").len(), 2);
}

#[test]
fn two_policies_are_a_finding_said_once() {
    let lines = Lines::default();
    two_policies(&lines);
    assert_eq!(lines.with("two content security policies").len(), 1);
}

/// A comma ends a policy (CSP 3 §2.2.2): so do apps and proxies join two fields to one.
#[test]
fn two_policies_in_one_line_are_found_too() {
    for (policy, found) in [
        ("default-src 'self', img-src *", 1),
        ("default-src 'self';,img-src *; frame-ancestors 'none'", 1),
        ("default-src 'self'; img-src *", 0),
        (", default-src 'self' , ;,", 0),
    ] {
        let lines = Lines::default();
        let _guard = lines.record();
        let edge = Hardening::web().build().unwrap();
        block_on(answer(edge.layer(), request(Scheme::Http, "localhost"), async |_| {
            let mut page = page("");
            page.headers_mut().insert("content-security-policy", policy.parse().unwrap());
            page
        }));
        assert_eq!(lines.with("two content security policies").len(), found, "{policy}");
    }
}

#[test]
fn a_policy_of_an_answers_own_that_leaves_it_open_is_said_once() {
    open_policy(&Lines::default());
}

#[test]
fn a_weak_policy_is_named_when_built() {
    let lines = Lines::default();
    let _guard = lines.record();
    let weak = Csp::web().script_src([Source::SELF, Source::dangerously_unsafe_inline()]);
    Hardening::web().csp(weak).build().unwrap();
    assert_eq!(lines.with("'unsafe-inline'").len(), 1);
}

#[tokio::test]
async fn a_client_whose_address_nobody_knows_is_said_once() {
    let lines = Lines::default();
    let _guard = lines.record();
    let limit = EdgeLimitLayer::new(EdgeRate::per_second(20)).unwrap();
    let app = limit.layer(service_fn(async |_: Request<()>| {
        Ok::<_, std::convert::Infallible>(Response::new(Bytes::new()))
    }));
    let app = PeerLayer::new(TrustedProxies::none()).layer(app);
    for _ in 0..3 {
        app.clone().oneshot(Request::get("/").body(()).unwrap()).await.unwrap();
    }
    assert_eq!(lines.with("requests carry no neighbour address").len(), 1);
    assert_eq!(lines.with("requests carry no client address").len(), 1);
}

#[test]
fn counting_parts_of_an_ipv6_line_by_themselves_is_said_when_built() {
    let lines = Lines::default();
    let _guard = lines.record();
    let build = |bits| EdgeLimitLayer::new(EdgeRate::per_second(20).v6_prefix(bits)).map(drop).unwrap();
    (32..=64).for_each(build);
    assert_eq!(lines.with("HH103").len(), 0);
    build(65);
    assert_eq!(lines.with("HH103").len(), 1);
}

/// Neither what gives tickets nor what redeems them, nor a layer inside, has one in what it says.
#[tokio::test]
async fn no_line_has_a_ticket_in_it() {
    let lines = Lines::default();
    let _guard = lines.record();
    let tickets = Tickets::new(TicketRules::new().places(1).per_subject(1)).unwrap();
    let alice = Principal::user("https://id.example", "alice").build();
    let bob = Principal::user("https://id.example", "bob").build();
    let ticket = tickets.issue(&alice, "/live").unwrap();
    tickets.issue(&bob, "/live").unwrap_err();
    let edge = Hardening::web().hosts(["app.example.com"]).build().unwrap();
    let app = service_fn(async |request: Request<()>| {
        tracing::info!(uri = %request.uri(), "asked");
        Ok::<_, std::convert::Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let app = tickets.layer().layer(edge.layer().layer(app));
    for (host, path) in
        [("app.example.com", "/live"), ("app.example.com", "/live"), ("evil.example", "/live")]
    {
        let request = Request::get(format!("{path}?ticket={}&a=1", ticket.as_str())).header("host", host);
        app.clone().oneshot(request.header("accept", "text/event-stream").body(()).unwrap()).await.unwrap();
    }
    assert_eq!(lines.with("asked").len(), 2);
    assert_eq!(lines.with("a ticket was not redeemed").len(), 2);
    assert_eq!(lines.with("all places are taken").len(), 1);
    assert!(lines.with(&ticket.as_str()[8..20]).is_empty());
}

#[tokio::test]
async fn what_the_limits_cut_off_or_would_is_said_with_its_request() {
    let until = Timestamp::from_unix_seconds(2_000_000_000);
    for (mode, said, other) in [
        (Mode::Enforce, "the answer was cut off", "would be refused when the limits enforce"),
        (Mode::Observe { until }, "would be refused when the limits enforce", "the answer was cut off"),
    ] {
        let lines = Lines::default();
        let _guard = lines.record();
        let clock = ManualClock::at(Timestamp::from_unix_seconds(1_800_000_000));
        let limits = Limits::new().stream_idle(Duration::from_secs(10)).mode(mode);
        let layer = LimitsLayer::new(limits).unwrap().respond_with(StatusOnly);
        let layer = layer.clock(Arc::new(clock.clone())).timer(Arc::new(clock.clone()));
        let app = layer.layer(service_fn(async |_: Request<RequestBody<Full<Bytes>>>| {
            Ok::<_, std::convert::Infallible>(Response::new(Silent))
        }));
        let mut request = Request::get("/").body(Full::default()).unwrap();
        RequestFacts::ensure(&mut request).set_request_id(RequestId::parse(b"r-7").unwrap());
        let mut body = app.oneshot(request).await.unwrap().into_body();
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut body).poll_frame(&mut context).is_pending());
        clock.advance(Duration::from_secs(10));
        let ended = Pin::new(&mut body).poll_frame(&mut context).is_ready();
        assert_eq!(ended, mode == Mode::Enforce);
        assert_eq!((lines.with(said).len(), lines.with(other).len()), (1, 0));
        assert!(lines.with(said)[0].contains("r-7"), "{:?}", lines.with(said));
    }
}

/// An answer of which nothing ever comes.
#[derive(Default)]
struct Silent;

impl Body for Silent {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        Poll::Pending
    }
}
