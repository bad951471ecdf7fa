//! The other service, and how it is called.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::Bytes;
use gambeson_core::{BoxError, Refused};
use gambeson_oidc_auth::outgoing::{SentOnce, TokenLayer, TokenSource};
use http::{Request, Response, header};
use http_body_util::Full;
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};

use crate::fake_issuer::poll_once;

pub(crate) const API: &str = "https://orders.example.com";

/// What the other side saw of each request: its `Authorization` field, and its body's length.
#[derive(Debug, Clone, Default)]
pub(crate) struct Api {
    seen: Arc<Mutex<Vec<Option<String>>>>,
    refused: Arc<Mutex<Vec<String>>>,
}

impl Api {
    /// Answers 401 to this token from now on.
    pub(crate) fn refuse(&self, token: &str) {
        self.refused.lock().unwrap().push(format!("Bearer {token}"));
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|seen| seen.clone().unwrap_or_default()).collect()
    }

    fn answer(&self, authorization: Option<String>, body: &Full<Bytes>) -> Response<Full<Bytes>> {
        let refused = self.refused.lock().unwrap();
        let bad = authorization
            .as_ref()
            .is_some_and(|sent| refused.iter().any(|bad| bad == sent || bad == "Bearer *"));
        self.seen.lock().unwrap().push(authorization);
        Response::builder().status(if bad { 401 } else { 200 }).body(body.clone()).unwrap()
    }

    pub(crate) fn service(
        &self,
    ) -> BoxCloneSyncService<Request<Full<Bytes>>, Response<Full<Bytes>>, BoxError> {
        let api = self.clone();
        BoxCloneSyncService::new(service_fn(move |request: Request<Full<Bytes>>| {
            let api = api.clone();
            async move {
                let values: Vec<_> = request.headers().get_all(header::AUTHORIZATION).iter().collect();
                assert!(values.len() < 2, "{values:?}");
                let sent = values.first().map(|value| {
                    assert!(value.is_sensitive() || *value == "Basic YTpi");
                    value.to_str().unwrap().to_owned()
                });
                Ok(api.answer(sent, request.body()))
            }
        }))
    }

    /// One call through a layer.
    pub(crate) async fn ask<R>(
        &self,
        layer: &TokenLayer<R>,
        request: Request<Full<Bytes>>,
    ) -> Result<u16, (u16, &'static str)>
    where
        R: gambeson_oidc_auth::outgoing::Repeat<Full<Bytes>> + Send + Sync + 'static,
    {
        match layer.layer(self.service()).oneshot(request).await {
            Ok(answer) => Ok(answer.status().as_u16()),
            Err(error) => {
                let rejection = error.downcast::<Refused>().unwrap().0;
                Err((rejection.status().as_u16(), rejection.slug()))
            }
        }
    }

    pub(crate) async fn get<R>(&self, layer: &TokenLayer<R>) -> Result<u16, (u16, &'static str)>
    where
        R: gambeson_oidc_auth::outgoing::Repeat<Full<Bytes>> + Send + Sync + 'static,
    {
        self.ask(layer, request(API)).await
    }
}

pub(crate) fn request(url: &str) -> Request<Full<Bytes>> {
    Request::get(url).body(Full::default()).unwrap()
}

/// Tokens of this source for the API, and for nobody else.
pub(crate) fn to_api(source: &TokenSource) -> TokenLayer<SentOnce> {
    TokenLayer::builder(source.clone()).origin(API).build().unwrap()
}

pub(crate) const UNAVAILABLE: Result<u16, (u16, &str)> = Err((503, "outgoing-token-unavailable"));
pub(crate) const REFUSED: Result<u16, (u16, &str)> = Err((502, "outgoing-token-refused"));

/// All of them at once: each has begun before the first one is waited for.
pub(crate) async fn together<T>(calls: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut calls: Vec<_> = calls.into_iter().map(|call| (Box::pin(call), None)).collect();
    for (call, answer) in &mut calls {
        if let Poll::Ready(ready) = poll_once(call.as_mut()) {
            *answer = Some(ready);
        }
    }
    let mut answers = Vec::new();
    for (call, answer) in calls {
        answers.push(match answer {
            Some(answer) => answer,
            None => call.await,
        });
    }
    answers
}
