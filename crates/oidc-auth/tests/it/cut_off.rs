//! Long answers live no longer than their right.

use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use bytes::Bytes;
use gambeson_core::{Authentication, Challenges, ManualClock, Principal, RequestFacts, Timestamp};
use gambeson_oidc_auth::cut_off::{CredentialEnded, CutOffLayer, ResponseBody};
use gambeson_oidc_auth::{AuthLayer, Denial, Denylist};
use gambeson_testing::contract::{self, Cases};
use http::{Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tower::{Layer, ServiceExt, service_fn};

use crate::fake_issuer::{ISSUER, START, claims, poll_once, static_verifier};
use crate::signer::Signer;

/// Events without an end, or, where it says its size, one that is slow.
pub(crate) struct Events {
    pub(crate) left: usize,
    pub(crate) size: Option<u64>,
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.left {
            0 => Poll::Pending,
            _ => {
                self.left -= 1;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"event")))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.size.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Scene {
    clock: ManualClock,
    list: Denylist,
    auth: AuthLayer,
    cut_off: CutOffLayer,
    token: String,
}

impl Scene {
    fn new() -> Self {
        let signer = Signer::es256("k");
        let clock = ManualClock::at(Timestamp::from_unix_seconds(START));
        let list = Denylist::builder().clock(Arc::new(clock.clone())).build().unwrap();
        let verifier = static_verifier(&[&signer]).clock(Arc::new(clock.clone())).denylist(list.clone());
        let auth = AuthLayer::new(verifier.build().unwrap());
        let cut_off =
            CutOffLayer::with(Arc::new(clock.clone()), Arc::new(clock.clone())).denylist(list.clone());
        Self { clock, list, auth, cut_off, token: signer.token(&claims()) }
    }

    async fn answer(&self, request: Request<()>, size: Option<u64>) -> ResponseBody<Events> {
        let app = service_fn(move |_: Request<()>| async move {
            Ok::<_, Infallible>(Response::new(Events { left: 1, size }))
        });
        self.cut_off.layer(app).oneshot(request).await.unwrap().into_body()
    }

    /// The answer to alice, as the token says.
    async fn to_alice(&self, size: Option<u64>) -> ResponseBody<Events> {
        let mut request = Request::new(());
        let facts = RequestFacts::ensure(&mut request);
        let alice = self.auth.verifier().unwrap().verify(&self.token).unwrap();
        facts.authenticate(Authentication::Verified(alice, Challenges::none())).unwrap();
        self.answer(request, size).await
    }
}

/// What the body does now: `None` while it waits.
fn now(body: &mut ResponseBody<Events>) -> Option<Result<Bytes, String>> {
    match poll_once(pin!(body.frame())) {
        Poll::Pending => None,
        Poll::Ready(None) => Some(Err("the end".into())),
        Poll::Ready(Some(frame)) => match frame {
            Ok(frame) => Some(Ok(frame.into_data().unwrap_or_default())),
            Err(error) => {
                assert!(error.is::<CredentialEnded>(), "{error}");
                Some(Err("cut off".into()))
            }
        },
    }
}

fn cut_off() -> Option<Result<Bytes, String>> {
    Some(Err("cut off".into()))
}

#[tokio::test]
async fn an_answer_ends_with_its_token() {
    let scene = Scene::new();
    let mut body = scene.to_alice(None).await;
    assert_eq!(now(&mut body), Some(Ok(Bytes::from_static(b"event"))));
    scene.clock.advance(Duration::from_secs(329));
    assert_eq!(now(&mut body), None, "within the leeway");
    scene.clock.advance(Duration::from_secs(1));
    assert_eq!(now(&mut body), cut_off());
    assert_eq!(now(&mut body), Some(Err("the end".into())));
    assert!(body.is_end_stream());
}

#[tokio::test]
async fn an_answer_ends_with_a_denial_of_its_caller_and_no_others() {
    let scene = Scene::new();
    let (mut body, mut nobodys) = (scene.to_alice(None).await, scene.answer(Request::new(()), None).await);
    assert!(now(&mut body).is_some() && now(&mut nobodys).is_some());
    scene.list.deny(&Denial::subject(ISSUER, "bob"));
    assert_eq!(now(&mut body), None);
    scene.list.deny(&Denial::subject(ISSUER, "alice"));
    assert_eq!((now(&mut body), now(&mut nobodys)), (cut_off(), None));
}

/// Whoever waits for the next event is woken: nobody polls an idle stream.
#[tokio::test]
async fn a_waiting_answer_is_woken_by_the_denial() {
    let scene = Scene::new();
    let mut body = scene.to_alice(None).await;
    let _ = now(&mut body);
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    assert!(Pin::new(&mut body).poll_frame(&mut Context::from_waker(&waker)).is_pending());
    scene.list.deny(&Denial::subject(ISSUER, "bob"));
    assert!(!bell.0.load(Ordering::SeqCst));
    scene.list.deny(&Denial::issuer(ISSUER));
    assert!(bell.0.load(Ordering::SeqCst));
    assert_eq!(now(&mut body), cut_off());
}

#[tokio::test]
async fn an_answer_ends_with_its_session() {
    let scene = Scene::new();
    let person = Principal::user(ISSUER, "carol").build();
    let mut request = Request::new(());
    let facts = RequestFacts::ensure(&mut request);
    facts.authenticate(Authentication::Verified(person.clone(), Challenges::none())).unwrap();
    let mut body = scene.answer(request, None).await;
    let _ = now(&mut body);
    assert_eq!(now(&mut body), None);
    person.end_signal().end();
    assert_eq!(now(&mut body), cut_off());
}

#[tokio::test]
async fn an_answer_that_says_its_size_is_let_finish() {
    let scene = Scene::new();
    let mut body = scene.to_alice(Some(10)).await;
    scene.list.deny(&Denial::subject(ISSUER, "alice"));
    assert_eq!(now(&mut body), Some(Ok(Bytes::from_static(b"event"))));
    let off = CutOffLayer::off();
    let app =
        service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Events { left: 1, size: None })));
    assert_eq!(off.layer(app).oneshot(Request::new(())).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn the_layer_keeps_the_laws() {
    let layer = Scene::new().cut_off;
    let request = || Request::get("/events").body(()).unwrap();
    let checked = layer.clone();
    contract::check(move || checked.clone(), Cases::passing(request)).await;
    contract::check(CutOffLayer::off, Cases::passing(request)).await;
    assert_eq!(contract::adopt::axum(layer.clone(), request()).await.status(), 200);
    assert_eq!(contract::adopt::hyper(layer, request()).await.unwrap().status(), 200);
}

#[tokio::test]
async fn it_goes_with_the_layer_that_says_who_is_calling() {
    let scene = Scene::new();
    let app = service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(http_body_util::Full::new(Bytes::from_static(b"notes"))))
    });
    let inside = scene.auth.layer(scene.cut_off.layer(app));
    let outside = scene.cut_off.layer(scene.auth.layer(app));
    let request = || {
        let request = Request::get("/notes").header(header::AUTHORIZATION, format!("Bearer {}", scene.token));
        request.body(()).unwrap()
    };
    let told = inside.oneshot(request()).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(told, "notes");
    assert_eq!(outside.oneshot(request()).await.unwrap().status(), StatusCode::OK);
}
